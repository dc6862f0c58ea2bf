"""Train U-GAT-IT: ``python -m core.training.ugatit --data.root DIR --loop.out RUN [--unpaired.photos DIR]``.

Adversarial 1, cycle 10, identity 10, class activation maps 1000, two judges a domain, of which one sees
all of the picture (Kim et al. 2020). The paper has no pool of earlier fakes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from core.generators.ugatit import (
    COMPACT,
    AttentionDiscriminator,
    AttentionDiscriminatorConfig,
    AttentionTranslator,
    UGATITConfig,
)
from core.training import command
from core.training.augment import AugmentConfig
from core.training.data import DataConfig
from core.training.recipe import UNKNOWN_LICENCE, LoopConfig, Progress, settings_of
from core.training.refiner import RefinerConfig
from core.training.unpaired import Discriminators, GeneratorPair, UnpairedLoss, train_unpaired
from core.training.unpaired_data import UnpairedConfig

GLOBAL_LAYERS = 7


def train(
    data: DataConfig,
    loop: LoopConfig,
    unpaired: UnpairedConfig = UnpairedConfig(),
    generator: UGATITConfig = COMPACT,
    discriminator: AttentionDiscriminatorConfig = AttentionDiscriminatorConfig(ndf=16),
    augment: AugmentConfig = AugmentConfig(),
    loss: UnpairedLoss = UnpairedLoss(identity=10.0, cam=1000.0, pool=0),
    refiner: RefinerConfig = RefinerConfig(),
    start_from: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Train a U-GAT-IT, or go on where ``loop.out`` stopped; the sketch-to-photo half is served.

    Parameters
    ----------
    discriminator
        The local judge; the global one has seven layers and is otherwise the same.
    start_from
        ``checkpoint.pt`` or ``model.safetensors`` of another run, whose networks (not its optimisers)
        this one begins with.
    """
    torch.manual_seed(loop.seed)
    generator = replace(generator, img_size=data.image_size)
    translators = GeneratorPair(
        AttentionTranslator(generator),
        AttentionTranslator(replace(generator, input_nc=generator.output_nc, output_nc=generator.input_nc)),
    )
    judges = Discriminators(_two_judges(discriminator), _two_judges(discriminator))
    return train_unpaired(
        translators, judges, data=data, loop=loop, unpaired=unpaired, augment=augment, loss=loss,
        refiner=refiner, settings=settings_of(generator=generator, discriminator=discriminator),
        start_from=start_from, licence=licence, progress=progress,
    )  # fmt: skip


def _two_judges(config: AttentionDiscriminatorConfig) -> list[nn.Module]:
    return [AttentionDiscriminator(config), AttentionDiscriminator(replace(config, n_layers=GLOBAL_LAYERS))]


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
