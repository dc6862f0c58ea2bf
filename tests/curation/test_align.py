"""Alignment: eyes and mouth exactly on the template, and honest figures about what that took."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core import face_mesh
from core.face_frame import FRAME, alignment_targets
from curation.align import align_anchors, find_alignment, move_points, warp_photo


def points_with(anchors: np.ndarray) -> np.ndarray:
    """Mesh points whose eyes and mouth centre are the three ``anchors``."""
    points = np.full((478, 3), anchors.mean(), np.float32)
    for ids, anchor in zip(
        (face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT, face_mesh.MOUTH_CORNERS), anchors, strict=True
    ):
        points[list(ids), :2] = anchor
    return points


@pytest.fixture(params=range(8))
def anchors(request: pytest.FixtureRequest) -> np.ndarray:
    """Eyes and mouth of a face somewhere in a photo, at any size and tilt."""
    random = np.random.default_rng(request.param)
    angle, scale = random.uniform(-3, 3), random.uniform(0.1, 4)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (alignment_targets() @ turn.T * scale + random.uniform(-300, 300, 2)).astype(np.float32)


def test_eyes_and_mouth_go_exactly_to_the_template(anchors: np.ndarray) -> None:
    crooked = anchors + np.random.default_rng(1).normal(0, 4, (3, 2)).astype(np.float32)
    alignment = find_alignment(points_with(crooked), (640, 480))
    np.testing.assert_allclose(move_points(crooked, alignment.matrix), alignment_targets(), atol=0.01)


def test_a_face_of_the_templates_shape_is_not_stretched(anchors: np.ndarray) -> None:
    assert find_alignment(points_with(anchors), (640, 480)).stretch == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("factor", [1.1, 1.5, 0.8])
def test_the_stretch_is_that_of_the_photo(factor: float) -> None:
    squeezed = alignment_targets() * np.array([factor, 1], np.float32)
    alignment = find_alignment(points_with(squeezed), (640, 480))
    assert alignment.stretch == pytest.approx(max(factor, 1 / factor), rel=1e-4)


def test_an_aligned_photo_stays_as_it_is() -> None:
    photo = cv2.GaussianBlur(
        np.random.default_rng(2).integers(0, 256, (FRAME, FRAME, 3), np.uint8), (0, 0), 3
    )
    alignment = find_alignment(points_with(alignment_targets()), (FRAME, FRAME))
    assert (alignment.stretch, alignment.padding) == pytest.approx((1, 0), abs=1e-4)
    assert np.abs(warp_photo(photo, alignment.matrix).astype(int) - photo).max() <= 1


@pytest.mark.parametrize(
    ("move", "padding"),
    [((0, 0), 0.0), ((-256, 0), 0.5), ((0, -128), 0.25), ((-256, -256), 0.75), ((900, 0), 1.0)],
)
def test_padding_is_the_part_of_the_frame_beyond_the_photo(move: tuple[int, int], padding: float) -> None:
    points = points_with(alignment_targets() + np.array(move, np.float32))
    assert find_alignment(points, (FRAME, FRAME)).padding == pytest.approx(padding, abs=1e-3)


def test_padding_is_what_a_warped_white_photo_leaves_black(anchors: np.ndarray) -> None:
    alignment = find_alignment(points_with(anchors), (400, 500))
    white = cv2.warpAffine(np.ones((500, 400), np.float32), alignment.matrix, (FRAME, FRAME))
    assert alignment.padding == pytest.approx(1 - white.mean(), abs=0.01)


def test_eyes_and_mouth_on_one_line_cannot_be_aligned() -> None:
    on_a_line = np.array([[100, 100], [200, 100], [150, 100]], np.float32)
    with pytest.raises(ValueError, match="one line"):
        find_alignment(points_with(on_a_line), (640, 480))


def test_eyes_and_mouth_in_one_place_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="one line"):
        find_alignment(points_with(np.full((3, 2), 5, np.float32)), (640, 480))


def test_a_face_said_to_be_far_larger_than_its_photo_comes_to_an_end() -> None:
    anchors = np.array([[-1e5, 0], [1e5, 0], [0, 2e5]])
    matrix = align_anchors(anchors, (64, 48)).matrix
    assert warp_photo(np.full((48, 64, 3), 90, np.uint8), matrix).shape == (FRAME, FRAME, 3)


def test_depth_grows_with_the_picture() -> None:
    points = points_with(alignment_targets() / 2)
    points[:, 2] = 10
    alignment = find_alignment(points, (640, 480))
    np.testing.assert_allclose(move_points(points, alignment.matrix)[:, 2], 20, rtol=1e-4)


@pytest.mark.parametrize("scale", [1, 2.3, 4, 7.5])
def test_a_large_photo_is_averaged_and_does_not_move(scale: float) -> None:
    side = int(FRAME * scale)
    xs = np.linspace(20, 230, side, dtype=np.float32)
    ramp = np.broadcast_to(xs[None, :, None], (side, side, 3)).astype(np.uint8)
    matrix = np.array([[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5]])
    aligned = warp_photo(np.ascontiguousarray(ramp), matrix)
    expected = np.linspace(20, 230, FRAME)
    assert np.abs(aligned[FRAME // 2, 8:-8, 0] - expected[8:-8]).max() < 1.5


def test_a_fine_pattern_becomes_grey_and_not_moire() -> None:
    side = FRAME * 4
    board = np.indices((side, side)).sum(axis=0) % 2 * 255
    photo = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    aligned = warp_photo(photo, np.array([[0.25, 0, 0], [0, 0.25, 0]]))
    assert np.abs(aligned[4:-4, 4:-4].astype(int) - 127).max() <= 2
