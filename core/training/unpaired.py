"""Train unpaired translators by one recipe: a cycle through both generators, discriminators for each domain.

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
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from core.config import pick_device
from core.generators.blocks import initialise
from core.generators.ugatit import AttentionTranslator
from core.images import sketch_to_tensor, tensor_to_photo
from core.training.augment import NUMBERS, AugmentConfig, change_colours, shift_and_cut
from core.training.data import DataConfig
from core.training.loop import train_recipe
from core.training.recipe import Batch, LoopConfig, Progress, Recipe, settings_of
from core.training.refiner import RefinedInput, RefinerConfig, refine_some
from core.training.unpaired_data import Unpaired, UnpairedConfig, load_unpaired


@dataclass(frozen=True)
class CycleOutputs:
    """What the translators make of sketches and photos; logits are None for a family without attention."""

    fake_photo: Tensor
    fake_sketch: Tensor
    sketch_again: Tensor
    photo_again: Tensor
    same_photo: Tensor
    same_sketch: Tensor
    cam_logits: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]] | None


class GeneratorPair(nn.Module):
    """Both directions as one network, so that several processes wrap and synchronise them together."""

    def __init__(self, sketch_to_photo: nn.Module, photo_to_sketch: nn.Module) -> None:
        super().__init__()
        self.sketch_to_photo, self.photo_to_sketch = sketch_to_photo, photo_to_sketch

    def forward(self, sketch: Tensor, photo: Tensor) -> CycleOutputs:
        """Around the circle from both ends; normalisation is by image, so batches can be joined."""
        count = len(sketch)
        painted, paint_cam = _translate(self.sketch_to_photo, torch.cat([sketch, photo]))
        fake_photo, same_photo = painted[:count], painted[count:]
        drawn, draw_cam = _translate(self.photo_to_sketch, torch.cat([photo, sketch, fake_photo]))
        fake_sketch, same_sketch, sketch_again = drawn[:count], drawn[count : 2 * count], drawn[2 * count :]
        photo_again, _ = _translate(self.sketch_to_photo, fake_sketch)
        cams = None
        if paint_cam is not None and draw_cam is not None:
            cams = (paint_cam[:count], paint_cam[count:]), (draw_cam[:count], draw_cam[count : 2 * count])
        return CycleOutputs(fake_photo, fake_sketch, sketch_again, photo_again, same_photo, same_sketch, cams)


def _translate(translator: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
    if isinstance(translator, AttentionTranslator):
        result = translator.translate(images)
        return result.photo, result.cam_logit
    return translator(images), None


class Discriminators(nn.Module):
    """The discriminators of both domains: a list of verdict maps for each."""

    def __init__(self, photo: Sequence[nn.Module], sketch: Sequence[nn.Module]) -> None:
        super().__init__()
        self.photo, self.sketch = nn.ModuleList(photo), nn.ModuleList(sketch)

    def forward(self, photo: Tensor, sketch: Tensor) -> list[Tensor]:
        """Verdicts (B, ...) of all judges, photos' first."""
        verdicts: list[Tensor] = []
        for judges, images in ((self.photo, photo), (self.sketch, sketch)):
            for judge in judges:
                verdicts += judge(images)
        return verdicts


