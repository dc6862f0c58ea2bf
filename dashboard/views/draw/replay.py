"""Show how strokes become a face: a short animated WebP, made when somebody asks for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from core.strokes import Stroke, render_strokes
from dashboard.views.draw.drawing import scan_of, strokes_from_fabric

if TYPE_CHECKING:
    from dashboard.views.draw.state import Shown

SIDE = 384
DRAWN_MS, DRAWN_FRAMES = 70, 48  # of all strokes together, however many they are
FADE_MS, FADE_FRAMES = 70, 12
LAST_MS = 2200
QUALITY = 82


def make_replay(shown: Shown, progress: Callable[[int, int], None] | None = None) -> bytes:
    """Draw the strokes in their order, let the photo come out of them, and return it as an animated WebP.

    Raises
    ------
    ValueError
        If the result is of a blank drawing and holds no photo.
    """
    if shown.result.photo is None:
        raise ValueError("The drawing is blank, so there is nothing to replay. Draw a face first.")
    pages = list(drawn_pages(shown.drawing.fabric, progress=progress))
    photo = cv2.resize(shown.result.photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    last = np.repeat(pages[-1][..., None], 3, axis=2)
    shares = np.linspace(0, 1, FADE_FRAMES + 1)[1:]
    faces = [cv2.addWeighted(last, 1 - share, photo, share, 0) for share in shares]
    frames = [Image.fromarray(picture).convert("RGB") for picture in (*pages, *faces)]
    times = [DRAWN_MS] * len(pages) + [FADE_MS] * (len(faces) - 1) + [LAST_MS]
    file = io.BytesIO()
    frames[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=times,
        loop=0,
        quality=QUALITY,
        method=2,
    )
    return file.getvalue()


def drawn_pages(
    fabric: Mapping[str, Any], *, progress: Callable[[int, int], None] | None = None
) -> Iterator[np.ndarray]:
    """Give the paper again and again while it is drawn, (SIDE, SIDE) uint8; the last page is the whole drawing.

    The pen moves at one speed: a long stroke takes as many pages as several short ones.
    """
    paper = np.full((SIDE, SIDE), 255, np.uint8)
    scan = scan_of(fabric)
    if scan is not None:
        paper = np.asarray(cv2.resize(scan, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    strokes = strokes_from_fabric(fabric)
    lengths = [_length(stroke["points"]) + 1 for stroke in strokes]
    ends = np.cumsum(lengths) * DRAWN_FRAMES / max(sum(lengths), 1)
    yield paper.copy()
    for number, stroke in enumerate(strokes):
        start = ends[number - 1] if number else 0.0
        points = stroke["points"]
        shown = range(int(start) + 1, int(ends[number]) + 1)
        for page in shown:
            share = (page - start) / max(ends[number] - start, 1e-9)
            if share < 1:
                yield _with_stroke(paper, stroke, points[: max(1, round(share * len(points)))])
                if progress is not None:
                    progress(page, DRAWN_FRAMES)
        paper = _with_stroke(paper, stroke, points)
        if shown:
            yield paper
    yield paper


def _with_stroke(
    paper: np.ndarray, stroke: Mapping[str, Any], points: Sequence[Sequence[float]]
) -> np.ndarray:
    ink = render_strokes([Stroke(float(stroke["width"]), np.array(points, np.float32))], SIDE)
    return np.maximum(paper, 255 - ink) if stroke.get("erase") else np.minimum(paper, ink)


def _length(points: Sequence[Sequence[float]]) -> float:
    return float(sum(np.hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)))
