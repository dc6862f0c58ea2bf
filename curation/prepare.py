"""Make one training pair of one photo: decode, landmarks, pose, alignment, sketch. Runs in a worker."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core import face_mesh, sketches
from core.errors import UnsafeImage
from core.face_frame import FRAME
from core.images import read_photo
from core.landmarks import FaceLandmarker, FaceLandmarks
from curation.align import Alignment, find_alignment, move_points, warp_photo
from curation.ingest import read_source
from curation.manifest import Reason, Record, write_pair
from curation.png_files import encode_png_quickly
from curation.pose import HeadPose, head_pose

PIPELINE_VERSION = 2
MAX_FACES = 5


@dataclass(frozen=True)
class Gates:
    """Which faces are kept."""

    # Degrees to either side. Beyond 22 one cheek hides, and a frontal template no longer fits.
    max_yaw: float = 22.0
    # See `curation.align.Alignment`. 1.15 is where stretching starts to show, but one face in six of a good set lies
    # above it, so the default only refuses what looks wrong: 1.35.
    max_stretch: float = 1.35

    def __post_init__(self) -> None:
        if not 0 < self.max_yaw <= 90:
            raise ValueError(f"expected a yaw limit above 0 and up to 90 degrees, got {self.max_yaw}")
        if not 1 <= self.max_stretch < math.inf:
            raise ValueError(f"expected a stretch limit of 1 or more, and finite, got {self.max_stretch}")


@dataclass(frozen=True)
class PhotoTask:
    """A source file and the name of its pair."""

    path: str
    source: str
    name: str


@dataclass(frozen=True)
class PreparePhotos:
    """What a worker needs to make pairs; see `core.processes.worker_process.Setup`."""

    out: Path  # folder that holds ``photos/`` and ``sketches/``
    model: Path  # the face landmarker's model file
    gates: Gates
    versions: dict[str, Any]  # written into every record

    @contextmanager
    def __call__(self) -> Iterator[Callable[[PhotoTask], Record]]:
        cv2.setNumThreads(1)
        with FaceLandmarker(self.model, max_faces=MAX_FACES) as landmarker:
            yield lambda task: self.prepare(task, landmarker)

    def prepare(self, task: PhotoTask, landmarker: FaceLandmarker) -> Record:
        """Make one pair, or find out why not.

        Raises
        ------
        OSError
            If the pair cannot be written.
        """
        sha256 = ""
        try:
            data = read_source(Path(task.path))
            sha256 = hashlib.sha256(data).hexdigest()
            photo = read_photo(data)
        except (UnsafeImage, OSError) as error:
            detail = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            return left_out(task, sha256, Reason.of("unreadable", detail), self.versions)
        found = landmarker.detect(photo)
        if found is None:
            return left_out(task, sha256, Reason.of("no_face"), self.versions)
        return self._prepare_face(task, sha256, photo, found)

    def _prepare_face(self, task: PhotoTask, sha256: str, photo: np.ndarray, found: FaceLandmarks) -> Record:
        pose = head_pose(found.points)
        try:
            alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
        except ValueError:
            alignment = None
        reason = judge(pose, alignment, self.gates)
        landmarks = move_points(found.points, alignment.matrix) if alignment else None
        if reason is None and alignment is not None and landmarks is not None:
            aligned = warp_photo(photo, alignment.matrix)
            # Rounded first: whoever draws it again from the manifest gets the same sketch.
            landmarks = np.round(landmarks, 2)
            sketch = sketches.sketch_from_photo(aligned, landmarks)
            write_pair(self.out, task.name, encode_png_quickly(aligned), encode_png_quickly(sketch))
        return Record(
            name=task.name,
            source=task.source,
            sha256=sha256,
            status="left_out" if reason else "kept",
            reason=reason,
            yaw=round(pose.yaw, 3),
            pitch=round(pose.pitch, 3),
            roll=round(pose.roll, 3),
            faces=found.faces,
            stretch=round(alignment.stretch, 4) if alignment else None,
            padding=round(alignment.padding, 4) if alignment else None,
            eye_distance_px=round(face_mesh.eye_distance(found.points), 2),
            landmarks=None if landmarks is None else np.round(landmarks, 2).tolist(),
            versions=self.versions,
        )


def judge(pose: HeadPose, alignment: Alignment | None, gates: Gates) -> Reason | None:
    """Tell why a face is left out, or ``None`` if it is kept."""
    if abs(pose.yaw) > gates.max_yaw:
        return Reason.of(
            "yaw_over_limit", f"It is {abs(pose.yaw):.1f} degrees, at most {gates.max_yaw:g} are kept."
        )
    stretch = alignment.stretch if alignment else math.inf
    if stretch > gates.max_stretch:
        return Reason.of("stretch_over_limit", f"By {stretch:.2f}; at most {gates.max_stretch:g} is kept.")
    return None


def left_out(task: PhotoTask, sha256: str, reason: Reason, versions: dict[str, Any]) -> Record:
    """Make the record of a file without a face that could be measured."""
    return Record(task.name, task.source, sha256, "left_out", reason, versions=versions)


def current_versions(gates: Gates, landmarker_sha256: str) -> dict[str, Any]:
    """Write all that decides what a record says, beside the source: it is made anew where this differs."""
    return {
        "pipeline": PIPELINE_VERSION,
        "sketch": sketches.SKETCH_VERSION,
        "landmarker": landmarker_sha256,
        "frame": FRAME,
        **asdict(gates),
    }
