"""Does the photo show the face that was drawn? Landmarks of output and true photo, compared.

All 468 points of MediaPipe's face mesh count, the ten iris points do not. Both photos are in the aligned
512 px face frame and are compared as they lie there: a face that is drawn shifted, tilted or too large
counts as wrong, because no realignment takes that away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.face_mesh import FACE_POINTS, POINTS

# The corners of each eye; their middle is an eye's centre, which does not follow the gaze.
EYE_CORNERS_LEFT = (33, 133)
EYE_CORNERS_RIGHT = (362, 263)

Landmarks = NDArray[np.floating]


@dataclass(frozen=True)
class Faithfulness:
    """How well a set of outputs obeys its sketches; distances in % of the true face's eye distance.

    Attributes
    ----------
    n
        Outputs looked at.
    face_found
        Share in which a face was found, in [0, 1].
    mean, p95
        Of the landmark distance, over the outputs with a face; NaN where there is none.
    shuffled_mean
        The same with every output held against another person's photo: what a generator that ignores
        the sketch would get. NaN with fewer than two faces.
    """

    n: int
    face_found: float
    mean: float
    p95: float
    shuffled_mean: float


def eye_distance(landmarks: Landmarks) -> float:
    """Distance between the eye centres, in the unit of ``landmarks`` (478 rows, x and y first)."""
    points = _face(landmarks, "landmarks")
    left, right = (points[list(corners)].mean(axis=0) for corners in (EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT))
    return float(np.linalg.norm(left - right))


def landmark_distance(output: Landmarks, true: Landmarks) -> float:
    """Mean distance of corresponding face points, as a share of the true face's eye distance.

    Parameters
    ----------
    output, true : (478, 2) or (478, 3)
        Landmarks in pixels of the same frame; a third column is ignored.

    Returns
    -------
    distance
        0 for the same face at the same place; 0.03 is 3 % of the eye distance.

    Raises
    ------
    ValueError
        On another shape, on NaN, or if the true face's eyes coincide.
    """
    ours, theirs = _face(output, "output"), _face(true, "true")
    scale = eye_distance(true)
    if scale <= 0:
        raise ValueError("the eyes of the true face coincide; these are no landmarks of a face.")
    return float(np.linalg.norm(ours - theirs, axis=1).mean() / scale)


def face_found_rate(outputs: Sequence[Landmarks | None]) -> float:
    """Share of outputs with a face, in [0, 1]; ``None`` stands for no face."""
    if not outputs:
        raise ValueError("expected at least one output, got none.")
    return sum(landmarks is not None for landmarks in outputs) / len(outputs)


def faithfulness(
    outputs: Sequence[Landmarks | None], truths: Sequence[Landmarks], *, seed: int = 0
) -> Faithfulness:
    """Compare outputs with the true photos that their sketches came from, and with shuffled ones.

    Parameters
    ----------
    outputs
        Landmarks (478, 2 or 3) of each output, ``None`` where no face was found.
    truths
        Landmarks of the true photos, in the same order and frame.
    seed
        Of the shuffle; no output keeps its own photo.
    """
    if len(outputs) != len(truths):
        raise ValueError(f"expected as many outputs as true photos, got {len(outputs)} and {len(truths)}.")
    rate = face_found_rate(outputs)
    found = [(ours, true) for ours, true in zip(outputs, truths, strict=True) if ours is not None]
    distances = [100 * landmark_distance(ours, true) for ours, true in found]
    strangers = shuffled_partners(len(found), seed=seed) if len(found) > 1 else []
    control = [100 * landmark_distance(found[i][0], found[j][1]) for i, j in enumerate(strangers)]
    return Faithfulness(
        n=len(outputs),
        face_found=rate,
        mean=float(np.mean(distances)) if distances else float("nan"),
        p95=float(np.percentile(distances, 95)) if distances else float("nan"),
        shuffled_mean=float(np.mean(control)) if control else float("nan"),
    )


def shuffled_partners(count: int, *, seed: int = 0) -> list[int]:
    """For each of ``count`` items another one, each used once: a single random cycle (Sattolo 1986)."""
    if count < 2:
        raise ValueError(f"shuffling needs at least two items, got {count}.")
    rng = np.random.default_rng(seed)
    partners = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(rng.integers(0, i))
        partners[i], partners[j] = partners[j], partners[i]
    return partners


def _face(landmarks: Landmarks, what: str) -> NDArray[np.float64]:
    """x and y of the 468 face points, checked."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 2 or points.shape[0] != POINTS or points.shape[1] not in (2, 3):
        raise ValueError(f"{what} must be ({POINTS}, 2) or ({POINTS}, 3), got {points.shape}.")
    if not np.isfinite(points[:, :2]).all():
        raise ValueError(f"{what} holds NaN or infinity.")
    face: NDArray[np.float64] = points[:FACE_POINTS, :2]
    return face
