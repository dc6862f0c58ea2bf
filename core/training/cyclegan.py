"""Train CycleGAN: ``python -m core.training.cyclegan --data.root DIR --loop.out RUN [--unpaired.photos DIR]``.

Least squares, cycle 10, identity 0.5 of the cycle, a pool of 50 fakes, linear decay (Zhu et al. 2017).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

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
from core.training.recipe import UNKNOWN_LICENCE, LoopConfig, Progress, settings_of
from core.training.refiner import RefinerConfig
from core.training.unpaired import Discriminators, GeneratorPair, UnpairedLoss, train_unpaired
from core.training.unpaired_data import UnpairedConfig


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
    translators = GeneratorPair(
        ResnetTranslator(generator),
        ResnetTranslator(replace(generator, input_nc=generator.output_nc, output_nc=generator.input_nc)),
    )
    judges = Discriminators([PatchDiscriminator(discriminator)], [PatchDiscriminator(discriminator)])
    return train_unpaired(
        translators, judges, data=data, loop=loop, unpaired=unpaired, augment=augment, loss=loss,
        refiner=refiner, settings=settings_of(generator=generator, discriminator=discriminator),
        start_from=start_from, licence=licence, progress=progress,
    )  # fmt: skip


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
