"""The real landmarker on real photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core import face_mesh
from core.images import read_photo
from core.landmarks import FaceLandmarker


@pytest.fixture(scope="module")
def landmarker(landmarker_path: Path) -> Iterator[FaceLandmarker]:
    with FaceLandmarker(landmarker_path) as found:
        yield found


@pytest.fixture(scope="module")
def photo(omi_dir: Path) -> np.ndarray:
    return read_photo(omi_dir / "0001.jpg")


def test_points_lie_on_the_face_in_pixels(landmarker: FaceLandmarker, photo: np.ndarray) -> None:
    found = landmarker.detect(photo)
    assert found is not None
    assert found.points.shape == (face_mesh.POINTS, 3)
    assert found.faces == 1
    left, right, mouth = face_mesh.anchors(found.points)
    assert 0 < left[0] < mouth[0] < right[0] < photo.shape[1]
    assert max(left[1], right[1]) < mouth[1] < photo.shape[0]


def test_the_rotation_is_one(landmarker: FaceLandmarker, photo: np.ndarray) -> None:
    found = landmarker.detect(photo)
    assert found is not None
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-4)
    assert np.linalg.det(found.rotation) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_the_detector_is_surer_of_an_upright_face(
    landmarker: FaceLandmarker, photo: np.ndarray, quarter_turns: int
) -> None:
    upright = landmarker.confidence(photo)
    assert upright > landmarker.confidence(np.rot90(photo, quarter_turns))
    assert upright > 0.8


def test_the_detector_is_not_sure_of_a_wall(landmarker: FaceLandmarker) -> None:
    assert landmarker.confidence(np.full((200, 300, 3), 90, np.uint8)) == 0


def test_a_picture_without_a_face_gives_none(landmarker: FaceLandmarker) -> None:
    assert landmarker.detect(np.full((256, 256, 3), 200, np.uint8)) is None


def test_of_two_faces_the_larger_is_used(landmarker: FaceLandmarker, photo: np.ndarray) -> None:
    both = np.full((512, 1024, 3), 128, np.uint8)
    both[128:384, 64:320] = photo[::2, ::2]
    both[:, 512:] = photo
    found = landmarker.detect(both)
    assert found is not None
    assert found.faces == 2
    assert found.points[:, 0].min() > 512


@pytest.mark.parametrize(
    "poison",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 3), np.uint16),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((0, 64, 3), np.uint8),
    ],
    ids=["grey", "16 bits", "alpha", "no rows"],
)
def test_an_image_that_would_poison_it_is_refused_and_the_next_one_works(
    landmarker: FaceLandmarker, photo: np.ndarray, poison: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="expected a photo"):
        landmarker.detect(poison)
    assert landmarker.detect(photo) is not None


def test_a_view_of_an_array_is_read_as_its_pixels(landmarker: FaceLandmarker, photo: np.ndarray) -> None:
    mirrored = photo[:, ::-1]
    view, copy = landmarker.detect(mirrored), landmarker.detect(mirrored.copy())
    assert view is not None
    assert copy is not None
    np.testing.assert_allclose(view.points, copy.points, atol=1e-3)
