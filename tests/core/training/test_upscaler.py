"""Training the upscaler: what crops are made of, what the losses ask for, and what a run leaves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from core.checkpoints import load_model
from core.images import save_png
from core.training import upscaler
from core.training.data import photos_of
from core.training.recipe import LoopConfig
from core.training.upscaler import UpscalerLoss, UpscalerMaterial, UpscalerRecipe, crop_corner, damage_photo
from core.upscaler import Upscaler, UpscalerConfig

TINY = UpscalerConfig(width=4, blocks=1)


def photos(count: int, size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (count, 8, 8, 3)).astype(np.uint8)
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse])


@pytest.fixture(scope="module")
def recipe() -> UpscalerRecipe:
    return UpscalerRecipe(
        TINY, photos(3, 64), photos(2, 32, 1), photos(1, 64, 2),
        material=UpscalerMaterial(side=32), loss=UpscalerLoss(), device=torch.device("cpu"),
    )  # fmt: skip


def batch_of(recipe: UpscalerRecipe, seed: int = 0) -> dict[str, np.ndarray]:
    return recipe.batch([0, 1, 2, 0], [np.random.default_rng((seed, slot)) for slot in range(4)])


def test_a_new_network_enlarges_as_bilinear_interpolation_does():
    network = Upscaler(TINY).eval()
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        large = network(photo)
    plain = torch.nn.functional.interpolate(photo, scale_factor=2.0, mode="bilinear", align_corners=False)
    assert large.shape == (1, 3, 64, 64)
    assert (large - plain).abs().max() < 0.05


def test_half_of_a_batch_is_true_and_half_is_painted(recipe):
    batch = batch_of(recipe)
    assert batch["is_true"].tolist() == [True, False, True, False]
    assert batch["small"].shape == (4, 3, 16, 16) and batch["full"].shape == (4, 3, 32, 32)


def test_a_true_crop_and_its_small_one_show_the_same(recipe):
    batch = batch_of(recipe)
    reduced = cv2.resize(batch["full"][0].transpose(1, 2, 0), (16, 16), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - batch["small"][0].transpose(1, 2, 0)).mean() < 20


def test_a_sample_depends_on_its_own_randomness_alone(recipe):
    first, again, other = batch_of(recipe), batch_of(recipe), batch_of(recipe, seed=1)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not np.array_equal(first["small"], other["small"])


def test_crops_reach_every_border_and_stay_inside():
    rng = np.random.default_rng(0)
    corners = np.array([crop_corner(rng, 512, 160) for _ in range(3000)])
    assert corners.min() >= 0 and corners.max() <= 352
    assert (corners.min(0) < 10).all() and (corners.max(0) > 342).all()


def test_damage_halves_a_crop_and_keeps_its_range():
    small = damage_photo(np.random.default_rng(3), photos(1, 64)[0], 2)
    assert small.shape == (32, 32, 3) and small.dtype == np.uint8


def test_a_crop_that_does_not_fit_the_network_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        UpscalerRecipe(TINY, photos(1, 64), None, photos(1, 64), material=UpscalerMaterial(side=30),
                       loss=UpscalerLoss(), device=torch.device("cpu"))  # fmt: skip


def test_a_run_leaves_a_network_that_loads(tiny_data, tmp_path):
    painted = tmp_path / "painted"
    painted.mkdir()
    for number, photo in enumerate(photos(2, tiny_data.image_size // 2)):
        save_png(painted / f"{number}.png", photo)
    loop = LoopConfig(tmp_path / "run", steps=2, batch_size=2, save_every=1, sample_every=1, device="cpu")
    weights = upscaler.train(
        tiny_data, loop, model=TINY, material=UpscalerMaterial(painted, side=32), licence="CC0"
    )
    network = load_model(weights)
    assert isinstance(network, Upscaler)
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 16, 16)).shape == (1, 3, 32, 32)


def test_photos_that_were_small_at_their_source_are_left_out(tiny_data):
    assert len(photos_of(tiny_data, "train", min_eye_distance_px=1, most=3)) == 3
    with pytest.raises(ValueError, match="px apart"):
        photos_of(tiny_data, "train", min_eye_distance_px=10_000, most=3)
