"""Train the upscaler: ``python -m core.training.upscaler --data.root PAIRS --loop.out RUN [--material.painted DIR]``.

Half of a batch are crops of true photos, damaged as the generators damage theirs (blur, noise, stains), whose full
resolution is known: L1, perceptual and adversarial loss. The others are crops of what generators painted from
training sketches; nobody knows their full resolution, so they must agree with their input when reduced again, and
look true to the discriminator (after Real-ESRGAN, Wang et al. 2021, arXiv 2107.10833).
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
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from core.config import pick_device
from core.face_frame import FRAME
from core.images import photo_to_tensor, read_photo, tensor_to_photo
from core.training import command
from core.training.data import DataConfig, photos_of
from core.training.loop import train_recipe
from core.training.perceptual import PerceptualLoss
from core.training.recipe import UNKNOWN_LICENCE, Batch, LoopConfig, Progress, Recipe, settings_of
from core.upscaler import Upscaler, UpscalerConfig

MIN_EYE_DISTANCE_PX = 100.0  # of the source; below it a photo of the frame's size is itself enlarged


@dataclass(frozen=True)
class UpscalerMaterial:
    """What crops are made of.

    Attributes
    ----------
    painted
        Folder of photos painted from training sketches, at the size that is to be upscaled.
    side
        Of a crop at full resolution, a multiple of 8.
    photos
        Most true photos that are held in memory.
    """

    painted: Path | None = None
    side: int = 128
    photos: int = 2500


@dataclass(frozen=True)
class UpscalerLoss:
    """Weights of the loss terms; ``consistency`` is of painted photos, whose full resolution nobody knows."""

    l1: float = 1.0
    perceptual: float = 1.0
    adversarial: float = 0.1
    consistency: float = 4.0


class CropJudge(nn.Module):
    """A PatchGAN on crops (B, 3, S, S) with spectral norm, at half resolution by a space-to-depth step."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (12, width, 2 * width, 2 * width)
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
            stride = 2 if number < 2 else 1
            layers += [
                spectral_norm(nn.Conv2d(before, after, 4, stride=stride, padding=1)),
                nn.LeakyReLU(0.2, True),
            ]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, crop: Tensor) -> Tensor:
        return self.layers(F.pixel_unshuffle(crop, 2))


