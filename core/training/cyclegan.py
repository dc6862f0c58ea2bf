"""Train CycleGAN: ``python -m core.training.cyclegan --data.root DIR --loop.out RUN [--unpaired.photos DIR]``.

Least squares, cycle 10, identity 0.5 of the cycle, a pool of 50 fakes, linear decay (Zhu et al. 2017).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from core.config import pick_device
from core.generators.blocks import initialise
from core.generators.cyclegan import (
    COMPACT,
    CycleGANConfig,
    PatchDiscriminator,
    PatchDiscriminatorConfig,
    ResnetTranslator,
)
from core.training import command
from core.training.augment import AugmentConfig
from core.training.data import DataConfig
from core.training.loop import UNKNOWN_LICENCE, LoopConfig, Progress, settings_of, train_recipe
from core.training.refiner import RefinedInput, RefinerConfig
from core.training.unpaired import Judges, Translators, UnpairedLoss, UnpairedRecipe
from core.training.unpaired_data import UnpairedConfig, load_unpaired


def train(
    data: DataConfig,
    loop: LoopConfig,
    unpaired: UnpairedConfig = UnpairedConfig(),
    generator: CycleGANConfig = COMPACT,
    discriminator: PatchDiscriminatorConfig = PatchDiscriminatorConfig(ndf=32),
    augment: AugmentConfig = AugmentConfig(),
    loss: UnpairedLoss = UnpairedLoss(),
    refiner: RefinerConfig = RefinerConfig(),
    start_from: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Train a CycleGAN, or go on where ``loop.out`` stopped; the sketch-to-photo half is served.

    Parameters
    ----------
    start_from
        ``checkpoint.pt`` or ``model.safetensors`` of another run, whose networks (not its optimisers)
        this one begins with.
    """
    torch.manual_seed(loop.seed)
    translators = Translators(
        ResnetTranslator(generator),
        ResnetTranslator(replace(generator, input_nc=generator.output_nc, output_nc=generator.input_nc)),
    )
    judges = Judges([PatchDiscriminator(discriminator)], [PatchDiscriminator(discriminator)])
    for network in (translators, judges):
        initialise(network)
    sides = load_unpaired(data, unpaired, "train")
    clean = sides.sketches.clean if sides.sketches is not None else None
    recipe = UnpairedRecipe(
        translators, judges, sides, load_unpaired(data, unpaired, "val"),
        augment=augment, loss=loss, refined=RefinedInput(refiner, clean, device=pick_device(loop.device)),
    )  # fmt: skip
    settings = settings_of(
        data=data, loop=loop, unpaired=unpaired, generator=generator, discriminator=discriminator,
        augment=augment, loss=loss, refiner=refiner,
    )  # fmt: skip
    return train_recipe(
        recipe, loop, settings=settings, start_from=start_from, licence=licence, progress=progress
    )


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
