"""Folding BatchNorm into convolutions, which a trained network no longer needs apart."""

from __future__ import annotations

import copy
import logging

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

logger = logging.getLogger(__name__)

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def fold_batch_norm(module: nn.Module, example: torch.Tensor) -> nn.Module:
    """Merge each BatchNorm into the convolution that feeds it.

    The pairs are found by watching one forward pass, so any network is covered, not only sequential ones.
    The result is checked on the example and thrown away if it differs.

    Parameters
    ----------
    module
        In eval mode; not changed.
    example
        One input batch.

    Returns
    -------
    A copy with the BatchNorms folded, or a plain copy if folding would have changed the output.
    """
    folded = copy.deepcopy(module).eval()
    # By the id of the output tensor, the convolution that made it.
    producers: dict[int, nn.Conv2d | nn.ConvTranspose2d] = {}
    calls: dict[nn.Module, int] = {}
    pairs: dict[nn.BatchNorm2d, nn.Conv2d | nn.ConvTranspose2d] = {}
    alive: list[torch.Tensor] = []  # keeps ids from being used twice

    def watch(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        calls[layer] = calls.get(layer, 0) + 1
        if isinstance(layer, _CONVOLUTIONS):
            producers[id(output)] = layer
        elif isinstance(layer, nn.BatchNorm2d) and id(inputs[0]) in producers:
            pairs[layer] = producers[id(inputs[0])]
        alive.extend((inputs[0], output))

    hooks = [
        layer.register_forward_hook(watch)
        for layer in folded.modules()
        if isinstance(layer, (*_CONVOLUTIONS, nn.BatchNorm2d))
    ]
    with torch.no_grad():
        expected = folded(example)
    for hook in hooks:
        hook.remove()
    alive.clear()

    names: dict[nn.Module, str] = {layer: name for name, layer in folded.named_modules()}
    for norm, convolution in pairs.items():
        if calls[norm] > 1 or calls[convolution] > 1 or norm.running_mean is None:
            continue
        is_transposed = isinstance(convolution, nn.ConvTranspose2d)
        merged: nn.Module = fuse_conv_bn_eval(convolution, norm, transpose=is_transposed)
        _replace(folded, names[convolution], merged)
        _replace(folded, names[norm], nn.Identity())
    with torch.no_grad():
        close = torch.allclose(folded(example), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    if not close:
        logger.warning("Folding BatchNorm changed the network's output; it runs unfolded.")
        return copy.deepcopy(module).eval()
    return folded.requires_grad_(False)


def _replace(root: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(root.get_submodule(parent), leaf, layer)
