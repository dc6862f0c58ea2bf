"""Whether weights fit a network, and the network with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.checkpoint_import.reading import CheckpointRefused
from core.models.families import FAMILIES, differences, shapes_of_network

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Architecture:
    """A network that the weights fit.

    Attributes
    ----------
    family
        A key of `core.models.families.GENERATORS`.
    config
        Its configuration.
    tensors
        The weights under our names.
    notes
        What was worked out, left out or renamed, in words.
    """

    family: str
    config: Any
    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()


def title(family: str) -> str:
    return str(FAMILIES[family][0].name)


def build(architecture: Architecture) -> nn.Module:
    """The network with its weights, in eval mode."""
    with torch.device("meta"):
        network: nn.Module = FAMILIES[architecture.family][0](architecture.config)
    weights = {n: v.float() if v.is_floating_point() else v for n, v in architecture.tensors.items()}
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval()


def check_fit(found: Architecture) -> None:
    ours = shapes_of_network(found.family, found.config)
    theirs = {name: tuple(value.shape) for name, value in found.tensors.items()}
    if problem := differences(ours, theirs):
        raise CheckpointRefused(f"These weights look like {title(found.family)}, but {problem}.")


def first_names(tensors: Tensors) -> str:
    return ", ".join(list(tensors)[:3]) + (", ..." if len(tensors) > 3 else "") if tensors else "nothing"
