"""List the families of networks that a model file may hold, and what such a file says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

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
from core.untrusted_files import load_json
from core.upscaler import Upscaler, UpscalerConfig

GENERATORS: dict[str, tuple[type[Any], type[Any]]] = {  # stage 2: sketch to photo
    GlobalGenerator.family: (GlobalGenerator, GlobalGeneratorConfig),
    LocalEnhancer.family: (LocalEnhancer, LocalEnhancerConfig),
    ResnetTranslator.family: (ResnetTranslator, CycleGANConfig),
    UnetTranslator.family: (UnetTranslator, UnetConfig),
    AttentionTranslator.family: (AttentionTranslator, UGATITConfig),
}
UNPAIRED = {ResnetTranslator.family, UnetTranslator.family, AttentionTranslator.family}
FAMILIES: dict[str, tuple[type[Any], type[Any]]] = {
    SketchAutoencoder.family: (SketchAutoencoder, AutoencoderConfig),
    **GENERATORS,
    CoverageNetwork.family: (CoverageNetwork, CoverageConfig),
    PartAutoencoders.family: (PartAutoencoders, PartsConfig),
    Upscaler.family: (Upscaler, UpscalerConfig),
}


_COUNTS = re.compile(
    r"n_|num_|(blocks|layers|depth|scale)$"
)  # settings that say how often something is repeated
MAX_LAYERS = 64  # of one kind; the deepest of the reference networks repeats one 9 times
MAX_LAYERS_IN_ALL = 2048  # where one kind holds the other


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself."""

    family: str  # a key of ``FAMILIES``
    config: dict[str, Any]  # the architecture, as given to the family's configuration class
    provenance: dict[str, Any]  # data, recipe, steps, scores: whatever the training recorded
    licence: str  # of the weights, not of the code
    # What a generator expects of sketches and promises of photos; None for other families.
    conventions: Conventions | None = None

    @property
    def images_seen(self) -> int | None:
        """Count the images that trainings showed it, one as often as it came; None where the file does not say.

        Those that the weights had seen with which its training began are among them.
        """
        try:
            steps, batch = int(self.provenance["steps"]), int(self.provenance["batch_size"])
            return int(self.provenance.get("images_before", 0)) + steps * batch
        except (KeyError, TypeError, ValueError):
            return None


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
        return Conventions.from_mapping(load_json(stored))
    size, margin = info.provenance.get("image_size"), info.provenance.get("margin", 0)
    usual = default_conventions(build_config(info), image_size=size if isinstance(size, int) else None)
    return replace(usual, margin=margin) if margin else usual


def build_config(info: ModelInfo) -> Any:
    """Read the configuration that a file's metadata describes, as its family's own class.

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


class _Uninitialised(TorchFunctionMode):
    """Leave out the first values of weights, which on a meta device would import all of torch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def shapes_of_network(family: str, config: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a network's weights, worked out without memory for any.

    Parameters
    ----------
    family
        A key of ``FAMILIES``.
    config
        Its configuration. A number or a list in it is how often a layer is repeated, unless it is a width:
        a file of a few megabytes may claim any.

    Raises
    ------
    ValueError
        If no network can be made of the configuration, or only one of over ``MAX_LAYERS`` layers of one kind.
    """
    layers = 1
    for name, value in asdict(config).items():
        count = len(value) if isinstance(value, (list, tuple)) else value if _COUNTS.match(name) else 0
        if not isinstance(count, int) or count > MAX_LAYERS:
            raise ValueError(f"{name} is {count!r}; networks of up to {MAX_LAYERS} layers of a kind are made")
        layers *= max(1, count)
    if layers > MAX_LAYERS_IN_ALL:
        raise ValueError(f"it has {layers} layers; networks of up to {MAX_LAYERS_IN_ALL} are made")
    try:
        with torch.device("meta"), _Uninitialised():
            network = FAMILIES[family][0](config)
    except (RuntimeError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise ValueError(f"its configuration makes no network: {first[:200]}") from error
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def differences(
    expected: Mapping[str, tuple[int, ...]], got: Mapping[str, tuple[int, ...]], most: int = 3
) -> str:
    """Give what does not fit, in words: missing, left over, or of another shape; empty if all does."""
    parts = []
    if missing := [name for name in expected if name not in got]:
        parts.append(f"{_listed(missing, most)} {'is' if len(missing) == 1 else 'are'} missing")
    if spare := [name for name in got if name not in expected]:
        parts.append(f"{_listed(spare, most)} {'has' if len(spare) == 1 else 'have'} no place")
    odd = [name for name in expected if name in got and expected[name] != got[name]]
    if odd:
        shapes = [f"{name} is {got[name]} where {expected[name]} is expected" for name in odd[:most]]
        parts.append("; ".join(shapes) + (f" and {len(odd) - most} more" if len(odd) > most else ""))
    return ", and ".join(parts)


def _listed(names: list[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
