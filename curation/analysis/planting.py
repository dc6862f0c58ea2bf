"""Make damaged and covered faces with their labels, ready for a network to learn from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core import face_mesh
from core.face_frame import FRAME
from curation.analysis.occluders import (
    COVERS,
    Face,
    Planted,
    Rng,
    clear_glasses,
    hat,
    smooth_noise,
    soften,
    thing,
)

GRID = 12
UNKNOWN = -1.0


@dataclass(frozen=True)
class Example:
    """A face and what is true of it."""

    photo: np.ndarray  # (512, 512, 3) uint8
    # (3, 12, 12) float32: part of each cell that hides the face, that a hat takes up, and that belongs to the face.
    cells: np.ndarray
    # covered, head_covered: 1, 0, or `UNKNOWN` where it is neither clearly hidden nor clearly free.
    covered: float
    head_covered: float


def make_example(rng: Rng, kind: str, face: Face, donor: Face, *, has_hat: bool) -> Example:
    """Plant one kind of thing, then damage the picture as cameras and alignment do.

    Parameters
    ----------
    kind
        A key of `COVERS`, or ``clear``, ``clear_glasses``, ``beside``, ``hat``.
    has_hat
        Whether the face wears a real one; where that is, nobody has drawn.
    """
    photo, points = face.photo, face.points[:, :2]
    hidden = np.zeros((FRAME, FRAME), np.float32)
    headwear = np.zeros((FRAME, FRAME), np.float32)
    if kind == "hat" or (kind in COVERS and rng.random() < 0.12):
        planted = _above_brows(hat(rng, face, donor), points)
        photo, headwear = planted.on(photo), planted.alpha
    if kind == "clear_glasses" or (kind not in COVERS and rng.random() < 0.1):
        photo = clear_glasses(rng, face, donor).on(photo)
    if kind == "beside":
        photo = _off_the_face(thing(rng, _moved_off(rng, face), donor), points).on(photo)
    if kind in COVERS:
        planted = COVERS[kind](rng, Face(photo, face.points), donor)
        photo, hidden = planted.on(photo), planted.alpha
    covered = covered_label(hidden, points)
    on_head = 1.0 if has_hat or headwear.max() > 0.5 else 0.0
    layers = np.stack([hidden, headwear, face_area(points)], axis=2)
    photo, layers = _misalign(rng, photo, layers)
    cells = cv2.resize(layers, (GRID, GRID), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    return Example(damage(rng, photo), np.ascontiguousarray(np.clip(cells, 0, 1)), covered, on_head)


def face_area(points: np.ndarray) -> np.ndarray:
    """Mark the face from the brows down, where nothing should be in the way: (512, 512) float32 mask."""
    mask = _filled(points[list(face_mesh.FACE_OVAL)])
    brows = points[list(face_mesh.BROW_LEFT_LOWER + face_mesh.BROW_RIGHT_LOWER), 1].min()
    mask[: max(int(brows), 0)] = 0
    return mask


def covered_label(hidden: np.ndarray, points: np.ndarray) -> float:
    """Label a covering: 1 when an eye, the mouth or a fifth of the face is gone, 0 if nothing, else `UNKNOWN`."""
    outlines = (
        face_mesh.EYE_LEFT_UPPER + face_mesh.LID_LEFT,
        face_mesh.EYE_RIGHT_UPPER + face_mesh.LID_RIGHT,
    )
    eyes = max(_hidden_part(hidden, points[list(eye)]) for eye in outlines)
    mouth = _hidden_part(hidden, points[list(face_mesh.LIPS_OUTER_UPPER + face_mesh.LIPS_OUTER_LOWER)])
    area = face_area(points)
    whole = float((hidden * area).sum() / max(float(area.sum()), 1.0))
    if eyes > 0.5 or mouth > 0.6 or whole > 0.2:
        return 1.0
    return 0.0 if max(eyes, mouth) < 0.08 and whole < 0.03 else UNKNOWN


def damage(rng: Rng, photo: np.ndarray) -> np.ndarray:
    """Damage a photo as cameras, light and networks do; nothing of it covers a face."""
    image: np.ndarray = photo.astype(np.float32)
    if rng.random() < 0.5:
        image = 255 * np.clip(image / 255, 0, 1) ** rng.uniform(0.55, 1.8)
        image = (image - 110) * rng.uniform(0.6, 1.3) + 110 + rng.uniform(-25, 25)
    if rng.random() < 0.25:
        image = image * rng.uniform(0.75, 1.25, 3).astype(np.float32)
    if rng.random() < 0.2:  # light from one side, or the shadow of a tree
        angle = rng.uniform(0, 2 * np.pi)
        ys, xs = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32) / FRAME - 0.5
        ramp = np.tanh((xs * np.cos(angle) + ys * np.sin(angle)) * rng.uniform(2, 12))
        if rng.random() < 0.3:
            ramp = np.tanh(2 * smooth_noise(rng, rng.uniform(50, 160)))
        image = image * (1 - rng.uniform(0.1, 0.4) * (1 + ramp))[..., None]
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 4))
    if rng.random() < 0.2:
        side = int(rng.uniform(96, 320))
        image = cv2.resize(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), (FRAME, FRAME))
    if rng.random() < 0.25:
        image = image + rng.normal(0, rng.uniform(2, 14), image.shape).astype(np.float32)
    if rng.random() < 0.08:
        image = np.repeat(image.mean(2, keepdims=True), 3, axis=2)
    edited = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        _, data = cv2.imencode(".jpg", edited, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(15, 90))])
        edited = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return edited


def _misalign(rng: Rng, photo: np.ndarray, layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turned, shifted, stretched and mirrored as after landmarks that are a little off."""
    spread = rng.choice([0.3, 1.0, 1.8])
    turn = np.radians(rng.normal(0, 2.5) * spread)
    stretch = 1 + rng.normal(0, 0.04, 2) * spread
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag(stretch)
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([-1, 1])
    centre = np.array([FRAME / 2, FRAME / 2])
    shift = centre - matrix @ centre + rng.normal(0, 6, 2) * spread
    affine = np.concatenate([matrix, shift[:, None]], axis=1)
    photo = cv2.warpAffine(photo, affine, (FRAME, FRAME), borderMode=cv2.BORDER_REFLECT_101)
    return photo, cv2.warpAffine(layers, affine, (FRAME, FRAME))


def _above_brows(planted: Planted, points: np.ndarray) -> Planted:
    """A hat that leaves the eyes free."""
    free = 1 - soften(face_area(points), 2)
    return Planted(planted.alpha * free, planted.surface, planted.shadow)


def _off_the_face(planted: Planted, points: np.ndarray) -> Planted:
    """A thing that stands beside the face, so that it hides nothing of it."""
    free = 1 - soften(cv2.dilate(_filled(points[list(face_mesh.FACE_OVAL)]), np.ones((9, 9))), 2)
    return Planted(planted.alpha * free, planted.surface)


def _moved_off(rng: Rng, face: Face) -> Face:
    """The same face as if it were elsewhere in the frame, to aim things beside it."""
    angle = rng.uniform(0, 2 * np.pi)
    away = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(150, 230)
    points = face.points.copy()
    points[:, :2] += away
    return Face(face.photo, points)


def _hidden_part(hidden: np.ndarray, outline: np.ndarray) -> float:
    mask = np.zeros((FRAME, FRAME), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline).astype(np.int32)), 1)
    return float(hidden[mask > 0].mean()) if mask.any() else 0.0


def _filled(outline: np.ndarray) -> np.ndarray:
    mask = np.zeros((FRAME, FRAME), np.float32)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1.0)
    return mask
