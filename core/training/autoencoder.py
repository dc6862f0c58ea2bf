"""Train stage 1: ``python -m core.training.autoencoder --data.root DIR --loop.out RUN``.

The network sees a damaged sketch and learns the clean one, so that it maps what a person draws to
what the machine would have drawn of a real face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.face_frame import EYE_LEFT, EYE_RIGHT, FRAME, face_mask
from core.images import sketch_to_tensor
from core.training import command
from core.training.augment import AugmentConfig
from core.training.data import DataConfig, Pairs, load_pairs
from core.training.denoising_loss import DenoisingLoss, damaged_and_clean, denoising_terms, sample_sheet
from core.training.loop import train_recipe
from core.training.perceptual import perceptual_loss
from core.training.recipe import UNKNOWN_LICENCE, Batch, LoopConfig, Progress, Recipe, settings_of


@dataclass(frozen=True)
class AutoencoderLoss(DenoisingLoss):
    """Weights of the loss terms, and how much more a pixel of the face, and of the eyes in it, counts."""

    face: float = 3.0
    eyes: float = 1.0


class AutoencoderRecipe(Recipe):
    """Damaged sketch in, clean sketch out."""

    served = "autoencoder"

    def __init__(
        self,
        model: AutoencoderConfig,
        train: Pairs,
        val: Pairs,
        *,
        augment: AugmentConfig,
        loss: AutoencoderLoss,
    ) -> None:
        self.networks: dict[str, nn.Module] = {"autoencoder": SketchAutoencoder(model)}
        self.pairs, self.val, self.augment, self.loss = train, val or train, augment, loss
        self.provenance: dict[str, Any] = {"train_pairs": len(train), "image_size": train.size}
        self._weight = torch.from_numpy(pixel_weights(train.size, loss))[None, None]
        self._perceptual = perceptual_loss(loss.perceptual)

    def __len__(self) -> int:
        return len(self.pairs.turns)

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """``sketch`` and ``clean``: (B, 1, S, S) uint8."""
        return damaged_and_clean(self.pairs, self.augment, indices, rngs)

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """See `core.training.denoising_loss.denoising_terms`; some pixels count more."""
        sketch = batch["sketch"].float() / 127.5 - 1
        target = batch["clean"].float() / 255
        logits = networks["autoencoder"](sketch).float()
        weight = self._weight.to(logits.device)
        terms = denoising_terms(
            self.loss, logits, target, ink_weight=weight, edge_weight=weight, perceptual=self._perceptual
        )
        yield "autoencoder", terms

    def samples(self, model: nn.Module) -> np.ndarray:
        """Rows: damaged validation sketches, what the model makes of them, the clean ones."""
        device = next(model.parameters()).device

        def redraw(sketch: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                clean = torch.sigmoid(model(sketch_to_tensor(sketch).to(device)))[0, 0].float().cpu().numpy()
            return (clean * 255).astype(np.uint8)

        return sample_sheet(self.val, self.augment, redraw)


def pixel_weights(size: int, loss: AutoencoderLoss) -> np.ndarray:
    """How much each pixel counts: (S, S) float32, 1 outside the face.

    Eyes have a factor of their own: a gaze is a few dozen pixels, which no mean over the picture would miss.
    """
    weight = 1 + (loss.face - 1) * face_mask(size)
    for x, y in (EYE_LEFT, EYE_RIGHT):
        centre, axes = (
            (round(x * size / FRAME), round(y * size / FRAME)),
            (44 * size // FRAME, 26 * size // FRAME),
        )
        eye = cv2.ellipse(np.zeros((size, size), np.float32), centre, axes, 0, 0, 360, 1.0, -1)
        weight = weight * (1 + (loss.eyes - 1) * cv2.GaussianBlur(eye, (0, 0), 6 * size / FRAME))
    return weight.astype(np.float32)


def train(
    data: DataConfig,
    loop: LoopConfig,
    model: AutoencoderConfig = AutoencoderConfig(),
    augment: AugmentConfig = AugmentConfig(),
    loss: AutoencoderLoss = AutoencoderLoss(),
    start_from: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Train a sketch autoencoder, or go on where ``loop.out`` stopped.

    Parameters
    ----------
    start_from
        ``checkpoint.pt`` or ``model.safetensors`` of another run to begin with.
    """
    torch.manual_seed(loop.seed)
    recipe = AutoencoderRecipe(
        model, load_pairs(data, "train", keep_photos=False), load_pairs(data, "val", keep_photos=False),
        augment=augment, loss=loss,
    )  # fmt: skip
    settings = settings_of(data=data, loop=loop, model=model, augment=augment, loss=loss)
    return train_recipe(
        recipe, loop, settings=settings, start_from=start_from, licence=licence, progress=progress
    )


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
