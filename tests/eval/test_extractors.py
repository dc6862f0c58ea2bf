"""Networks behind the protocols: where weights come from, what they are called, and that runtimes agree."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.efficientnet import empty_feature_network
from core.errors import AssetMissing
from eval import inception
from eval.extractors import file_sha256, load_extractor
from eval.feature_stats import moments_of
from eval.inception import FIDInception, load_inception
from eval.own_network import load_own_network
from eval.protocols import protocol
from tests.eval.tiny_onnx import mean_colour_network, scaled_by_a_file


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STUDIO_ASSETS", raising=False)
    return tmp_path / "cache"


def noise(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def own_torchscript(folder: Path, network: nn.Module, size: int = 16) -> Path:
    torch.jit.trace(network.eval(), torch.zeros(1, 3, size, size)).save(str(folder / "own.pt"))
    return folder / "own.pt"


def own_onnx(folder: Path) -> Path:
    (folder / "colour.onnx").write_bytes(mean_colour_network(16))
    return folder / "colour.onnx"


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    def allow_one(path: Path) -> Path:
        monkeypatch.setenv("STUDIO_TORCHSCRIPT", str(path))
        return path

    return allow_one


class TestInception:
    def test_the_fast_runtime_gives_torchs_features(self, inception_weights: Path) -> None:
        extractor = load_extractor(protocol("fid_clean"), weights=inception_weights, device="cpu")
        batch = noise(2, 299)
        with torch.no_grad():
            expected = load_inception(inception_weights)(batch).numpy()
        features = extractor(batch)
        assert (features.shape, features.dtype) == ((2, 2048), np.float32)
        assert np.abs(features - expected).max() < 1e-3 * expected.mean()
        assert extractor.info.runtime.endswith("fp32")
        assert extractor.info.weights == "custom"
        assert extractor.info.sha256 == file_sha256(inception_weights)
        assert "compare only within this file" in extractor.info.label

    def test_the_known_hash_is_called_reference(
        self, inception_weights: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("eval.extractors.REFERENCE_SHA256", file_sha256(inception_weights))
        monkeypatch.setattr("eval.extractors._compiled", lambda network, *_: (network, "torch-fp32"))
        info = load_extractor(protocol("fid_tf1"), weights=inception_weights, device="cpu").info
        assert (info.weights, info.label) == ("reference", "inception, reference weights")

    @pytest.mark.usefixtures("empty_cache")
    def test_without_weights_it_says_what_to_do(self) -> None:
        with pytest.raises(AssetMissing, match="fd_effnet_lite0 needs no download"):
            load_extractor(protocol("fid_clean"))

    def test_an_upload_is_checked_and_found_again_under_its_hash(
        self, inception_weights: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = inception_weights.read_bytes()
        kept = inception.keep_upload(data)
        assert kept == empty_cache / f"inception-{hashlib.sha256(data).hexdigest()[:12]}.pth"
        assert kept.read_bytes() == data
        assert inception.find_inception() is None, "custom weights are only used when they are named"
        monkeypatch.setattr(inception, "REFERENCE_SHA256", hashlib.sha256(data).hexdigest())
        assert inception.keep_upload(data) == inception.find_inception()

    def test_another_upload_is_refused_and_not_kept(self, empty_cache: Path) -> None:
        with pytest.raises(ValueError, match="uploaded file"):
            inception.keep_upload(b"not weights")
        assert not empty_cache.exists()


class TestEfficientNet:
    def test_it_works_without_any_file(self) -> None:
        extractor = load_extractor(protocol("fd_effnet_lite0"), device="cpu")
        features = extractor(noise(2, 224))
        assert features.shape == (2, extractor.info.dimensions) == (2, 320)
        assert (extractor.info.name, extractor.info.weights) == ("effnet_lite0", "package")
        assert len(extractor.info.sha256) == 64
        assert moments_of(features).covariance.shape == (320, 320)

    def test_weights_cannot_be_given_to_it(self, inception_weights: Path) -> None:
        with pytest.raises(ValueError, match="brings its own weights"):
            load_extractor(protocol("fd_effnet_lite0"), weights=inception_weights)


class TestOwnNetwork:
    def test_torchscript_runs_under_the_users_name(
        self, tmp_path: Path, allow: Callable[[Path], Path]
    ) -> None:
        network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        path = allow(own_torchscript(tmp_path, network))
        extractor = load_extractor(replace(protocol("fd_dinov2"), size=16), weights=path, device="cpu")
        with torch.no_grad():
            expected = network(noise(3, 16)).flatten(1).numpy()
        np.testing.assert_allclose(extractor(noise(3, 16)), expected, atol=1e-5)
        assert (extractor.info.name, extractor.info.weights, extractor.info.dimensions) == (
            "dinov2",
            "custom",
            5,
        )

    def test_onnx_does_too(self, tmp_path: Path) -> None:
        extractor = load_extractor(replace(protocol("fd_colour"), size=16), weights=own_onnx(tmp_path))
        batch = noise(3, 16)
        np.testing.assert_allclose(extractor(batch), batch.mean((2, 3)).numpy(), atol=1e-6)

    def test_it_must_be_named(self) -> None:
        with pytest.raises(ValueError, match="name its ONNX or safetensors file"):
            load_extractor(protocol("fd_dinov2"))

    def test_a_state_dict_is_not_enough(self, inception_weights: Path, allow: Callable[[Path], Path]) -> None:
        with pytest.raises(ValueError, match=r"state dict is not TorchScript"):
            load_own_network(allow(inception_weights), size=16)

    @pytest.mark.parametrize(
        ("name", "build", "dimensions"),
        [("an Inception", FIDInception, 2048), ("EfficientNet-Lite0", empty_feature_network, 1280)],
    )
    def test_plain_weights_of_a_known_network_run(
        self, tmp_path: Path, name: str, build: Callable[[], nn.Module], dimensions: int
    ) -> None:
        torch.manual_seed(0)
        network = build().eval()
        save_file(network.state_dict(), tmp_path / "own.safetensors")
        loaded, runtime = load_own_network(tmp_path / "own.safetensors", size=96)
        with torch.no_grad():
            torch.testing.assert_close(loaded(noise(1, 96)), network(noise(1, 96)))
            assert (loaded(noise(1, 96)).shape, runtime) == ((1, dimensions), "")

    def test_plain_weights_of_another_network_are_refused(self, tmp_path: Path) -> None:
        save_file(nn.Conv2d(3, 4, 3).state_dict(), tmp_path / "own.safetensors")
        with pytest.raises(ValueError, match=r"2 tensors of another network\. Known are FID's Inception and"):
            load_own_network(tmp_path / "own.safetensors", size=16)

    def test_onnx_takes_no_weights_from_other_files(self, tmp_path: Path) -> None:
        (tmp_path / "secret.bin").write_bytes(bytes(range(65, 68)))
        (tmp_path / "own.onnx").write_bytes(scaled_by_a_file("secret.bin", 3))
        with pytest.raises(ValueError, match=r"own\.onnx cannot be run"):
            load_own_network(tmp_path / "own.onnx", size=16)

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("broken.onnx", "cannot be run"),
            ("broken.pt", "cannot be run"),
            ("broken.safetensors", "is damaged"),
        ],
    )
    def test_a_damaged_file_is_refused(
        self, tmp_path: Path, name: str, problem: str, allow: Callable[[Path], Path]
    ) -> None:
        allow(tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(ValueError, match=f"{name} .*{problem}"):
            load_own_network(tmp_path / name, size=16)

    def test_another_kind_of_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "photo.png").write_bytes(b"")
        with pytest.raises(ValueError, match=r"photo\.png: expected \.onnx or \.safetensors"):
            load_own_network(tmp_path / "photo.png", size=16)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"own\.pt is missing"):
            load_own_network(tmp_path / "own.pt", size=16)

    def test_one_number_is_no_feature(self, tmp_path: Path, allow: Callable[[Path], Path]) -> None:
        path = allow(own_torchscript(tmp_path, nn.Sequential(nn.Conv2d(3, 1, 3), nn.AdaptiveAvgPool2d(1))))
        with pytest.raises(ValueError, match="expected one row of 2"):
            load_own_network(path, size=16)

    def test_nan_is_refused(self, tmp_path: Path) -> None:
        extractor = load_extractor(
            replace(protocol("fd_own"), size=16), weights=own_onnx(tmp_path), device="cpu"
        )
        with pytest.raises(ValueError, match="NaN"):
            extractor(torch.full((1, 3, 16, 16), float("nan")))

    def test_another_size_than_the_protocols_is_refused(self, tmp_path: Path) -> None:
        extractor = load_extractor(
            replace(protocol("fd_own"), size=16), weights=own_onnx(tmp_path), device="cpu"
        )
        with pytest.raises(ValueError, match=r"expected \(B, 3, 16, 16\)"):
            extractor(noise(1, 17))
