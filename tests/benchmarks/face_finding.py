"""Part of `tests.benchmarks.judging_validity`: is the face found, and do pose and alignment hold?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from sklearn.datasets import load_sample_image

from core import face_mesh
from core.face_frame import alignment_targets
from core.landmarks import FaceLandmarker
from curation.align import find_alignment, move_points, warp_photo
from curation.analysis.faces import FoundFace, find_face
from curation.pose import HeadPose

BACKGROUNDS = ("china.jpg", "flower.jpg")
TURNED = np.array([0, 0, 10])
SIGNS = np.array([-1, 1, -1])  # what mirroring does to yaw, pitch, roll


def check_pose(photos: Sequence[np.ndarray], landmarker: FaceLandmarker) -> dict[str, Any]:
    """Differences in degrees [yaw, pitch, roll] after mirroring, turning and moving the photo."""
    mirrored, turned, placed = [], [], []
    for number, photo in enumerate(photos):
        pose = _pose(photo, landmarker)
        if pose is None:
            continue
        mirrored.append(_difference(_pose(photo[:, ::-1], landmarker), pose * SIGNS))
        turned.append(_difference(_pose(_turn(photo, 10), landmarker), pose + TURNED))
        if number % 3 == 0:
            placed += [_difference(_pose(wide, landmarker), pose) for wide in _nine_places(photo)]
    return {
        "mirrored": _summary(mirrored),
        "turned_10_degrees": _summary(turned),
        "nine_placements": _summary(placed),
    }


def check_small(
    photos: Sequence[np.ndarray],
    landmarker: FaceLandmarker,
    *,
    side: int,
    share: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Portraits that take ``share`` of the side of a canvas, anywhere, on four kinds of background."""
    found, faces, spent = 0, [], []
    for number, photo in enumerate(photos):
        canvas = _background(number, side, rng)
        small = round(side * share)
        left, top = rng.integers(0, side - small + 1, 2)
        canvas[top : top + small, left : left + small] = cv2.resize(
            photo, (small, small), interpolation=cv2.INTER_AREA
        )
        begin = time.process_time()
        face = find_face(canvas, landmarker)
        spent.append(time.process_time() - begin)
        if face is not None:
            centre = face.points[:, :2].mean(axis=0) - (left + small / 2, top + small * 0.6)
            found += bool(np.abs(centre).max() < 0.2 * small)
            faces.append(face.faces)
    return {
        "photos": len(photos),
        "found": round(found / len(photos), 3),
        "mean_faces": round(float(np.mean(faces)), 3) if faces else None,
        "cpu_ms_mean": round(1000 * float(np.mean(spent)), 1),
        "cpu_ms_max": round(1000 * float(np.max(spent)), 1),
    }


def check_no_face(landmarker: FaceLandmarker, *, side: int, rng: np.random.Generator) -> dict[str, Any]:
    """Pictures without a face: what looking for one costs at worst, and whether one is imagined."""
    spent, looks = [], 0
    counted = _CountedLandmarker(landmarker)
    for number in range(8):
        canvas = _background(number, side, rng)
        begin = time.process_time()
        imagined = find_face(canvas, counted)  # type: ignore[arg-type]
        spent.append(time.process_time() - begin)
        looks = max(looks, counted.take())
        if imagined is not None:
            return {"imagined": True}
    return {"imagined": False, "most_detections": looks, "cpu_ms_max": round(1000 * max(spent), 1)}


def check_alignment(photos: Sequence[np.ndarray], landmarker: FaceLandmarker) -> dict[str, float]:
    """Distance of the eyes from the template, in px of 512: as moved, and seen again in the crop."""
    before, after = [], []
    targets = alignment_targets()[:2]
    for photo in photos:
        found = find_face(photo, landmarker)
        if found is None:
            continue
        alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
        moved = face_mesh.anchors(move_points(found.points, alignment.matrix))[:2]
        before += list(np.linalg.norm(moved - targets, axis=1))
        again = find_face(warp_photo(photo, alignment.matrix), landmarker)
        if again is not None:
            after += list(np.linalg.norm(face_mesh.anchors(again.points)[:2] - targets, axis=1))
    return {
        "before_max": round(float(np.max(before)), 3),
        "after_median": round(float(np.median(after)), 2),
        "after_p95": round(float(np.percentile(after, 95)), 2),
    }


class _CountedLandmarker:
    """A landmarker that counts how often it is asked."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._count = 0

    def detect(self, photo: np.ndarray) -> object:
        self._count += 1
        return self._landmarker.detect(photo)

    def take(self) -> int:
        count, self._count = self._count, 0
        return count


def _pose(photo: np.ndarray, landmarker: FaceLandmarker) -> np.ndarray | None:
    found: FoundFace | None = find_face(np.ascontiguousarray(photo), landmarker)
    return None if found is None else _angles(found.pose)


def _angles(pose: HeadPose) -> np.ndarray:
    return np.array([pose.yaw, pose.pitch, pose.roll])


def _difference(pose: np.ndarray | None, expected: np.ndarray) -> np.ndarray:
    return np.full(3, 90.0) if pose is None else np.abs(pose - expected)


def _summary(differences: list[np.ndarray]) -> dict[str, Any]:
    values = np.array(differences)
    return {
        "photos": len(values),
        "mean": values.mean(axis=0).round(2).tolist(),
        "p95": np.percentile(values, 95, axis=0).round(2).tolist(),
        "max": values.max(axis=0).round(2).tolist(),
        "within_1": (values <= 1).mean(axis=0).round(3).tolist(),
    }


def _turn(photo: np.ndarray, degrees: float) -> np.ndarray:
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return cv2.warpAffine(photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _nine_places(photo: np.ndarray) -> list[np.ndarray]:
    height, width = photo.shape[:2]
    pictures = []
    for top in (0, height // 2, height):
        for left in (0, width // 2, width):
            wide = np.full((2 * height, 2 * width, 3), 127, np.uint8)
            wide[top : top + height, left : left + width] = photo
            pictures.append(wide)
    return pictures


def _background(number: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Plain, noise, or one of two photographs without people."""
    kind = number % 4
    if kind == 0:
        return np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    if kind == 1:
        small = rng.integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8)
        return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(load_sample_image(BACKGROUNDS[kind - 2]), (side, side), interpolation=cv2.INTER_CUBIC)
