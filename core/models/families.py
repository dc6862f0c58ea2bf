"""The families of networks that a model file may hold, and what such a file says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.coverage_network import CoverageConfig, CoverageNetwork
from core.face_parts.layout import PartAutoencoders, PartsConfig
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator, UnetConfig, UnetTranslator
from core.generators.pix2pixhd import (
    GlobalGenerator,
    GlobalGeneratorConfig,
    LocalEnhancer,
    LocalEnhancerConfig,
)
from core.generators.ugatit import AttentionTranslator, UGATITConfig
from core.models.conventions import Conventions, default_conventions
from core.upscaler import Upscaler, UpscalerConfig

GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {  # stage 2: sketch to photo
    GlobalGenerator.family: (GlobalGenerator, GlobalGeneratorConfig),
    LocalEnhancer.family: (LocalEnhancer, LocalEnhancerConfig),
    ResnetTranslator.family: (ResnetTranslator, CycleGANConfig),
    UnetTranslator.family: (UnetTranslator, UnetConfig),
    AttentionTranslator.family: (AttentionTranslator, UGATITConfig),
}
FAMILIES: dict[str, tuple[type[Any], type[Any]]] = {
    SketchAutoencoder.family: (SketchAutoencoder, AutoencoderConfig),
    **GENERATORS,
    CoverageNetwork.family: (CoverageNetwork, CoverageConfig),
    PartAutoencoders.family: (PartAutoencoders, PartsConfig),
    Upscaler.family: (Upscaler, UpscalerConfig),
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
    conventions
        What a generator expects of sketches and promises of photos; None for other families.
    """

    family: str
    config: dict[str, Any]
    provenance: dict[str, Any]
    licence: str
    conventions: Conventions | None = None


def conventions_of(info: ModelInfo, stored: str | None) -> Conventions | None:
    """A generator's conventions as stored (JSON), or what files from before there were any mean.

    Raises
    ------
    ValueError
        If they are none, or the configuration is unknown.
    """
    if info.family not in GENERATORS:
        return None
    if stored is not None:
        return Conventions.from_mapping(json.loads(stored))
    size = info.provenance.get("image_size")
    return default_conventions(build_config(info), image_size=size if isinstance(size, int) else None)


def build_config(info: ModelInfo) -> Any:
    """The configuration that a file's metadata describes, as its family's own class.

    Raises
    ------
    ValueError
        If the family or one of the settings is unknown.
    """
    if info.family not in FAMILIES:
        raise ValueError(f"unknown family {info.family!r}, expected one of {', '.join(FAMILIES)}.")
    config_class = FAMILIES[info.family][1]
    known = {field.name for field in fields(config_class)}
    if unknown := set(info.config) - known:
        raise ValueError(f"unknown settings {sorted(unknown)}; valid are {sorted(known)}.")
    return config_class(**{k: tuple(v) if isinstance(v, list) else v for k, v in info.config.items()})
