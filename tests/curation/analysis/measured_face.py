"""Measure a photo of a face, for the tests of analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.landmarks import FaceLandmarker
from curation.align import Alignment, find_alignment, warp_photo
from curation.analysis.faces import FoundFace, find_face
from curation.analysis.measure import measure_face
from curation.library.records import Measurements


@dataclass(frozen=True)
class MeasuredFace:
    """A photo and all that was found out about it."""

    photo: np.ndarray
    found: FoundFace
    alignment: Alignment
    aligned: np.ndarray

    @property
    def measurements(self) -> Measurements:
        return measure_face(self.photo, self.found, self.aligned, self.alignment)

    def with_photo(self, photo: np.ndarray) -> Measurements:
        """Readings of another version of the photo, its face in the same place."""
        aligned = warp_photo(photo, self.alignment.matrix)
        return measure_face(photo, self.found, aligned, self.alignment)


def measure_photo(photo: np.ndarray, landmarker: FaceLandmarker) -> MeasuredFace:
    found = find_face(photo, landmarker)
    assert found is not None
    alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
    return MeasuredFace(photo, found, alignment, warp_photo(photo, alignment.matrix))
