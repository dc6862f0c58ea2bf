"""A user's own feature network (DINOv2, CLIP, ArcFace ...): a TorchScript or an ONNX file, run as it is.

It takes (1, 3, S, S) float32 in [-1, 1] and gives features of any shape that starts with 1. A network that
wants other means and deviations carries them inside; exporting it with them is one line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.runtime import import_openvino

TORCHSCRIPT = (".pt", ".pth", ".torchscript", ".ts")
MAX_FEATURES = 8192


class OnnxNetwork(nn.Module):
    """An ONNX graph on the CPU in float32."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__()
        core = import_openvino().Core()
        graph = core.read_model(str(path))
        if len(graph.inputs) != 1:
            raise ValueError(
                f"{path.name} takes {len(graph.inputs)} inputs, expected one: (1, 3, {size}, {size})."
            )
        graph.reshape([1, 3, size, size])
        hints = {"INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
        self._request: Any = core.compile_model(graph, "CPU", hints).create_infer_request()

    def forward(self, batch: Tensor) -> Tensor:
        rows = [self._request.infer([row[None].contiguous().numpy()])[0].copy() for row in batch.cpu()]
        return torch.from_numpy(np.concatenate(rows).astype(np.float32))


def load_own_network(path: str | Path, *, size: int) -> tuple[nn.Module, bool]:
    """Load a network and try it on one grey picture.

    Returns
    -------
    network
        (B, 3, size, size) in [-1, 1] -> (B, D).
    is_onnx
        Whether OpenVINO runs it, on the CPU.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is neither TorchScript nor ONNX, does not take such a picture, or gives no plain features.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing. Name a TorchScript ({', '.join(TORCHSCRIPT)}) or ONNX file."
        )
    if file.suffix.lower() not in (*TORCHSCRIPT, ".onnx"):
        raise ValueError(f"{file.name}: expected TorchScript ({', '.join(TORCHSCRIPT)}) or .onnx.")
    is_onnx = file.suffix.lower() == ".onnx"
    try:
        network: nn.Module = (
            OnnxNetwork(file, size) if is_onnx else torch.jit.load(str(file), map_location="cpu")
        )
        with torch.no_grad():
            features = network.eval()(torch.zeros(1, 3, size, size))
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or ["no message"])[-1][:200]
        raise ValueError(
            f"{file.name} cannot be run on a picture (1, 3, {size}, {size}): {reason}. A plain state dict is not "
            "enough; save it with torch.jit.trace(...).save(), or as ONNX."
        ) from error
    if (
        not isinstance(features, Tensor)
        or features.shape[:1] != (1,)
        or not 1 < features.numel() <= MAX_FEATURES
    ):
        got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"{file.name} gives {got}, expected one row of 2 to {MAX_FEATURES} features.")
    return _Flat(network), is_onnx


class _Flat(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Tensor) -> Tensor:
        features: Tensor = self.network(batch)
        return features.reshape(len(batch), -1)
