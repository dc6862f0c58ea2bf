"""Analyse an image: find its face, measure and hash it, make crop and sketch.

`AnalysisSetup` is what a worker process runs; it is passed a path and gives back a small row, the pictures
go straight into the library's folders. `realign` does the same within a page, for eyes and mouth that a
person has put in their place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core import assets, face_mesh, sketches
from core.errors import UnsafeImage
from core.face_frame import FRAME
from core.landmarks import FaceLandmarker
from curation.analysis import hashes
from curation.analysis.aligned import AlignedFace, align_face, make_row, points_in_photo, read_original
from curation.analysis.batches import AnalysisTask, Anchors
from curation.analysis.faces import FoundFace, find_face, hidden_face
from curation.analysis.measure import measure_face, measure_frame
from curation.analysis.pictures import remove_face, write_face, write_faceless
from curation.library.files import LibraryFiles
from curation.library.records import Examination, Measurements
from curation.pose import HeadPose

if TYPE_CHECKING:
    from curation.analysis.embedding import CoverageJudge, FaceEmbedder
    from curation.library.library import Library

ANALYSIS_VERSION = 2
LANDMARKER = "face_landmarker.task"
MAX_FACES = 5
HIDDEN = 0.35
PROBABLY_COVERED = "Something like a face is there without features to measure: it is probably covered."


@dataclass(frozen=True)
class AnalysisSetup:
    """What a worker needs to analyse images; see `core.processes.worker_process.Setup`."""

    root: Path  # the library's folder
    model: Path  # the face landmarker's model file
    versions: str  # written into every row; see `current_versions`

    @contextmanager
    def __call__(self) -> Iterator[Callable[[AnalysisTask], Examination]]:
        from curation.analysis.embedding import CoverageJudge, FaceEmbedder

        cv2.setNumThreads(1)
        with FaceLandmarker(self.model, max_faces=MAX_FACES) as landmarker:
            analyser = Analyser(
                LibraryFiles(self.root), landmarker, FaceEmbedder(threads=1), CoverageJudge(), self.versions
            )
            yield analyser.analyse


@dataclass(frozen=True)
class Analyser:
    """The tools of one worker."""

    files: LibraryFiles
    landmarker: FaceLandmarker
    embedder: FaceEmbedder
    coverage: CoverageJudge
    versions: str

    def analyse(self, task: AnalysisTask) -> Examination:
        """Find out all about one image, and put crop, sketch and thumbnail in place.

        Raises
        ------
        OSError
            If the library's folders cannot be written to.
        """
        try:
            photo = read_original(Path(task.path), task.image_id)
        except UnsafeImage as error:
            remove_face(self.files, task.image_id)
            return Examination(task.image_id, "unreadable", str(error), self.versions)
        found = find_face(photo, self.landmarker)
        aligned = _align(found, task.anchors, photo)
        if aligned is None:
            return self._without_face(task.image_id, photo, found)
        measured = Measurements(faces=0)
        if found is not None:
            measured = measure_face(photo, found, aligned.photo, aligned.alignment)
        embedded = self.embedder.embed(aligned.photo)
        covered, head_covered = self.coverage.judge(embedded)
        measured = replace(measured, covered=covered, head_covered=head_covered)
        row = make_row(task.image_id, photo, aligned, measured)
        write_face(self.files, task.image_id, aligned.photo, aligned.sketch())
        return replace(row, versions=self.versions, embedding=embedded.pooled.astype(np.float16).tobytes())

    def _without_face(self, image_id: str, photo: np.ndarray, found: FoundFace | None) -> Examination:
        write_faceless(self.files, image_id, photo)
        height, width = photo.shape[:2]
        measured = Measurements(faces=found.faces if found else 0, width=width, height=height)
        detail = "Eyes and mouth lie on one line, so the face cannot be aligned." if found else ""
        if found is None:
            hidden = hidden_face(photo, self.landmarker)
            measured = replace(measured, hidden=hidden, frame=measure_frame(photo))
            detail = PROBABLY_COVERED if hidden >= HIDDEN else ""
        return Examination(image_id, "no_face", detail, self.versions, measured)


def _align(found: FoundFace | None, anchors: Anchors, photo: np.ndarray) -> AlignedFace | None:
    points = found.points if found is not None else None
    if anchors:
        three = np.array(anchors)
    elif points is not None:
        three = face_mesh.anchors(points)
    else:
        return None
    try:
        return align_face(photo, three, points)
    except ValueError:
        return None


def current_versions() -> str:
    """Write compact JSON of all that decides what an examination says: made anew where this differs."""
    from curation.analysis import embedding, faces, measure

    versions = {
        "examine": ANALYSIS_VERSION,
        "frame": FRAME,
        "sketch": sketches.SKETCH_VERSION,
        "landmarker": assets.REGISTRY[LANDMARKER].sha256,
        "faces": faces.VERSION,
        "measure": measure.VERSION,
        "embedding": embedding.EMBEDDING_VERSION,
        "coverage": embedding.coverage_version(),
        "hash": hashes.HASH_VERSION,
    }
    return json.dumps(versions, separators=(",", ":"), sort_keys=True)


def realign(library: Library, image_id: str, anchors: Sequence[Sequence[float]]) -> Examination:
    """Put a face where a person says it is: new crop, sketch, thumbnail and row, all in this process.

    The mesh is moved along and the light measured again; pose, embedding and coverage stay as they were.
    Nothing is saved in the database: the caller stores the correction first and this row after it.

    Parameters
    ----------
    anchors
        Image-left eye, image-right eye and mouth centre, in the upright source's pixels.

    Raises
    ------
    UnsafeImage
        If the original is gone or has changed.
    ValueError
        If the three points lie on a line, or the image was not examined yet.
    """
    before = library.examination(image_id)
    if before is None:
        raise ValueError(f"{image_id[:12]}... has not been examined yet. Wait until it has been judged.")
    photo = read_original(library.files.original(image_id), image_id)
    points = points_in_photo(before)
    aligned = align_face(photo, np.array(anchors, dtype=np.float64), points)
    old = measured = before.measurements
    if points is not None and None not in (old.yaw, old.pitch, old.roll):
        flat = np.concatenate([points, np.zeros((len(points), 1))], axis=1).astype(np.float32)
        pose = HeadPose(float(old.yaw or 0), float(old.pitch or 0), float(old.roll or 0))
        found = FoundFace(flat, pose, old.faces or 1)
        measured = measure_face(photo, found, aligned.photo, aligned.alignment)
        measured = replace(measured, covered=old.covered, head_covered=old.head_covered)
    row = make_row(image_id, photo, aligned, measured)
    write_face(library.files, image_id, aligned.photo, aligned.sketch())
    return replace(row, versions=before.versions, embedding=before.embedding)
