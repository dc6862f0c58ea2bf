"""Models as files: safetensors whose metadata says everything that loading needs.

A file carries format version, family, configuration, training provenance and licence, so nobody
retypes a setting and nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.coverage_network import CoverageConfig, CoverageNetwork
from core.errors import AssetMissing
from core.generators.pix2pixhd import (
    GlobalGenerator,
    GlobalGeneratorConfig,
    LocalEnhancer,
    LocalEnhancerConfig,
)
from core.images import write_atomically

FORMAT = 1

FAMILIES: dict[str, tuple[type[Any], type[Any]]] = {
    SketchAutoencoder.family: (SketchAutoencoder, AutoencoderConfig),
    GlobalGenerator.family: (GlobalGenerator, GlobalGeneratorConfig),
    LocalEnhancer.family: (LocalEnhancer, LocalEnhancerConfig),
    CoverageNetwork.family: (CoverageNetwork, CoverageConfig),
}


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself.

    Attributes
    ----------
    family
        A key of ``FAMILIES``.
    config
        The architecture, as given to the family's configuration class.
    provenance
        Data, recipe, steps, scores: whatever the training recorded.
    licence
        Of the weights, not of the code.
    """

    family: str
    config: dict[str, Any]
    provenance: dict[str, Any]
    licence: str


def save_model(
    path: str | Path, model: nn.Module, *, provenance: Mapping[str, Any], licence: str, half: bool = False
) -> None:
    """Write a network with its configuration, atomically.

    Parameters
    ----------
    model
        A member of ``FAMILIES`` (it has ``family`` and ``config``).
    half
        Store matrices as float16, which halves the file; they are widened again on loading.

    Raises
    ------
    ValueError
        If a weight is not finite, or too large for float16.
    """
    tensors = {}
    for name, value in model.state_dict().items():
        value = value.detach().cpu().contiguous()
        if half and value.is_floating_point() and value.dim() > 1:
            value = value.half()
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{name} holds values that are not finite: {path} was not written")
        tensors[name] = value
    metadata = {
        "format": str(FORMAT),
        "family": str(model.family),
        "config": json.dumps(asdict(model.config)),  # type: ignore[call-overload]
        "provenance": json.dumps(dict(provenance)),
        "licence": licence,
    }
    write_atomically(path, save(tensors, metadata))


def read_info(path: str | Path) -> ModelInfo:
    """Read a model file's metadata without its weights.

    Raises
    ------
    AssetMissing
        If there is no file.
    ValueError
        If it is no model file of ours, or a newer format.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetMissing(f"{path} is missing. Check STUDIO_WEIGHTS, or restore the file with git.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is not a safetensors file, or is damaged: {error}") from error
    if metadata.get("format") != str(FORMAT) or "family" not in metadata:
        raise ValueError(
            f"{path.name}: expected model format {FORMAT}, got {metadata.get('format', 'none')}."
        )
    return ModelInfo(
        family=metadata["family"],
        config=json.loads(metadata["config"]),
        provenance=json.loads(metadata["provenance"]),
        licence=metadata["licence"],
    )


def load_model(path: str | Path, *, device: torch.device | str = "cpu") -> nn.Module:
    """Build the network that a file describes, with its weights, in eval mode.

    Raises
    ------
    AssetMissing
        If there is no file.
    ValueError
        If the family or a configuration key is unknown, or the weights do not fit.
    """
    info = read_info(path)
    if info.family not in FAMILIES:
        raise ValueError(
            f"{Path(path).name}: unknown family {info.family!r}, expected one of {', '.join(FAMILIES)}."
        )
    network, config_class = FAMILIES[info.family]
    known = {field.name for field in fields(config_class)}
    if unknown := set(info.config) - known:
        raise ValueError(f"{Path(path).name}: unknown settings {sorted(unknown)}; valid are {sorted(known)}.")
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in info.config.items()}
    model: nn.Module = network(config_class(**settings))
    with safe_open(path, framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    weights = {
        name: value.float() if value.dtype == torch.float16 else value for name, value in weights.items()
    }
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"{Path(path).name}: the weights do not fit their own configuration: {error}"
        ) from error
    return model.eval().to(device)
