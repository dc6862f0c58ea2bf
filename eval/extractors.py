"""Networks that turn photos into features: FID's Inception, EfficientNet-Lite0, or one that a user brings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.config import pick_device, settings
from core.efficientnet import EfficientNetMaps
from core.errors import AssetMissing
from core.runtime import compile_module
from eval.inception import REFERENCE_FILE, REFERENCE_SHA256, find_inception, load_inception
from eval.own_network import load_own_network
from eval.protocols import EvaluationProtocol

LAST_BLOCK = 15  # of EfficientNet-Lite0's sixteen
Features = NDArray[np.float32]


@dataclass(frozen=True)
class ExtractorInfo:
    """What a set of features was made by."""

    name: str  # ``inception``, ``effnet_lite0``, or the name that a user gave
    weights: str  # ``reference`` (FID's own), ``package`` (fixed by a package's version), or ``custom``
    sha256: str  # of the weights
    dimensions: int  # d
    runtime: str  # what computed them, such as ``openvino-fp32``; results differ in the sixth digit

    @property
    def label(self) -> str:
        """For people: which weights, and what they may be compared with."""
        if self.weights != "custom":
            return f"{self.name}, {self.weights} weights"
        return f"{self.name}, custom weights {self.sha256[:12]}: compare only within this file"


class Extractor:
    """A network bound to this machine's fastest exact runtime: (B, 3, S, S) float32 -> (B, D) float32."""

    def __init__(self, info: ExtractorInfo, size: int, run: Callable[[Tensor], Tensor]) -> None:
        self.info = info
        self.size = size
        self._run = run

    def __call__(self, batch: Tensor) -> Features:
        if batch.dim() != 4 or batch.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"expected (B, 3, {self.size}, {self.size}), got {tuple(batch.shape)}.")
        features = self._run(batch).reshape(len(batch), -1).float().cpu().numpy()
        if not np.isfinite(features).all():
            raise ValueError(
                f"{self.info.name} gave NaN or infinity. Its weights are damaged; fetch them again."
            )
        return np.ascontiguousarray(features)


@dataclass(frozen=True)
class _Network:
    module: nn.Module
    name: str
    weights: str
    sha256: str
    runtime: str = ""  # what runs it already; empty for a module to compile


def load_extractor(
    protocol: EvaluationProtocol,
    *,
    weights: Path | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Extractor:
    """Build the network of a protocol.

    On a CPU it runs through OpenVINO in float32 where that is installed (about 1.8 times as fast as torch),
    else in torch; never in half precision, whose features are not exact enough. Which one it is does not
    depend on timing, so that two runs agree.

    Parameters
    ----------
    weights
        Weights of the Inception (default: where `eval.inception.find_inception` finds them), or the
        file of a user's own network (`eval.own_network`).
    device
        See `core.config.pick_device`.
    threads
        CPU threads; default ``STUDIO_THREADS``.

    Raises
    ------
    AssetMissing
        If the Inception's weights are not on this machine.
    ValueError
        If the file does not hold what the protocol asks for.
    """
    network = _network(protocol, weights)
    place = pick_device(device)
    count = threads or settings().threads
    example = torch.zeros(1, 3, protocol.size, protocol.size)
    if network.runtime:
        run, runtime = _one_by_one(network.module), network.runtime
    elif place.type == "cpu":
        run, runtime = _compiled(network.module, example, count)
    else:
        run, runtime = _on_device(network.module, place), f"torch-{place.type}-fp32"
    dimensions = run(example).reshape(1, -1).shape[1]
    info = ExtractorInfo(network.name, network.weights, network.sha256, dimensions, runtime)
    return Extractor(info, protocol.size, run)


class PooledEfficientNet(nn.Module):
    """Mean over the last feature map of EfficientNet-Lite0: (B, 3, 224, 224) in [-1, 1] -> (B, 320)."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = EfficientNetMaps((LAST_BLOCK,))

    def forward(self, photos: Tensor) -> Tensor:
        last: Tensor = self.maps(photos)[-1]
        return last.mean((2, 3))


def file_sha256(path: str | Path) -> str:
    """sha256 of a file, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _network(protocol: EvaluationProtocol, weights: Path | None) -> _Network:
    if protocol.extractor == "effnet_lite0":
        if weights is not None:
            raise ValueError(f"{protocol.name} brings its own weights; leave {weights} out.")
        network = PooledEfficientNet()
        return _Network(network, protocol.extractor, "package", _state_sha256(network))
    if protocol.extractor == "inception":
        path = weights or find_inception()
        if path is None:
            raise AssetMissing(
                f"{protocol.name} needs {REFERENCE_FILE}, which is not on this machine. Name the file, upload it "
                "on the Compare page, or have it downloaded there. fd_effnet_lite0 needs no download."
            )
        module = load_inception(path)
        sha256 = file_sha256(path)
        return _Network(module, "inception", "reference" if sha256 == REFERENCE_SHA256 else "custom", sha256)
    if weights is None:
        raise ValueError(f"{protocol.name} is a network of your own: name its ONNX or safetensors file.")
    own, runtime = load_own_network(weights, size=protocol.size)
    return _Network(own, protocol.extractor, "custom", file_sha256(weights), runtime)


def _state_sha256(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _compiled(network: nn.Module, example: Tensor, threads: int) -> tuple[Callable[[Tensor], Tensor], str]:
    # Noise, not zeros: folding BatchNorm is checked on the example.
    noise = torch.rand(example.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    try:
        compiled = compile_module(network, noise, threads=threads, runtime="openvino", precision="fp32")
    except ValueError:  # not installed, or it cannot take this network
        compiled = compile_module(network, noise, threads=threads, runtime="torch", precision="fp32")
    return _one_by_one(compiled), compiled.name


def _one_by_one(run: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Batches of one: as fast on a CPU, and a photo's features do not depend on its neighbours."""
    return lambda batch: torch.cat([run(batch[i : i + 1]).reshape(1, -1).clone() for i in range(len(batch))])


def _on_device(network: nn.Module, device: torch.device) -> Callable[[Tensor], Tensor]:
    placed = network.to(device)

    def run(batch: Tensor) -> Tensor:
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            features: Tensor = placed(batch.to(device))
            return features.cpu()

    return run
