"""Checkerboards and blotches, planted into smooth pictures."""

import cv2
import numpy as np
import pytest

from core.face_frame import FRAME, face_mask
from eval.metrics.artifacts import checkerboard_energy, colour_blotchiness

SIZE = 256


def photo(seed: int = 0) -> np.ndarray:
    """Noise at all scales, like a photo's: (256, 256, 3) uint8."""
    rng = np.random.default_rng(seed)
    picture = np.full((SIZE, SIZE, 3), 128.0)
    for sigma in (1, 2, 4, 8, 16, 32):
        picture += cv2.GaussianBlur(rng.normal(0, 12 * sigma, (SIZE, SIZE, 3)), (0, 0), sigma)
    return np.clip(picture + rng.normal(0, 1, picture.shape), 0, 255).astype(np.uint8)


def with_grid(picture: np.ndarray, pattern: np.ndarray, strength: float) -> np.ndarray:
    tiled = np.tile(pattern, (SIZE // pattern.shape[0] + 1, SIZE // pattern.shape[1] + 1))[:SIZE, :SIZE]
    return np.clip(picture + strength * tiled[..., None], 0, 255).round().astype(np.uint8)


CHECKERBOARD = np.array([[1, -1], [-1, 1]])
ROWS = np.array([[1], [-1]])
PERIOD_4 = np.array([[1, 1, -1, -1]])
BLOCKS_4 = np.kron(CHECKERBOARD, np.ones((2, 2)))


@pytest.mark.parametrize("seed", range(4))
def test_a_photo_without_a_grid_stays_low(seed: int) -> None:
    assert abs(checkerboard_energy(photo(seed))) < 4


@pytest.mark.parametrize("pattern", [CHECKERBOARD, ROWS, ROWS.T, PERIOD_4, PERIOD_4.T, BLOCKS_4])
def test_a_faint_planted_grid_stands_out(pattern: np.ndarray) -> None:
    clean = photo()
    assert checkerboard_energy(with_grid(clean, pattern, 2.5)) > checkerboard_energy(clean) + 6


def test_more_grid_gives_more_energy() -> None:
    energies = [checkerboard_energy(with_grid(photo(), CHECKERBOARD, strength)) for strength in (0, 2, 4, 8)]
    assert energies == sorted(energies)


def test_the_energy_does_not_depend_on_where_the_grid_begins() -> None:
    grid = with_grid(photo(), BLOCKS_4, 4)
    assert checkerboard_energy(grid[1:, 1:]) == pytest.approx(checkerboard_energy(grid), abs=1.0)


def test_a_transposed_convolution_of_uneven_overlap_is_caught() -> None:
    small = photo()[::2, ::2].astype(np.float64)
    up = np.zeros((SIZE, SIZE, 3))
    up[::2, ::2] = small
    kernel = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]) + np.outer([0, 0.08, 0], [0, 1, 0])
    uneven = np.clip(cv2.filter2D(up, -1, kernel), 0, 255).astype(np.uint8)
    assert checkerboard_energy(uneven) > checkerboard_energy(photo()) + 6


def test_a_grid_is_gone_after_halving_the_size() -> None:
    grid = with_grid(photo(), CHECKERBOARD, 8)
    assert checkerboard_energy(cv2.resize(grid, (128, 128), interpolation=cv2.INTER_AREA)) < 4


def test_a_flat_picture_has_no_grid() -> None:
    assert checkerboard_energy(np.full((SIZE, SIZE, 3), 90, np.uint8)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    "wrong", [np.zeros((32, 32, 3), np.uint8), np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE, 3))]
)
def test_what_is_no_photo_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a photo"):
        checkerboard_energy(wrong)


def skin() -> np.ndarray:
    """A smooth face: one skin colour with a soft shadow to the side."""
    shade = np.linspace(0.85, 1.1, SIZE)[None, :, None]
    return np.clip(np.float64([205, 160, 140]) * shade * np.ones((SIZE, 1, 1)), 0, 255).astype(np.uint8)


def with_spots(picture: np.ndarray, rows: slice, strength: float = 18.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    spots = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE)), (0, 0), 4)
    spots *= strength / spots.std()
    spotted = picture.astype(np.float64)
    spotted[rows, :, 1] += spots[rows]
    return np.clip(spotted, 0, 255).astype(np.uint8)


def test_spots_of_colour_on_the_cheeks_are_blotches() -> None:
    assert colour_blotchiness(with_spots(skin(), slice(130, 180))) > 5 * colour_blotchiness(skin())


def test_lips_hair_and_background_are_no_blotches() -> None:
    painted = skin()
    outside = np.asarray(face_mask(SIZE)) == 0
    painted[outside] = np.random.default_rng(0).integers(0, 255, (int(outside.sum()), 3))
    lips = (int(256 * SIZE / FRAME), int(385 * SIZE / FRAME))
    cv2.ellipse(painted, lips, (20, 6), 0, 0, 360, (150, 30, 40), -1)
    assert colour_blotchiness(painted) < colour_blotchiness(skin()) + 2.5


def test_blotches_need_a_square_photo() -> None:
    with pytest.raises(ValueError, match="square"):
        colour_blotchiness(np.zeros((64, 128, 3), np.uint8))
