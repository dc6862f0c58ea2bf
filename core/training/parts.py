"""Train stage 1 by parts: ``python -m core.training.parts --data.root DIR --loop.out RUN``.

Sketches are drawn and damaged whole, as for the autoencoder of the whole face, and then cut: a line
that leaves a box looks as it does in use. Parts share nothing but the samples, so they may be trained
together or in several runs (``--model.parts '[nose, mouth]'``), which publishing joins again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model
from core.face_parts.layout import (
    PAINT_ORDER,
    REMAINDER,
    PartAutoencoders,
    PartsConfig,
    cut_part,
    paste_parts,
)
from core.images import sketch_to_tensor
from core.training import command
from core.training.augment import AugmentConfig
from core.training.data import DataConfig, Pairs, load_pairs
from core.training.denoising_loss import DenoisingLoss, damaged_and_clean, denoising_terms, sample_sheet
from core.training.loop import train_recipe
from core.training.perceptual import perceptual_loss
from core.training.recipe import UNKNOWN_LICENCE, Batch, LoopConfig, Progress, Recipe, settings_of


@dataclass(frozen=True)
class PartsLoss(DenoisingLoss):
    """Weights of the loss terms; ``lines`` is how much more a black pixel counts than a white one."""

    lines: float = 1.0


class PartsRecipe(Recipe):
    """Cuts of damaged sketches in, the same cuts of the clean ones out."""

    served = "parts"

    def __init__(
        self, model: PartsConfig, train: Pairs, val: Pairs, *, augment: AugmentConfig, loss: PartsLoss
    ) -> None:
        if train.size not in (model.image_size, model.fine_size):
            raise ValueError(f"model.image_size {model.image_size} and data.image_size {train.size} differ.")
        self.networks: dict[str, nn.Module] = {"parts": PartAutoencoders(model)}
        self.pairs, self.val, self.augment, self.loss = train, val or train, augment, loss
        self.model, self.names = model, model.parts
        self._perceptual = perceptual_loss(loss.perceptual)
        self.provenance: dict[str, Any] = {"train_pairs": len(train), "image_size": model.image_size}

    def __len__(self) -> int:
        return len(self.pairs.turns)

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """``sketch/NAME`` and ``clean/NAME`` for each part: (B, 1, side, side) uint8."""
        wholes = damaged_and_clean(self.pairs, self.augment, indices, rngs)
        return {
            f"{kind}/{name}": cut
            for kind, whole in wholes.items()
            for name, cut in cut_parts(whole, self.model).items()
        }

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """For each part the terms of `core.training.denoising_loss.denoising_terms`; ink counts more."""
        cuts = {name: batch[f"sketch/{name}"].float() / 127.5 - 1 for name in self.names}
        terms: dict[str, Tensor] = {}
        for name, answer in networks["parts"](cuts).items():
            logits, target = answer.float(), batch[f"clean/{name}"].float() / 255
            weight = 1 + self.loss.lines * (1 - target)
            some = denoising_terms(self.loss, logits, target, ink_weight=weight, perceptual=self._perceptual)
            terms |= {f"{name}_{key}": value for key, value in some.items()}
        yield "parts", terms

    def samples(self, model: nn.Module) -> np.ndarray:
        """Rows: damaged validation sketches, what the parts make of them put together, the clean ones."""
        return sample_sheet(self.val, self.augment, partial(redraw, model))


def cut_parts(sketches: np.ndarray, model: PartsConfig) -> dict[str, np.ndarray]:
    """Give what each part's autoencoder reads of sketches (..., S, S) uint8, S the model's own or its fine size."""
    fine, coarse = sketches, sketches
    if sketches.shape[-1] != model.image_size and REMAINDER in model.parts:
        coarse = _shrunk(sketches, model.image_size)
    return {name: cut_part(coarse if name == REMAINDER else fine, name) for name in model.parts}


def _shrunk(sketches: np.ndarray, side: int) -> np.ndarray:
    """Sketches (..., S, S) uint8 averaged over areas to (..., side, side)."""
    flat = sketches.reshape(-1, *sketches.shape[-2:])
    small = np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in flat])
    return small.reshape(*sketches.shape[:-2], side, side)


def redraw(model: nn.Module, sketch: np.ndarray) -> np.ndarray:
    """A sketch read and drawn again part by part, on white where a part has no autoencoder: (S, S) uint8."""
    assert isinstance(model, PartAutoencoders)
    device = next(model.parameters()).device
    redrawn = {}
    with torch.no_grad():
        for name, cut in cut_parts(sketch, model.config).items():
            drawn = torch.sigmoid(model.autoencoder(name)(sketch_to_tensor(cut).to(device)))
            if name == REMAINDER and drawn.shape[-1] != sketch.shape[-1]:
                drawn = F.interpolate(drawn, sketch.shape, mode="bilinear")
            redrawn[name] = drawn[0, 0].float().cpu().numpy()
    pasted = paste_parts(np.ones(sketch.shape, np.float32), redrawn)
    return (pasted * 255).astype(np.uint8)


def drawn_for(model: PartsConfig, data: DataConfig) -> DataConfig:
    """Give the pairs at the size that the parts read: the remainder alone needs no fine ones."""
    is_fine = any(name != REMAINDER for name in model.parts)
    return replace(data, image_size=data.image_size * model.detail) if is_fine else data


def start_parts_from(model: PartAutoencoders, path: Path) -> None:
    """Begin with trained weights: of parts, or of the whole face's autoencoder for the remainder.

    Parts that the file does not have stay as they are.

    Raises
    ------
    ValueError
        If the file holds something else, or nothing that fits.
    RuntimeError
        If the architectures differ.
    """
    source = load_model(path)
    found: Mapping[str, nn.Module] = {}
    if isinstance(source, SketchAutoencoder):
        found = {REMAINDER: source}
    elif isinstance(source, PartAutoencoders):
        found = {name: source.autoencoder(name) for name in source.config.parts}
    wanted = [name for name in model.config.parts if name in found]
    if not wanted:
        raise ValueError(f"{path} holds none of these parts: {', '.join(model.config.parts)}.")
    for name in wanted:
        model.autoencoder(name).load_state_dict(found[name].state_dict())


def train(
    data: DataConfig,
    loop: LoopConfig,
    model: PartsConfig = PartsConfig(),
    augment: AugmentConfig = AugmentConfig(),
    loss: PartsLoss = PartsLoss(),
    start_from: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Train part autoencoders, or go on where ``loop.out`` stopped.

    Parameters
    ----------
    start_from
        ``model.safetensors`` of another run of parts to begin with, or of the whole face's autoencoder, with
        which the remainder begins.
    """
    if unknown := set(model.parts) - set(PAINT_ORDER):
        raise ValueError(f"model.parts must be among {', '.join(PAINT_ORDER)}; got {sorted(unknown)}.")
    torch.manual_seed(loop.seed)
    drawn_at = drawn_for(model, data)
    recipe = PartsRecipe(
        model, load_pairs(drawn_at, "train", keep_photos=False), load_pairs(drawn_at, "val", keep_photos=False),
        augment=augment, loss=loss,
    )  # fmt: skip
    if start_from is not None:
        network = recipe.networks["parts"]
        assert isinstance(network, PartAutoencoders)
        start_parts_from(network, start_from)
    settings = settings_of(data=data, loop=loop, model=model, augment=augment, loss=loss)
    return train_recipe(recipe, loop, settings=settings, start_from=None, licence=licence, progress=progress)


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
