"""Train the autoencoders of stage 1 by denoising: a damaged sketch goes in, the clean one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.training.augment import AugmentConfig, damage, draw_sketch, random_geometry
from core.training.data import Pairs
from core.training.perceptual import PerceptualLoss

SAMPLES = 8
Sketches = NDArray[np.uint8]


@dataclass(frozen=True)
class DenoisingLoss:
    """Weights of the loss terms."""

    bce: float = 1.0
    low_pass: float = 2.0
    gradient: float = 1.0
    perceptual: float = 0.0


def damaged_and_clean(
    pairs: Pairs, augment: AugmentConfig, indices: list[int], rngs: list[np.random.Generator]
) -> dict[str, Sketches]:
    """``sketch`` and ``clean``: (B, 1, S, S) uint8, moved alike, the former redrawn and damaged."""
    sketches, targets = [], []
    for i, rng in zip(pairs.turns[indices], rngs, strict=True):
        geometry = random_geometry(rng, pairs.size, augment)
        drawn = draw_sketch(rng, pairs.lines[i], pairs.points[i], augment)
        sketches.append(damage(rng, geometry.apply(drawn, 255), augment))
        targets.append(geometry.apply(pairs.clean[i], 255))
    return {"sketch": np.stack(sketches)[:, None], "clean": np.stack(targets)[:, None]}


def denoising_terms(
    loss: DenoisingLoss,
    logits: Tensor,
    target: Tensor,
    *,
    ink_weight: Tensor,
    edge_weight: Tensor | None = None,
    perceptual: PerceptualLoss | None = None,
) -> dict[str, Tensor]:
    """Cross-entropy, difference after a blur (tone), of gradients (sharpness), and as a network sees it (lines).

    Parameters
    ----------
    logits, target : (B, 1, S, S)
        What the network says, and the clean sketch in [0, 1].
    ink_weight
        How much each pixel counts in the cross-entropy; broadcast.
    edge_weight : (1, 1, S, S), optional
        The same for the gradients.
    perceptual
        Answers with lines where the others are content with a grey tone.
    """
    drawn = torch.sigmoid(logits)
    across = (drawn.diff(dim=3) - target.diff(dim=3)).abs()
    down = (drawn.diff(dim=2) - target.diff(dim=2)).abs()
    if edge_weight is not None:
        across, down = across * edge_weight[..., 1:], down * edge_weight[..., 1:, :]
    weight = ink_weight.expand_as(target)
    terms = {
        "bce": loss.bce * F.binary_cross_entropy_with_logits(logits, target, weight=weight),
        "low_pass": loss.low_pass * F.l1_loss(F.avg_pool2d(drawn, 8, 4), F.avg_pool2d(target, 8, 4)),
        "gradient": loss.gradient * (across.mean() + down.mean()),
    }
    if perceptual is not None:
        seen, wanted = (sketch.repeat(1, 3, 1, 1) * 2 - 1 for sketch in (drawn, target))
        terms["perceptual"] = loss.perceptual * perceptual.to(seen.device)(seen, wanted)
    return terms


def sample_sheet(
    val: Pairs, augment: AugmentConfig, redraw: Callable[[Sketches], Sketches]
) -> NDArray[np.uint8]:
    """Rows: damaged validation sketches, what ``redraw`` makes of them, the clean ones; (H, W, 3)."""
    rows: list[list[Sketches]] = [[], [], []]
    for i in range(min(SAMPLES, len(val))):
        rng = np.random.default_rng((7, i))
        drawn = damage(rng, draw_sketch(rng, val.lines[i], val.points[i], augment), augment)
        for row, image in zip(rows, (drawn, redraw(drawn), val.clean[i]), strict=True):
            row.append(image)
    sheet = np.vstack([np.hstack(row) for row in rows])
    return np.repeat(sheet[..., None], 3, axis=2)
