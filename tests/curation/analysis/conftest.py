"""A landmarker and a few real faces for the tests of analysis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.images import read_photo
from core.landmarks import FaceLandmarker
from tests.curation.analysis.measured_face import MeasuredFace, measure_photo


@pytest.fixture(scope="module")
def face_landmarker(landmarker_path: Path) -> Iterator[FaceLandmarker]:
    with FaceLandmarker(landmarker_path, max_faces=5) as landmarker:
        yield landmarker


@pytest.fixture(scope="module")
def light_face(omi_dir: Path, face_landmarker: FaceLandmarker) -> MeasuredFace:
    return measure_photo(read_photo(omi_dir / "0001.jpg"), face_landmarker)


@pytest.fixture(scope="module")
def dark_face(omi_dir: Path, face_landmarker: FaceLandmarker) -> MeasuredFace:
    return measure_photo(read_photo(omi_dir / "0229.jpg"), face_landmarker)


@pytest.fixture(scope="module", params=["0001.jpg", "0229.jpg"])
def face(request: pytest.FixtureRequest, omi_dir: Path, face_landmarker: FaceLandmarker) -> MeasuredFace:
    """A light-skinned and a dark-skinned face in turn."""
    return measure_photo(read_photo(omi_dir / request.param), face_landmarker)