class UpscalerRecipe(Recipe):
    """Small crops in, crops of twice their side out."""

    served = "upscaler"

    def __init__(
        self,
        model: UpscalerConfig,
        photos: np.ndarray,
        painted: np.ndarray | None,
        held_out: np.ndarray,
        *,
        material: UpscalerMaterial,
        loss: UpscalerLoss,
        device: torch.device,
    ) -> None:
        if material.side % (4 * model.scale):
            raise ValueError(f"material.side must be a multiple of {4 * model.scale}, got {material.side}.")
        self.networks: dict[str, nn.Module] = {"upscaler": Upscaler(model), "discriminator": CropJudge()}
        self.photos, self.painted, self.held_out = photos, painted, held_out if len(held_out) else photos
        self.scale, self.side, self.loss = model.scale, material.side, loss
        self.perceptual = PerceptualLoss().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.provenance: dict[str, Any] = {
            "train_photos": len(photos), "painted_photos": 0 if painted is None else len(painted),
            "image_size": photos.shape[1] // model.scale,
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """``small`` (B, 3, s, s), ``full`` (B, 3, S, S) uint8, and ``is_true``: whether full belongs to small."""
        small, full, is_true = [], [], []
        for slot, (i, rng) in enumerate(zip(indices, rngs, strict=True)):
            photo = self.photos[i]
            if rng.random() < 0.5:
                photo = photo[:, ::-1]
            top, left = crop_corner(rng, photo.shape[0], self.side)
            crop = photo[top : top + self.side, left : left + self.side]
            full.append(crop)
            is_true.append(self.painted is None or slot % 2 == 0)
            if is_true[-1]:
                small.append(damage_photo(rng, crop, self.scale))
            else:
                small.append(self._painted_crop(rng))
        return {
            "small": np.stack(small).transpose(0, 3, 1, 2).copy(),
            "full": np.stack(full).transpose(0, 3, 1, 2).copy(),
            "is_true": np.array(is_true),
        }

    def _painted_crop(self, rng: np.random.Generator) -> np.ndarray:
        assert self.painted is not None
        photo = self.painted[int(rng.integers(len(self.painted)))]
        if rng.random() < 0.5:
            photo = photo[:, ::-1]
        side = self.side // self.scale
        top, left = crop_corner(rng, photo.shape[0], side)
        return photo[top : top + side, left : left + side]

    def losses(self, batch: Batch, networks: dict[str, nn.Module]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Upscaler first, on a frozen discriminator, then the discriminator (least squares, Mao et al. 2017)."""
        small = batch["small"].float() / 127.5 - 1
        full = (batch["full"].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        true = batch["is_true"]
        fake = networks["upscaler"](small.contiguous(memory_format=torch.channels_last)).float()
        judge = self.networks["discriminator"]
        judge.requires_grad_(False)
        loss = self.loss
        terms = {"adversarial": loss.adversarial * (judge(fake) - 1).square().mean()}
        terms["l1"] = loss.l1 * F.l1_loss(fake[true], full[true])
        terms["perceptual"] = loss.perceptual * self.perceptual(fake[true], full[true])
        if not bool(true.all()):
            again = F.avg_pool2d(fake[~true], self.scale)
            terms["consistency"] = loss.consistency * F.l1_loss(again, small[~true])
        judge.requires_grad_(True)
        yield "upscaler", terms
        verdict = networks["discriminator"](torch.cat([fake.detach(), full]))
        count = len(fake)
        yield (
            "discriminator",
            {
                "fake": 0.5 * verdict[:count].square().mean(),
                "real": 0.5 * (verdict[count:] - 1).square().mean(),
            },
        )

    def samples(self, model: nn.Module) -> np.ndarray:
        """Held-out photos reduced, as painted ones look, and painted ones: bilinear beside the network's."""
        rows = []
        for photo in self.held_out[:3]:
            small = cv2.resize(
                photo, None, fx=1 / self.scale, fy=1 / self.scale, interpolation=cv2.INTER_AREA
            )
            rows.append(_beside(model, small))
        if self.painted is not None:
            rows += [_beside(model, photo) for photo in self.painted[:3]]
        return np.vstack(rows)


def crop_corner(rng: np.random.Generator, size: int, side: int) -> tuple[int, int]:
    """Top left corner of a crop: in two cases of three its middle lies in the face."""
    room = size - side
    if rng.random() < 2 / 3:
        x, y = rng.uniform(0.27, 0.73), rng.uniform(0.36, 0.85)
        return (
            int(np.clip(y * size - side / 2, 0, room)),
            int(np.clip(x * size - side / 2, 0, room)),
        )
    return int(rng.integers(room + 1)), int(rng.integers(room + 1))


def damage_photo(rng: np.random.Generator, crop: np.ndarray, scale: int) -> np.ndarray:
    """Reduce a crop (S, S, 3) uint8 by ``scale`` and spoil it as generators do: blur, noise, stains of colour."""
    side = crop.shape[0] // scale
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.8:
        small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.4:
        small += rng.normal(0, rng.uniform(0.5, 3), small.shape).astype(np.float32)
    if rng.random() < 0.3:
        stains = rng.normal(0, rng.uniform(2, 8), (max(side // 8, 2), max(side // 8, 2), 3)).astype(
            np.float32
        )
        small += cv2.resize(stains, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)


def _beside(model: nn.Module, small: np.ndarray) -> np.ndarray:
    side = small.shape[0]
    device = next(model.parameters()).device
    with torch.no_grad():
        painted = tensor_to_photo(model(photo_to_tensor(small).to(device)))
    bilinear = cv2.resize(small, painted.shape[:2], interpolation=cv2.INTER_LINEAR)
    middle = slice(side // 4, side * 7 // 4)
    return np.hstack([bilinear[middle, middle], painted[middle, middle]])


def _painted_photos(folder: Path, size: int) -> np.ndarray:
    files = sorted(folder.rglob("*.png"))
    photos = [read_photo(file) for file in files]
    wrong = [file.name for file, photo in zip(files, photos, strict=True) if photo.shape != (size, size, 3)]
    if not photos or wrong:
        raise ValueError(f"{folder} must hold PNG photos of {size} x {size} px; got {wrong[:3] or 'none'}.")
    return np.stack(photos)


def train(
    data: DataConfig,
    loop: LoopConfig,
    model: UpscalerConfig = UpscalerConfig(),
    material: UpscalerMaterial = UpscalerMaterial(),
    loss: UpscalerLoss = UpscalerLoss(),
    start_from: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    progress: Progress | None = None,
) -> Path:
    """Train an upscaler to ``data.image_size``, or go on where ``loop.out`` stopped.

    Parameters
    ----------
    start_from
        ``checkpoint.pt`` or ``model.safetensors`` of another run to begin with.
    """
    torch.manual_seed(loop.seed)
    small = data.image_size // model.scale
    photos = photos_of(data, "train", min_eye_distance_px=MIN_EYE_DISTANCE_PX * data.image_size / FRAME,
                       most=material.photos)  # fmt: skip
    held_out = photos_of(
        data, "val", min_eye_distance_px=MIN_EYE_DISTANCE_PX * data.image_size / FRAME, most=16
    )
    painted = None if material.painted is None else _painted_photos(material.painted, small)
    recipe = UpscalerRecipe(
        model, photos, painted, held_out, material=material, loss=loss, device=pick_device(loop.device)
    )
    settings = settings_of(data=data, loop=loop, model=model, material=material, loss=loss)
    return train_recipe(
        recipe, loop, settings=settings, start_from=start_from, licence=licence, progress=progress
    )


def main() -> None:
    """Train from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