class ImagePool:
    """Half of the fakes that a discriminator sees are older ones, so that it does not forget.

    Pixels are kept as 8 bits, which is what photos have as well. Under several processes each holds
    the same pool, fed with all fakes, so that a run does not depend on how many processes share it.

    Parameters
    ----------
    size
        Images kept; 0 switches the pool off.
    """

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self._images: list[Tensor] = []

    def exchange(self, fakes: Tensor, numbers: Tensor) -> Tensor:
        """Take fresh fakes in and hand a mix of fresh and older ones out: (B, C, H, W) float32.

        Parameters
        ----------
        fakes : (B, C, H, W) float32 in [-1, 1]
            Of this process; detached from the graph.
        numbers : (B, 2) float32 uniform in [0, 1)
            Two random numbers for each fake.
        """
        if not self.size:
            return fakes
        everyones, first = _gathered(fakes)
        draws, _ = _gathered(numbers)
        chosen = []
        for fake, (luck, place) in zip(everyones, draws.tolist(), strict=True):
            small = ((fake.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
            if len(self._images) < self.size:
                self._images.append(small)
                chosen.append(fake)
            elif luck < 0.5:
                row = int(place * self.size)
                chosen.append(self._images[row].to(fake.device).float() / 127.5 - 1)
                self._images[row] = small
            else:
                chosen.append(fake)
        return torch.stack(chosen[first : first + len(fakes)])

    def state(self) -> dict[str, Tensor]:
        """Give what a checkpoint keeps: ``images`` (N, C, H, W) uint8, if there are any."""
        return {"images": torch.stack(self._images)} if self._images else {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`."""
        self._images = list(state["images"]) if "images" in state else []


def _gathered(rows: Tensor) -> tuple[Tensor, int]:
    """The rows of all processes in order of rank, and where this process's begin."""
    if not distributed.is_initialized():
        return rows, 0
    rows = rows.contiguous()
    parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, rows)
    return torch.cat(parts), distributed.get_rank() * len(rows)


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


class UnpairedRecipe(Recipe):
    """Sketches in, photos out, without ever seeing the two together."""

    served = "translators.sketch_to_photo"

    def __init__(
        self,
        translators: GeneratorPair,
        judges: nn.Module,
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
        circle: CycleOutputs = networks["translators"](sketch, photo)
        fake_photo, fake_sketch = circle.fake_photo.float(), circle.fake_sketch.float()
        judges = self.networks["judges"]
        judges.requires_grad_(False)
        verdicts = judges(*self._shown(fake_photo, fake_sketch, batch["numbers"][:, 0]))
        judges.requires_grad_(True)
        loss = self.loss
        terms = {
            "adversarial": loss.adversarial * least_squares(verdicts, 1.0),
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
                "fake": 0.5 * least_squares([verdict[:count] for verdict in verdicts], 0.0),
                "real": 0.5 * least_squares([verdict[count:] for verdict in verdicts], 1.0),
            },
        )

    def samples(self, model: nn.Module) -> np.ndarray:
        """Rows of validation sketches as the pipeline sends them; columns: input, output."""
        rows = []
        device = next(model.parameters()).device
        for i in range(min(12, len(self.val))):
            if self.val.sketches is None:
                line = sketch_to_tensor(self.val.sketch(i, np.random.default_rng((7, i)), self.augment))
            else:
                line = self.refined.validation_sketch(self.val.sketches, i, self.augment)
            with torch.no_grad():
                photo = tensor_to_photo(model(line.to(device).repeat(1, 3, 1, 1)).float())
            grey = ((line[0, 0].cpu().numpy() + 1) * 127.5).astype(np.uint8)
            rows.append(np.hstack([np.repeat(grey[..., None], 3, 2), photo]))
        third = (len(rows) + 2) // 3
        columns = [(rows + rows)[start : start + third] for start in range(0, 3 * third, third)]
        return np.hstack([np.vstack(column) for column in columns])

    def state(self) -> dict[str, Any]:
        """Keep the pools."""
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


def train_unpaired(
    translators: GeneratorPair,
    judges: Discriminators,
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
    refined = RefinedInput(refiner, train.sketches, device=pick_device(loop.device))
    recipe = UnpairedRecipe(translators, judges, train, val, augment=augment, loss=loss, refined=refined)
    every = settings_of(data=data, loop=loop, unpaired=unpaired, augment=augment, loss=loss, refiner=refiner)
    return train_recipe(
        recipe, loop, settings=settings | every, start_from=start_from, licence=licence, progress=progress
    )


def least_squares(verdicts: Sequence[Tensor], target: float) -> Tensor:
    """Sum over the judges of the mean squared distance from ``target`` (LSGAN; Mao et al. 2017)."""
    return torch.stack([(verdict.float() - target).square().mean() for verdict in verdicts]).sum()


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))
