"""SSIM, MS-SSIM and the LPIPS slot."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from eval.metrics.paired import MIN_SIDE_MS_SSIM, load_lpips, mean_absolute_error, ms_ssim, psnr, ssim


def photo(seed: int = 0, size: int = MIN_SIDE_MS_SSIM) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (size // 8 + 1, size // 8 + 1, 3))
    return coarse.repeat(8, axis=0).repeat(8, axis=1)[:size, :size].astype(np.uint8)


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
class TestSimilarity:
    def test_a_photo_is_like_itself(self, metric: object) -> None:
        assert metric(photo(), photo()) == pytest.approx(1, abs=1e-6)

    def test_more_noise_is_less_alike(self, metric: object) -> None:
        noise = np.random.default_rng(1).normal(0, 1, photo().shape)
        noisy = [np.clip(photo() + s * noise, 0, 255).astype(np.uint8) for s in (5, 20, 80)]
        values = [metric(one, photo()) for one in noisy]
        assert 1 > values[0] > values[1] > values[2] > 0

    def test_the_range_is_that_of_8_bits_not_of_the_pictures_at_hand(self, metric: object) -> None:
        """Two nearly equal dark photos are alike; by their own small range they would not be."""
        dark = (photo() // 64).astype(np.uint8)
        assert metric(dark, np.roll(dark, 3, axis=1)) > 0.9


class Difference(nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first - second).abs().mean()


class Sum(nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first + second).abs().mean()


@pytest.fixture(autouse=True)
def _allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TORCHSCRIPT", str(tmp_path / "lpips.pt"))


def torchscript(folder: Path, network: nn.Module) -> Path:
    example = torch.rand(1, 3, 8, 8)
    torch.jit.trace(network, (example, example)).save(str(folder / "lpips.pt"))
    return folder / "lpips.pt"


def test_a_users_lpips_is_used(tmp_path: Path) -> None:
    lpips = load_lpips(torchscript(tmp_path, Difference()))
    assert lpips(photo(), photo()) == 0
    assert lpips(np.zeros_like(photo()), np.full_like(photo(), 255)) == pytest.approx(2)


def test_a_network_that_is_no_distance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no distance"):
        load_lpips(torchscript(tmp_path, Sum()))


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lpips.pt").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"lpips\.pt gives no distance"):
        load_lpips(tmp_path / "lpips.pt")
    with pytest.raises(FileNotFoundError, match="missing"):
        load_lpips(tmp_path / "nowhere.pt")


def test_pixel_errors_of_equal_and_different_photos() -> None:
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    assert mean_absolute_error(black, grey) == 51
    assert psnr(black, grey) == pytest.approx(20 * np.log10(5))
    assert psnr(grey, grey) == np.inf
