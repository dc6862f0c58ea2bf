"""A user's own feature network (DINOv2, CLIP, ArcFace ...): ONNX, or plain weights of a network that we know.

An ONNX graph takes (1, 3, S, S) float32 in [-1, 1] and gives features of any shape that starts with 1. A network that
wants other means and deviations carries them inside; exporting it with them is one line. A ``.safetensors`` file
holds the weights of FID's Inception or of EfficientNet-Lite0, trained on something else. TorchScript is a program and
runs only as `eval.torchscript` says.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from core.efficientnet import empty_feature_network
from core.runtime import compile_graph, import_openvino
from eval.inception import FIDInception
from eval.torchscript import ENDINGS as TORCHSCRIPT
from eval.torchscript import IsolatedNetwork, read_allowed

PLAIN = (".onnx", ".safetensors")
MAX_FEATURES = 8192
KNOWN: dict[str, Callable[[], nn.Module]] = {
    "FID's Inception": FIDInception,
    "EfficientNet-Lite0": empty_feature_network,
}


class OnnxNetwork(nn.Module):
    """An ONNX graph on the CPU in float32."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__()
        core = import_openvino().Core()
        with tempfile.TemporaryDirectory(prefix="studio-onnx-") as folder:
            # A graph may name files beside it as its weights; in a folder of its own there are none.
            alone = Path(folder) / "network.onnx"
            shutil.copyfile(path, alone)
            graph = core.read_model(str(alone))
        if len(graph.inputs) != 1:
            raise ValueError(
                f"{path.name} takes {len(graph.inputs)} inputs, expected one: (1, 3, {size}, {size})."
            )
        graph.reshape([1, 3, size, size])
        compiled = compile_graph(graph, {"INFERENCE_PRECISION_HINT": "f32"})
        self._request: Any = compiled.create_infer_request()

    def forward(self, batch: Tensor) -> Tensor:
        rows = [self._request.infer([row[None].contiguous().numpy()])[0].copy() for row in batch.cpu()]
        return torch.from_numpy(np.concatenate(rows).astype(np.float32))


def check_own_network(file: Path) -> None:
    """Refuse a file that would not be run, before anything else of a comparison is done.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is of another kind, or TorchScript that the operator has not allowed.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing. Name an ONNX or safetensors file.")
    if file.suffix.lower() in TORCHSCRIPT:
        read_allowed(file)
    elif file.suffix.lower() not in PLAIN:
        raise ValueError(
            f"{file.name}: expected {' or '.join(PLAIN)}, or TorchScript ({', '.join(TORCHSCRIPT)})."
        )


def load_own_network(file: Path, *, size: int) -> tuple[nn.Module, str]:
    """Load a network and try it on one grey picture.

    Returns
    -------
    network
        (B, 3, size, size) in [-1, 1] -> (B, ...): its features, of any shape.
    runtime
        What runs it, such as ``openvino-fp32``; empty for a module that is still to be compiled.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is of another kind, or TorchScript that the operator has not allowed; does not take such a picture;
        or gives no plain features.
    """
    check_own_network(file)
    ending = file.suffix.lower()
    try:
        network: nn.Module
        if ending == ".onnx":
            network, runtime = OnnxNetwork(file, size), "openvino-fp32"
        elif ending == ".safetensors":
            network, runtime = _known_network(file), ""
        else:
            network, runtime = IsolatedNetwork(read_allowed(file), file.name), "torchscript-fp32"
        with torch.no_grad():
            features = network.eval()(torch.zeros(1, 3, size, size))
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or ["no message"])[-1][:200]
        raise ValueError(
            f"{file.name} cannot be run on a picture (1, 3, {size}, {size}): {reason}"
        ) from error
    if (
        not isinstance(features, Tensor)
        or features.shape[:1] != (1,)
        or not 1 < features.numel() <= MAX_FEATURES
    ):
        got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f"{file.name} gives {got}, expected one row of 2 to {MAX_FEATURES} features.")
    return network, runtime


def _known_network(path: Path) -> nn.Module:
    """The network whose tensors a file holds, by their names and shapes; nothing is built before those fit."""
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            for build in KNOWN.values():
                with torch.device("meta"):
                    network = build()
                if shapes == {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}:
                    state = {name: file.get_tensor(name) for name in shapes}
                    network.load_state_dict(state, strict=True, assign=True)
                    return network.float().requires_grad_(False)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is no safetensors file, or is damaged: {error}") from error
    raise ValueError(
        f"{path.name} holds {len(shapes)} tensors of another network. Known are {' and '.join(KNOWN)}; save any "
        "other network as ONNX."
    )
