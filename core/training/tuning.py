"""Tune an unpaired translator: ``python -m core.training.tuning --start_from WEIGHTS --data.root DIR --loop.out RUN``.

A step around the whole circle, through two equal translators, costs a processor 20 times one painting. Here the
sketch-to-photo half of a CycleGAN or U-GAT-IT goes on alone, beside a small network that draws sketches from photos:

- a sketch is painted, and the small network must find its lines in the painting (cycle);
- a photo is drawn by the small network and painted from that drawing alone: the drawing passes no gradient on, so
  nothing of the photo can be hidden in it (cycle);
- judges see paintings, drawings, and eyes and mouths by themselves. They have spectral normalisation (Miyato et al.
  2018): instance normalisation hides from a judge how bright or how red a picture is;
- over many paintings the mean colour of each place must be that of photos, because sketches and photos are of the
  same faces, although never side by side.

Losses are least squares (Mao et al. 2017) and L1, as in CycleGAN (Zhu et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from core.checkpoints import load_model
from core.config import pick_device
from core.face_parts.layout import part_box
from core.generators.blocks import initialise
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.training import command
from core.training.augment import AugmentConfig
from core.training.data import DataConfig
from core.training.loop import train_recipe
from core.training.perceptual import perceptual_loss
from core.training.recipe import UNKNOWN_LICENCE, Batch, LoopConfig, Progress, settings_of
from core.training.refiner import RefinedInput, RefinerConfig, refine_some
from core.training.unpaired import GeneratorPair, UnpairedLoss, UnpairedRecipe, least_squares
from core.training.unpaired_data import Unpaired, UnpairedConfig, load_unpaired

CELL = 4  # pixels of a place whose mean colour is compared
COUNTED_PHOTOS = 2000  # for those means
KEPT = 0.97  # of the running mean over paintings, a step
DRAWER = CycleGANConfig(ngf=16, n_blocks=2, upsample="nearest", patch=2)


@dataclass(frozen=True)
class TuningLoss:
    """Weights of the loss terms.

    Attributes
    ----------
    cycle
        L1 of there and back, from both ends.
    paintings, features, drawings
        Least squares for the judges of whole paintings, of eyes and mouths in them, and of drawn sketches.
    colours
        The mean colour of each place over many paintings against that over photos.
    perceptual
        A photo and its painting from the drawing of it as EfficientNet-Lite0 sees them (cycle; Engin et al. 2018).
    warm_up
        Steps in which only the small network learns, from what the translator paints.
    """

    cycle: float = 10.0
    paintings: float = 1.0
    features: float = 0.5
    drawings: float = 0.5
    colours: float = 40.0
    perceptual: float = 0.0
    warm_up: int = 150


class Judges(nn.Module):
    """Score photos, sketches, eyes and mouths, each by a judge of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.photo, self.sketch, self.eyes, self.mouth = (_judge(width) for width in (32, 16, 32, 32))

    def features(self, photo: Tensor) -> list[Tensor]:
        """Verdicts on both eyes, the right one mirrored, and on the mouth of (B, 3, S, S) photos."""
        left, right, mouth = (_cut(photo, part) for part in ("eye_left", "eye_right", "mouth"))
        return [self.eyes(torch.cat([left, right.flip(3)])), self.mouth(mouth)]


def _judge(width: int) -> nn.Sequential:
    """Three halvings; verdicts on patches of 38 pixels."""
    layers: list[nn.Module] = []
    for c_in, c_out, stride in ((3, width, 2), (width, width * 2, 2), (width * 2, width * 4, 2)):
        layers += [spectral_norm(nn.Conv2d(c_in, c_out, 4, stride, 1)), nn.LeakyReLU(0.2, True)]
    layers += [spectral_norm(nn.Conv2d(width * 4, width * 8, 3, 1, 1)), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width * 8, 1, 3, 1, 1)))


def _cut(images: Tensor, part: str) -> Tensor:
    left, top, right, bottom = part_box(part, images.shape[-1])
    return images[:, :, top:bottom, left:right]


class MeanColours:
    """The colour of each place, averaged over photos and over what has been painted of late.

    Parameters
    ----------
    photos : (N, S, S, 3) uint8
    """

    def __init__(self, photos: np.ndarray) -> None:
        rows = np.random.default_rng(5).permutation(len(photos))[:COUNTED_PHOTOS]
        side = photos.shape[1] // CELL
        total = sum(photos[row].reshape(side, CELL, side, CELL, 3).mean((1, 3)) for row in rows)
        self.wanted = torch.from_numpy(np.asarray(total) / len(rows) / 127.5 - 1).permute(2, 0, 1).float()
        self.seen: Tensor | None = None

    def gap(self, painted: Tensor) -> Tensor:
        """Give a value whose gradient moves each place's colour as the running mean has to move.

        Parameters
        ----------
        painted : (B, 3, S, S) float32 in [-1, 1]
        """
        cells = F.avg_pool2d(painted, CELL)
        mean = cells.detach().mean(0)
        self.seen = mean if self.seen is None else KEPT * self.seen + (1 - KEPT) * mean
        return (cells * (self.seen - self.wanted.to(cells.device))).mean()


