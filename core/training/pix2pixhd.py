"""Train stage 2: ``python -m core.training.pix2pixhd --data.root DIR --loop.out RUN [--refiner.weights FILE]``.

Least-squares GAN with feature matching and a perceptual loss (Wang et al. 2018), on sketches that
are raw, refined by stage 1, or refined in the face only, as the pipeline will send them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import pick_device
from core.generators.blocks import initialise
from core.generators.pix2pixhd import (
    COMPACT,
    DiscriminatorConfig,
    GlobalGenerator,
    GlobalGeneratorConfig,
    MultiscaleDiscriminator,
    crop_each,
)
from core.images import tensor_to_photo
from core.training import command
from core.training.augment import NUMBERS, AugmentConfig, damage, diff_augment, draw_sketch, random_geometry
from core.training.data import DataConfig, Pairs, load_pairs
from core.training.loop import train_recipe
from core.training.perceptual import PerceptualLoss
from core.training.recipe import UNKNOWN_LICENCE, Batch, LoopConfig, Progress, Recipe, settings_of
from core.training.refiner import RefinedInput, RefinerConfig, refine_some


@dataclass(frozen=True)
class GanLoss:
    """Weights of the loss terms.

    Attributes
    ----------
    crop
        Side of the random crop that the full-resolution discriminator sees, 0 for all of it. A
        PatchGAN judges patches of 70 pixels, so a crop loses little and costs a quarter.
    """

    adversarial: float = 1.0
    feature_matching: float = 5.0
    perceptual: float = 3.0
    l1: float = 5.0
    crop: int = 160


class Pix2PixHDRecipe(Recipe):
    """Sketch in, photo out, with a two-scale discriminator against it."""

    served = "generator"

    def __init__(
        self,
        generator: GlobalGeneratorConfig,
        discriminator: DiscriminatorConfig,
        train: Pairs,
        val: Pairs,
        *,
        augment: AugmentConfig,
        loss: GanLoss,
        refiner: RefinerConfig,
        device: torch.device,
    ) -> None:
        self.networks: dict[str, nn.Module] = {
            "generator": GlobalGenerator(generator),
            "discriminator": MultiscaleDiscriminator(discriminator),
        }
        for network in self.networks.values():
            initialise(network)
        self.pairs, self.val, self.augment, self.loss = train, val or train, augment, loss
        self.refined = RefinedInput(refiner, train, device=device)
        self.perceptual = PerceptualLoss().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.provenance: dict[str, Any] = {"train_pairs": len(train), "image_size": train.size}

    def __len__(self) -> int:
        return len(self.pairs.turns)

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """Sketch and photo as uint8, and every random number that the step needs."""
        sketches, photos = [], []
        indices = self.pairs.turns[indices].tolist()
        for i, rng in zip(indices, rngs, strict=True):
            geometry = random_geometry(rng, self.pairs.size, self.augment)
            drawn = draw_sketch(rng, self.pairs.lines[i], self.pairs.points[i], self.augment)
            # Mirrored at the border as the photo is: white beside mirrored hair taught to paint hair on empty paper.
            sketches.append(damage(rng, geometry.apply(drawn), self.augment))
            photos.append(geometry.apply(self.pairs.photos[i]))
        size = self.pairs.size
        return {
            "sketch": np.stack(sketches)[:, None],
            "photo": np.stack(photos).transpose(0, 3, 1, 2),
            **self.refined.draw(indices, rngs),
            "numbers": np.stack([rng.random(NUMBERS, np.float32) for rng in rngs]),
            "crop": np.stack([crop_corner(rng, size, self.loss.crop or size) for rng in rngs]),
        }

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Generator first, on a frozen discriminator, then the discriminator on the same fakes."""
        sketch = refine_some(self.refined, batch).contiguous(memory_format=torch.channels_last)
        photo = (batch["photo"].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        fake = networks["generator"](sketch).float()
        judge = self.networks["discriminator"]
        judge.requires_grad_(False)
        seen_fake = self._judged(judge, sketch, fake, batch)
        with torch.no_grad():
            seen_real = self._judged(judge, sketch, photo, batch)
        judge.requires_grad_(True)
        loss = self.loss
        yield (
            "generator",
            {
                "adversarial": loss.adversarial * least_squares(seen_fake, 1.0),
                "feature_matching": loss.feature_matching * feature_matching(seen_fake, seen_real),
                "perceptual": loss.perceptual * self._perceptual(fake, photo, batch["crop"]),
                "l1": loss.l1 * F.l1_loss(fake, photo),
            },
        )
        both_sketch, both_photo = torch.cat([sketch, sketch]), torch.cat([fake.detach(), photo])
        twice = {name: torch.cat([batch[name], batch[name]]) for name in ("numbers", "crop")}
        verdicts = self._judged(networks["discriminator"], both_sketch, both_photo, twice)
        count = len(sketch)
        yield (
            "discriminator",
            {
                "fake": 0.5 * least_squares([[maps[-1][:count]] for maps in verdicts], 0.0),
                "real": 0.5 * least_squares([[maps[-1][count:]] for maps in verdicts], 1.0),
            },
        )

    def samples(self, model: nn.Module) -> np.ndarray:
        """Rows of validation sketches as the pipeline sends them; columns: input, output, truth."""
        rows = []
        for i in range(min(8, len(self.val))):
            sketch = self.refined.validation_sketch(self.val, i, self.augment)
            device = next(model.parameters()).device
            with torch.no_grad():
                photo = tensor_to_photo(model(sketch.to(device)))
            line = ((sketch[0, 0].cpu().numpy() + 1) * 127.5).astype(np.uint8)
            rows.append(np.hstack([np.repeat(line[..., None], 3, 2), photo, self.val.photos[i]]))
        half = (len(rows) + 1) // 2
        return np.hstack([np.vstack(rows[:half]), np.vstack((rows + rows)[half : 2 * half])])

    def _judged(self, judge: nn.Module, sketch: Tensor, photo: Tensor, batch: Batch) -> list[list[Tensor]]:
        pair = torch.cat(diff_augment(sketch, photo, batch["numbers"]), 1)
        corners = batch["crop"] if self.loss.crop else None
        return judge(pair.contiguous(memory_format=torch.channels_last), corners, self.loss.crop)

    def _perceptual(self, fake: Tensor, real: Tensor, corners: Tensor) -> Tensor:
        """All of the picture at half size, and a crop at full size."""
        half = self.perceptual(F.avg_pool2d(fake, 2), F.avg_pool2d(real, 2))
        if not self.loss.crop:
            return half
        size = fake.shape[-1]
        side = min(size // 2, self.loss.crop)
        corners = corners * (size - side) // max(size - self.loss.crop, 1)  # reach every border too
        return 0.5 * (half + self.perceptual(crop_each(fake, corners, side), crop_each(real, corners, side)))


def crop_corner(rng: np.random.Generator, size: int, crop: int) -> np.ndarray:
    """Top left corner of a crop: (2,) int64, at a border in two cases of three.

    With evenly spread corners the picture's own corners are seen once in thousands of steps, and the
    generator grows patterns there.
    """
    room = size - crop
    return np.clip(rng.integers(-room, 2 * room + 1, 2), 0, room)


def least_squares(outputs: list[list[Tensor]], target: float) -> Tensor:
    """Mean squared distance of the verdicts from ``target`` (LSGAN; Mao et al. 2017)."""
    return torch.stack([(maps[-1].float() - target).square().mean() for maps in outputs]).mean()


def feature_matching(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    """L1 between the discriminator's inner maps of fake and real, averaged over layers and scales."""
    terms = [
        F.l1_loss(ours.float(), theirs.float())
        for ours_maps, theirs_maps in zip(fake, real, strict=True)
        for ours, theirs in zip(ours_maps[:-1], theirs_maps[:-1], strict=True)
    ]
    return torch.stack(terms).mean()


def train(
    data: DataConfig,
    loop: LoopConfig,
    generator: GlobalGeneratorConfig = COMPACT,
    discriminator: DiscriminatorConfig = DiscriminatorConfig(ndf=32, norm="spectral"),
    augment: AugmentConfig = AugmentConfig(),
    loss: GanLoss = GanLoss(),
    refiner: RefinerConfig = RefinerConfig(),
    start_from: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Train a Pix2PixHD generator, or go on where ``loop.out`` stopped.

    Parameters
    ----------
    start_from
        ``checkpoint.pt`` or ``model.safetensors`` of another run, whose networks (not its optimisers)
        this one begins with.
    """
    torch.manual_seed(loop.seed)
    recipe = Pix2PixHDRecipe(
        generator, discriminator, load_pairs(data, "train"), load_pairs(data, "val"),
        augment=augment, loss=loss, refiner=refiner, device=pick_device(loop.device),
    )  # fmt: skip
    settings = settings_of(
        data=data, loop=loop, generator=generator, discriminator=discriminator, augment=augment, loss=loss,
        refiner=refiner,
    )  # fmt: skip
    return train_recipe(
        recipe, loop, settings=settings, start_from=start_from, licence=licence, progress=progress
    )


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
