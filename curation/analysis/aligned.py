"""Align a face to the template, and make the row that is kept of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from core import sketches
from core.errors import UnsafeImage
from core.images import read_photo
from curation.align import Alignment, align_anchors, move_points, warp_photo
from curation.analysis import hashes
from curation.ingest import read_source
from curation.library.records import Examination, Measurements

DIGITS = 6


def read_original(path: Path, image_id: str) -> np.ndarray:
    """Decode an original after making sure that it is the one that was taken in.

    Raises
    ------
    UnsafeImage
        If it is gone, cannot be read, has changed, or is no picture any more.
    """
    try:
        data = read_source(path)
    except FileNotFoundError:
        raise UnsafeImage(
            f"The original is gone from the library ({path.name[:12]}...). Add it again."
        ) from None
    except OSError as error:
        raise UnsafeImage(f"The original cannot be read: {error.strerror or error}.") from error
    if (got := hashlib.sha256(data).hexdigest()) != image_id:
        raise UnsafeImage(
            f"The original has changed since it was added: its sha256 is {got[:12]}..., not "
            f"{image_id[:12]}... Delete it and add it again."
        )
    return read_photo(data)


@dataclass(frozen=True)
class AlignedFace:
    """A face on the template."""

    photo: np.ndarray  # (512, 512, 3) uint8
    alignment: Alignment
    # (478, 2) float16: in the frame; empty where no mesh is known. As stored: whoever draws the sketch again gets the
    # same.
    landmarks: np.ndarray
    anchors: np.ndarray  # (3, 2) float32: in the source's pixels

    def sketch(self) -> np.ndarray:
        """Draw the sketch: (512, 512) uint8, black on white."""
        if not len(self.landmarks):
            return sketches.soft_threshold(sketches.line_map(self.photo))
        return sketches.sketch_from_photo(self.photo, self.landmarks.astype(np.float32))


def align_face(photo: np.ndarray, anchors: np.ndarray, points: np.ndarray | None) -> AlignedFace:
    """Bring a face onto the template by three points; ``points`` are its mesh in the photo's pixels.

    Raises
    ------
    ValueError
        If the three points lie on a line.
    """
    alignment = align_anchors(anchors, (photo.shape[1], photo.shape[0]))
    landmarks = np.empty((0, 2), np.float16)
    if points is not None:
        landmarks = move_points(points[:, :2], alignment.matrix).astype(np.float16)
    return AlignedFace(
        warp_photo(photo, alignment.matrix), alignment, landmarks, np.asarray(anchors, np.float32)
    )


def points_in_photo(examination: Examination) -> np.ndarray | None:
    """Take the stored mesh, taken back from the frame into the source's pixels: (478, 2)."""
    if not examination.landmarks or not examination.anchors:
        return None
    landmarks = np.frombuffer(examination.landmarks, np.float16).reshape(-1, 2)
    matrix = align_anchors(np.array(examination.anchors), (1, 1)).matrix
    return move_points(landmarks, cv2.invertAffineTransform(matrix))


def make_row(image_id: str, photo: np.ndarray, aligned: AlignedFace, measured: Measurements) -> Examination:
    """Make the row of an aligned face, without embedding and versions.

    Rounded: the last bits of a sum must not tell two machines apart.
    """
    height, width = photo.shape[:2]
    phash, phash_mirror = hashes.hash_face(aligned.photo)
    anchors = np.round(aligned.anchors.astype(np.float64), 3).tolist()
    measured = replace(
        measured,
        width=width,
        height=height,
        eye_distance_px=round(float(np.linalg.norm(aligned.anchors[1] - aligned.anchors[0])), DIGITS),
        stretch=round(aligned.alignment.stretch, DIGITS),
        padding=round(aligned.alignment.padding, DIGITS),
    )
    return Examination(
        image_id,
        "ok",
        measurements=measured,
        anchors=tuple((x, y) for x, y in anchors),
        landmarks=aligned.landmarks.tobytes(),
        phash=phash,
        phash_mirror=phash_mirror,
    )