class TuningRecipe(UnpairedRecipe):
    """Paint, draw and paint again with a translator that can paint already."""

    def __init__(
        self,
        translator: nn.Module,
        train: Unpaired,
        val: Unpaired,
        *,
        augment: AugmentConfig,
        loss: TuningLoss,
        refined: RefinedInput,
    ) -> None:
        drawer = ResnetTranslator(DRAWER)
        initialise(drawer)
        usual = UnpairedLoss(pool=0, colours=False)
        super().__init__(
            GeneratorPair(translator, drawer),
            Judges(),
            train,
            val,
            augment=augment,
            loss=usual,
            refined=refined,
        )
        self.weights = loss
        self.colours = MeanColours(train.photos)
        self.perceptual = perceptual_loss(loss.perceptual)
        self._steps = 0

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Translator and small network first, on frozen judges, then the judges."""
        weights, layout = self.weights, torch.channels_last
        pair, judges = networks["translators"], networks["judges"]
        assert isinstance(pair, GeneratorPair) and isinstance(judges, Judges)
        translator, drawer = pair.sketch_to_photo, pair.photo_to_sketch
        sketch = refine_some(self.refined, batch).repeat(1, 3, 1, 1).contiguous(memory_format=layout)
        photo = (batch["photo"].float() / 127.5 - 1).contiguous(memory_format=layout)
        is_warm = self._steps >= weights.warm_up
        with torch.set_grad_enabled(is_warm):
            painted = translator(sketch)
        sketch_again, drawn = drawer(torch.cat([painted, photo])).chunk(2)
        shown = self._shown(painted, drawn, batch["numbers"][:, 0])
        judges.requires_grad_(False)
        terms = {
            "cycle": weights.cycle * F.l1_loss(sketch_again.float(), sketch),
            "drawings": weights.drawings * least_squares([judges.sketch(shown[1])], 1.0),
        }
        if is_warm:
            photo_again = translator(drawn.detach())
            terms["cycle"] = terms["cycle"] + weights.cycle * F.l1_loss(photo_again.float(), photo)
            if self.perceptual is not None:
                distance = self.perceptual.to(photo.device)(photo_again, photo)
                terms["perceptual"] = weights.perceptual * distance
            terms["paintings"] = weights.paintings * least_squares([judges.photo(shown[0])], 1.0)
            verdicts = judges.features(painted) + judges.features(photo_again)
            terms["features"] = weights.features * 0.5 * least_squares(verdicts, 1.0)
            terms["colours"] = weights.colours * self.colours.gap(painted.float())
        judges.requires_grad_(True)
        yield "translators", terms

        fakes = self._shown(painted.detach(), drawn.detach(), batch["numbers"][:, 1])
        reals = self._shown(photo, sketch, batch["numbers"][:, 2])
        found, wanted = (
            [judges.photo(seen[0]), judges.sketch(seen[1]), *judges.features(face)]
            for seen, face in ((fakes, painted.detach()), (reals, photo))
        )
        yield (
            "judges",
            {"fake": 0.5 * least_squares(found, 0.0), "real": 0.5 * least_squares(wanted, 1.0)},
        )

    def after_step(self) -> None:
        """Count, and do as the usual training does."""
        self._steps += 1
        super().after_step()

    def state(self) -> dict[str, Any]:
        """Keep what has been seen of colours."""
        seen = self.colours.seen
        return {"steps": self._steps, **({} if seen is None else {"colours": seen})}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on with the steps and colours of a checkpoint."""
        self._steps, self.colours.seen = int(state.get("steps", 0)), state.get("colours")


def train(
    start_from: Path,
    data: DataConfig,
    loop: LoopConfig,
    unpaired: UnpairedConfig = UnpairedConfig(),
    augment: AugmentConfig = AugmentConfig(),
    loss: TuningLoss = TuningLoss(),
    refiner: RefinerConfig = RefinerConfig(),
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Go on with a sketch-to-photo network, or where ``loop.out`` stopped, in one process.

    Parameters
    ----------
    start_from
        Weights of a CycleGAN or U-GAT-IT, such as ``weights/cyclegan.safetensors``.

    Raises
    ------
    ValueError
        If there are several processes, or the weights are of a network that was trained on pairs.
    """
    if distributed.is_torchelastic_launched():
        raise ValueError("Tuning runs in one process: start it without torchrun.")
    torch.manual_seed(loop.seed)
    translator = load_model(start_from, device=pick_device(loop.device)).float().requires_grad_(True)
    if getattr(translator, "pairing", None) != "unpaired":
        raise ValueError(f"{start_from} is no unpaired translator. Begin with a CycleGAN or a U-GAT-IT.")
    pair, held_out = (load_unpaired(data, unpaired, split) for split in ("train", "val"))
    refined = RefinedInput(refiner, pair.sketches, device=pick_device(loop.device))
    recipe = TuningRecipe(translator, pair, held_out, augment=augment, loss=loss, refined=refined)
    settings = settings_of(
        data=data, loop=loop, unpaired=unpaired, augment=augment, loss=loss, refiner=refiner
    )
    return train_recipe(recipe, loop, settings=settings, start_from=None, licence=licence, progress=progress)


def main() -> None:
    """Tune from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
