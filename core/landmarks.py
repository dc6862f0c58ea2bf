"""Face landmarks by MediaPipe's Face Landmarker (the only module that imports mediapipe).

One image of another kind than 8-bit RGB poisons a landmarker for good, one made before a fork hangs,
and two threads on one are slower than one each. Many photos of strangers therefore go through the
worker processes of ``curation``; use this class directly for a few pictures, one thread at a time.
"""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from core.face_mesh import POINTS

LEAST_CONFIDENCE = 0.3  # of the detector alone; landmarks ask for 0.5


@dataclass(frozen=True)
class FaceLandmarks:
    """One face."""

    # (478, 3) float32: x and y in pixels of the image given, z in the same scale, smaller is nearer.
    points: np.ndarray
    # (3, 3) float32: head rotation in the camera's frame (x right, y up, z to the viewer), ``Rz @ Ry @ Rx``. A face
    # off the picture's centre reads up to 8 degrees differently: `curation.pose` corrects that.
    rotation: np.ndarray
    faces: int  # how many faces were found; ``points`` is the largest
    others: tuple[np.ndarray, ...] = ()  # tuple of (478, 3) float32: points of the other faces


class FaceLandmarker:
    """Find the largest face of an image.

    Parameters
    ----------
    model
        ``face_landmarker.task``; see ``core.assets``.
    max_faces
        How many faces to look for.
    """

    def __init__(self, model: str | Path, *, max_faces: int = 2) -> None:
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        self._model = Path(model)
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=Path(model).read_bytes()),
            num_faces=max_faces,
            output_facial_transformation_matrixes=True,
        )
        self._image = mp.Image
        self._srgb = mp.ImageFormat.SRGB
        self._opened = ExitStack()
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._opened.callback(self._landmarker.close)

    def detect(self, photo: np.ndarray) -> FaceLandmarks | None:
        """Landmarks of the largest face, or ``None``.

        Parameters
        ----------
        photo : (H, W, 3) uint8

        Raises
        ------
        ValueError
            For any other shape or dtype (such an image would poison MediaPipe).
        """
        found = self._landmarker.detect(self._checked(photo))
        if not found.face_landmarks:
            return None
        height, width = photo.shape[:2]
        scale = np.array([width, height, width], dtype=np.float32)
        faces = [
            np.array([(p.x, p.y, p.z) for p in face], dtype=np.float32) * scale
            for face in found.face_landmarks
        ]
        largest = max(range(len(faces)), key=lambda i: float(np.prod(np.ptp(faces[i][:, :2], axis=0))))
        points = faces[largest]
        if points.shape != (POINTS, 3):
            raise ValueError(f"expected {POINTS} landmarks, the model gave {points.shape[0]}")
        matrix = np.asarray(found.facial_transformation_matrixes[largest], dtype=np.float32)
        rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0, keepdims=True)
        others = tuple(face for i, face in enumerate(faces) if i != largest)
        return FaceLandmarks(points=points, rotation=rotation, faces=len(faces), others=others)

    def confidence(self, photo: np.ndarray) -> float:
        """Say how sure the detector before the landmarks is of its surest upright face; 0 for none.

        It looks at 128 px and takes half a millisecond, a tenth of `detect`. Of 300 portraits each scored
        at least .87 upright, and more upright than turned by a quarter or upside down (.90 at most), where
        the landmarks fit just as well to a face that stands on its head.

        Parameters
        ----------
        photo : (H, W, 3) uint8
        """
        found = self._detector.detect(self._checked(photo)).detections
        return max((float(one.categories[0].score) for one in found), default=0.0)

    @cached_property
    def _detector(self) -> Any:
        from mediapipe.tasks.python import BaseOptions, vision

        with zipfile.ZipFile(self._model) as bundle:
            model = bundle.read("face_detector.tflite")
        options = vision.FaceDetectorOptions(
            base_options=BaseOptions(model_asset_buffer=model), min_detection_confidence=LEAST_CONFIDENCE
        )
        detector = vision.FaceDetector.create_from_options(options)
        self._opened.callback(detector.close)
        return detector

    def _checked(self, photo: np.ndarray) -> Any:
        """The photo as MediaPipe's image."""
        if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or 0 in photo.shape:
            raise ValueError(f"expected a photo (H, W, 3) uint8, got {photo.shape} {photo.dtype}")
        return self._image(image_format=self._srgb, data=np.ascontiguousarray(photo))

    def close(self) -> None:
        """Free the models; a landmarker left to the garbage collector can hang at exit."""
        self._opened.close()

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
