"""One recipe for both unpaired families: two translators, a circle through both, judges for each domain.

CycleGAN (Zhu et al. 2017) and U-GAT-IT (Kim et al. 2020) differ in their networks, their weights and
in U-GAT-IT's class activation maps; what a step does is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import pick_device
from core.generators.blocks import initialise
from core.generators.ugatit import AttentionTranslator
from core.images import sketch_to_tensor, tensor_to_photo
from core.training.augment import AugmentConfig, damage, draw_sketch
from core.training.circle import Circle, Judges, Translators
from core.training.data import DataConfig
from core.training.diffaugment import NUMBERS, change_colours, shift_and_cut
from core.training.image_pool import ImagePool
from core.training.loop import train_recipe
from core.training.recipe import Batch, LoopConfig, Progress, settings_of
from core.training.refiner import RefinedInput, RefinerConfig, refine_some
from core.training.unpaired_data import Unpaired, UnpairedConfig, load_unpaired

DIRECTIONS = ("sketch_to_photo", "photo_to_sketch")


@dataclass(frozen=True)
class UnpairedLoss:
    """Weights of the loss terms.

    Attributes
    ----------
    adversarial
        Least squares, for each verdict of the judges.
    cycle, identity
        L1 of there and back, and of a photo that is asked to become a photo.
    cam
        Cross-entropy of "is this input a sketch" in the translators' class activation maps.
    pool
        Earlier fakes that the judges see again, 0 for none.
    augment
        Whether the judges see pictures shifted and pieces cut out (DiffAugment).
    colours
        Whether they also see brightness, saturation and contrast changed. It keeps them from learning few
        photos by heart in a long training; in a short one they never mind a wrong colour, and it stays.
    """

    adversarial: float = 1.0
    cycle: float = 10.0
    identity: float = 5.0
    cam: float = 0.0
    pool: int = 50
    augment: bool = True
    colours: bool = True


class UnpairedRecipe:
    """Sketches in, photos out, without ever seeing the two together."""

    served = "translators.sketch_to_photo"

    def __init__(
        self,
        translators: Translators,
        judges: Judges,
        train: Unpaired,
        val: Unpaired,
        *,
        augment: AugmentConfig,
        loss: UnpairedLoss,
        refined: RefinedInput,
    ) -> None:
        self.networks: dict[str, nn.Module] = {"translators": translators, "judges": judges}
        self.data, self.val = train, val or train
        self.augment, self.loss, self.refined = augment, loss, refined
        self.pools = {"photo": ImagePool(loss.pool), "sketch": ImagePool(loss.pool)}
        self.provenance: dict[str, Any] = {
            "train_sketches": len(train), "train_photos": len(train.photos), "image_size": train.size
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.data.turns)

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """Sketches, photos of anybody as uint8, and every random number that the step needs."""
        indices = self.data.turns[indices].tolist()
        sketches = [self.data.sketch(i, rng, self.augment) for i, rng in zip(indices, rngs, strict=True)]
        photos = [self.data.photo(rng, self.augment) for rng in rngs]
        return {
            "sketch": np.stack(sketches)[:, None],
            "photo": np.stack(photos).transpose(0, 3, 1, 2),
            "numbers": np.stack([rng.random((4, NUMBERS), np.float32) for rng in rngs]),
            "pool": np.stack([rng.random((2, 2), np.float32) for rng in rngs]),
            **self.refined.draw(indices, rngs),
        }

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Translators first, on frozen judges, then the judges on fakes of now and of before."""
        sketch = refine_some(self.refined, batch).repeat(1, 3, 1, 1)
        sketch = sketch.contiguous(memory_format=torch.channels_last)
        photo = (batch["photo"].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        circle: Circle = networks["translators"](sketch, photo)
        fake_photo, fake_sketch = circle.fake_photo.float(), circle.fake_sketch.float()
        judges = self.networks["judges"]
        judges.requires_grad_(False)
        verdicts = judges(*self._shown(fake_photo, fake_sketch, batch["numbers"][:, 0]))
        judges.requires_grad_(True)
        loss = self.loss
        terms = {
            "adversarial": loss.adversarial * _least_squares(verdicts, 1.0),
            "cycle": loss.cycle
            * (F.l1_loss(circle.sketch_again.float(), sketch) + F.l1_loss(circle.photo_again.float(), photo)),
            "identity": loss.identity
            * (F.l1_loss(circle.same_photo.float(), photo) + F.l1_loss(circle.same_sketch.float(), sketch)),
        }
        if circle.cam_logits is not None:
            cams = [
                _cross_entropy(source, 1.0) + _cross_entropy(same, 0.0) for source, same in circle.cam_logits
            ]
            terms["cam"] = loss.cam * torch.stack(cams).sum()
        yield "translators", terms
        old_photo = self.pools["photo"].exchange(fake_photo.detach(), batch["pool"][:, 0])
        old_sketch = self.pools["sketch"].exchange(fake_sketch.detach(), batch["pool"][:, 1])
        numbers = torch.cat([batch["numbers"][:, 1], batch["numbers"][:, 2]])
        seen = self._shown(torch.cat([old_photo, photo]), torch.cat([old_sketch, sketch]), numbers)
        verdicts = networks["judges"](*seen)
        count = len(photo)
        yield (
            "judges",
            {
                "fake": 0.5 * _least_squares([verdict[:count] for verdict in verdicts], 0.0),
                "real": 0.5 * _least_squares([verdict[count:] for verdict in verdicts], 1.0),
            },
        )

    def samples(self, model: nn.Module) -> np.ndarray:
        """Rows of validation sketches as the pipeline sends them; columns: input, output."""
        rows = []
        device = next(model.parameters()).device
        for i in range(min(12, len(self.val))):
            line = self._validation_sketch(i)
            with torch.no_grad():
                photo = tensor_to_photo(model(line.to(device).repeat(1, 3, 1, 1)).float())
            grey = ((line[0, 0].cpu().numpy() + 1) * 127.5).astype(np.uint8)
            rows.append(np.hstack([np.repeat(grey[..., None], 3, 2), photo]))
        third = (len(rows) + 2) // 3
        columns = [(rows + rows)[start : start + third] for start in range(0, 3 * third, third)]
        return np.hstack([np.vstack(column) for column in columns])

    def state(self) -> dict[str, Any]:
        """The pools."""
        return {name: pool.state() for name, pool in self.pools.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the pools of a checkpoint."""
        for name, pool in self.pools.items():
            pool.restore(state.get(name, {}))

    def after_step(self) -> None:
        """AdaLIN's mixing ratios stay in [0, 1]."""
        translators = self.networks["translators"]
        for direction in DIRECTIONS:
            translator = translators.get_submodule(direction)
            if isinstance(translator, AttentionTranslator):
                translator.clip_rho()

    def _shown(self, photo: Tensor, sketch: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """What the judges see of both domains."""
        if not self.loss.augment:
            return photo, sketch
        if self.loss.colours:
            photo = change_colours(photo, numbers)
        photo = shift_and_cut(photo, numbers)
        sketch = shift_and_cut(sketch - 1, numbers) + 1  # blank is white paper
        layout = torch.channels_last
        return photo.contiguous(memory_format=layout), sketch.contiguous(memory_format=layout)

    def _validation_sketch(self, i: int) -> Tensor:
        """Every second one damaged, the others clean; refined at t 1, .5 and 0 where there is a refiner."""
        rng = np.random.default_rng((7, i))
        if self.val.sketches is None:
            return sketch_to_tensor(self.val.sketch(i, rng, self.augment))
        pairs = self.val.sketches
        drawn = draw_sketch(rng, pairs.lines[i], pairs.points[i], AugmentConfig(outline_hair=0))
        line = sketch_to_tensor(damage(rng, drawn, self.augment) if i % 2 else drawn)
        return self.refined.as_validation(line, i)


def train_unpaired(
    translators: Translators,
    judges: Judges,
    *,
    data: DataConfig,
    loop: LoopConfig,
    unpaired: UnpairedConfig,
    augment: AugmentConfig,
    loss: UnpairedLoss,
    refiner: RefinerConfig,
    settings: dict[str, Any],
    start_from: Path | None,
    licence: str,
    progress: Progress | None,
) -> Path:
    """Train both directions from random weights, or go on where ``loop.out`` stopped.

    Parameters
    ----------
    settings
        Of the networks; they go into the weights' file with all the others.

    Returns
    -------
    weights
        The sketch-to-photo half.
    """
    for network in (translators, judges):
        initialise(network)
    train, val = (load_unpaired(data, unpaired, split) for split in ("train", "val"))
    clean = train.sketches.clean if train.sketches is not None else None
    refined = RefinedInput(refiner, clean, device=pick_device(loop.device))
    recipe = UnpairedRecipe(translators, judges, train, val, augment=augment, loss=loss, refined=refined)
    every = settings_of(data=data, loop=loop, unpaired=unpaired, augment=augment, loss=loss, refiner=refiner)
    return train_recipe(
        recipe, loop, settings=settings | every, start_from=start_from, licence=licence, progress=progress
    )


def _least_squares(verdicts: Sequence[Tensor], target: float) -> Tensor:
    """Sum over the judges of the mean squared distance from ``target`` (LSGAN; Mao et al. 2017)."""
    return torch.stack([(verdict.float() - target).square().mean() for verdict in verdicts]).sum()


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
