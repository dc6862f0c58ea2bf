"""The four resizes: what they share, and what tells them apart. Their values: see test_fid_value."""

import numpy as np
import pytest
import torch

from eval.features import RESIZES, resize_clean, resize_pytorch, resize_tf1, resize_torchmetrics


@pytest.mark.parametrize("name", RESIZES)
def test_any_size_becomes_a_square_in_the_networks_range(name: str, photo: np.ndarray) -> None:
    for size in (299, 17):
        result = RESIZES[name](photo, size)
        assert (result.shape, result.dtype) == ((3, size, size), torch.float32)
        assert -1 <= result.min() < result.max() <= 1


@pytest.mark.parametrize("name", RESIZES)
def test_at_its_own_size_a_photo_keeps_every_pixel(name: str) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    planes = torch.from_numpy(photo.transpose(2, 0, 1).astype(np.float32))
    wanted = 2 * planes / 255 - 1 if name == "pytorch" else (planes - 128) / 128
    assert torch.allclose(RESIZES[name](photo, 24), wanted, atol=1e-6)


@pytest.mark.parametrize("name", RESIZES)
def test_a_flat_photo_stays_flat(name: str) -> None:
    result = RESIZES[name](np.full((50, 31, 3), 200, np.uint8), 299)
    assert result.max() - result.min() < 1e-5


def test_only_one_of_them_takes_fine_stripes_for_black() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, 1::2] = 255
    brightness = {name: float(resize(stripes, 64).mean()) for name, resize in RESIZES.items()}
    assert brightness.pop("tf1") == -1
    assert brightness == pytest.approx(dict.fromkeys(brightness, 0), abs=0.02)


def test_tensorflow_1_samples_at_the_top_left_corner() -> None:
    ramp = np.repeat(np.arange(0, 64, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    halved = resize_tf1(ramp, 32)[0, 0] * 128 + 128
    assert torch.equal(halved, torch.arange(0, 64, 2).float())
    centred = (resize_pytorch(ramp, 32)[0, 0] + 1) * 127.5
    assert torch.allclose(centred, torch.arange(0, 64, 2) + 0.5, atol=1e-4)


def test_bicubic_overshoot_is_clipped() -> None:
    edge = np.zeros((32, 32, 3), np.uint8)
    edge[:, 16:] = 255
    result = resize_clean(edge, 299)
    assert float(result.min()) == -1
    assert float(result.max()) == 127 / 128


def test_the_protocols_differ_where_photos_are_shrunk(photo: np.ndarray) -> None:
    results = [
        resize(photo, 19) for resize in (resize_pytorch, resize_tf1, resize_torchmetrics, resize_clean)
    ]
    assert min(float((a - b).abs().mean()) for i, a in enumerate(results) for b in results[:i]) > 1e-3


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)]
)
def test_anything_but_an_rgb_photo_is_refused(wrong: np.ndarray) -> None:
    for resize in RESIZES.values():
        with pytest.raises(ValueError, match="expected a photo"):
            resize(wrong, 299)
