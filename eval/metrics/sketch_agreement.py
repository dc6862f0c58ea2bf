"""Does the photo obey the sketch? The output's own sketch against the one it was made from, line by line.

Both are brought to 256 px and thinned to lines one pixel wide, so that neither the pen's width nor the
model's size counts. A distance of lines says nothing alone, because any two faces have lines close by:
`eval.comparison.case_scores` holds it against the distance to other people's sketches.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.sketch_input import INK, prepare_sketch
from core.sketches import line_map, mesh_strokes, soft_threshold

SIZE = 256  # every distance here is in pixels of this size
WORST = float(np.hypot(SIZE, SIZE))  # between a sketch and a blank one
TOLERANCES_PX = (2.0, 4.0)

Photo = NDArray[np.uint8]
Sketch = NDArray[np.uint8]
Lines = NDArray[np.bool_]


@dataclass(frozen=True)
class SketchAgreement:
    """How well the lines of two sketches agree."""

    chamfer_px: float  # mean distance to the nearest line of the other sketch, averaged over both directions
    # f_2px, f_4px: harmonic mean of the shares of lines within 2 and 4 px of one of the other sketch, in [0, 1].
    f_2px: float
    f_4px: float


def own_sketch(photo: Photo, points: NDArray[np.floating] | None = None) -> Sketch:
    """Draw the sketch of an output, by the rule that training sketches are made with: (256, 256) uint8.

    Parameters
    ----------
    photo : (S, S, 3) uint8
    points : (478, 2 or 3)
        Landmarks in pixels of the photo; without them (no face was found) its edges alone are drawn.
    """
    is_smaller = photo.shape[0] > SIZE
    small = cv2.resize(photo, (SIZE, SIZE), interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR)
    sketch = soft_threshold(line_map(np.asarray(small, np.uint8)))
    if points is not None:
        scaled = np.asarray(points, dtype=np.float32)[:, :2] * (SIZE / photo.shape[0])
        sketch = np.minimum(sketch, mesh_strokes(scaled, SIZE))
    return np.asarray(sketch, np.uint8)


def lines_of(sketch: Sketch) -> Lines:
    """Lines of a sketch (H, W) uint8, black on white, one pixel wide at 256 px: (256, 256) bool."""
    ink = (prepare_sketch(sketch, SIZE) < INK).astype(np.uint8) * 255
    thin: Lines = cv2.ximgproc.thinning(ink) > 0
    return thin


def sketch_agreement(ours: Lines, theirs: Lines) -> SketchAgreement:
    """Compare the lines of two sketches; the order does not matter.

    Parameters
    ----------
    ours, theirs : (256, 256) bool
        From `lines_of`.

    Returns
    -------
    agreement
        0 px and 1 for equal lines and for two blank sketches; between a blank and a drawn one the picture's
        diagonal and 0.
    """
    if not ours.any() or not theirs.any():
        return (
            SketchAgreement(0.0, 1.0, 1.0)
            if not (ours.any() or theirs.any())
            else SketchAgreement(WORST, 0, 0)
        )
    there, back = _distances(theirs)[ours], _distances(ours)[theirs]
    near = [_f_score(there <= tolerance, back <= tolerance) for tolerance in TOLERANCES_PX]
    return SketchAgreement(float(there.mean() + back.mean()) / 2, *near)


def _distances(lines: Lines) -> NDArray[np.float32]:
    """Distance of every pixel to the nearest line."""
    away: NDArray[np.float32] = cv2.distanceTransform(
        (~lines).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return away


def _f_score(there: Lines, back: Lines) -> float:
    precision, recall = float(there.mean()), float(back.mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
