"""Paste sketches, or merge features? ``python -m core.training.part_features --data.root DIR --parts weights``.

DeepFaceDrawing turns each part's latent into a map of features, merges the maps in the boxes, and lets stage 2
read those; the product pastes decoded sketches. This trains both ways from scratch on the same latents (damaged
sketches, projected at a random t), the same samples, the same generator and the same losses, each for the same
seconds of CPU, and prints how far each is from the true photos of the validation sketches.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.atomic_files import write_atomically
from core.autoencoder import AutoencoderConfig, SketchDecoder
from core.face_parts.layout import PAINT_ORDER, PartAutoencoders, cut_part, part_alpha, part_box
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.images import photo_to_tensor
from core.lle import lle_weights
from core.training import command
from core.training.augment import AugmentConfig, damage, draw_sketch
from core.training.data import DataConfig, Pairs, load_pairs
from core.training.perceptual import PerceptualLoss
from core.training.recipe import Progress

WAYS = ("pasted_sketches", "merged_features")


@dataclass(frozen=True)
class FeatureTrial:
    """How long and how large.

    Attributes
    ----------
    cpu_seconds
        For each way.
    features
        Channels of the merged maps.
    ngf, n_blocks
        Of the generator that both ways train.
    """

    cpu_seconds: float = 120.0
    batch_size: int = 2
    lr: float = 5e-4
    features: int = 8
    ngf: int = 16
    n_blocks: int = 3
    perceptual: float = 3.0
    l1: float = 5.0
    seed: int = 0


class PartMaps(nn.Module):
    """Latents of the parts to one picture of ``channels``, pasted with the product's feathers.

    Feature decoders begin as the trained sketch decoders, with a new last layer.
    """

    def __init__(self, trained: PartAutoencoders, channels: int) -> None:
        super().__init__()
        self.size, self.channels = trained.config.image_size, channels
        self.decoders = nn.ModuleDict()
        for name in PAINT_ORDER:
            own = trained.autoencoder(name)
            decoder = SketchDecoder(own.config)
            decoder.load_state_dict(own.decoder.state_dict())
            if channels > 1:
                decoder.head = _wider_head(own.config, channels)
            self.decoders[name] = decoder
        self.requires_grad_(channels > 1)

    def forward(self, latents: dict[str, Tensor]) -> Tensor:
        """(B, D) by part to (B, channels, S, S) in [-1, 1], white paper +1 where nothing is drawn."""
        batch = next(iter(latents.values())).shape[0]
        merged = torch.ones(batch, self.channels, self.size, self.size)
        for name in PAINT_ORDER:
            left, top, right, bottom = part_box(name, self.size)
            border = (left, self.size - right, top, self.size - bottom)
            alpha = F.pad(torch.from_numpy(np.array(part_alpha(name, self.size))), border)
            drawn = F.pad(torch.tanh(self.decoders[name](latents[name]) / 2), border)
            merged = merged + alpha * (drawn - merged)
        return merged


def _wider_head(config: AutoencoderConfig, channels: int) -> nn.Sequential:
    last = config.stages()[0]
    return nn.Sequential(
        nn.Conv2d(last, channels * config.patch**2, 3, padding=1), nn.PixelShuffle(config.patch)
    )


class LatentSource:
    """Latents of damaged sketches as the product would hand them on, by seed."""

    def __init__(self, trained: PartAutoencoders, train: Pairs) -> None:
        self.trained = trained
        with torch.no_grad():
            self.banks = {name: self._read(train.clean, name) for name in PAINT_ORDER}

    def latents(
        self, pairs: Pairs, rows: list[int], seed: tuple[int, ...], *, own: bool, t: float | None = None
    ) -> dict[str, Tensor]:
        """One latent a row and part; ``own`` leaves each row itself out of its neighbours."""
        sketches, mixes = [], []
        for slot, row in enumerate(rows):
            rng = np.random.default_rng((*seed, slot))
            drawn = draw_sketch(rng, pairs.lines[row], pairs.points[row], AugmentConfig())
            sketches.append(damage(rng, drawn, AugmentConfig(warp_px=0.6, erase=0.25)))
            mixes.append(rng.choice([1, 0.7, 0.5, 0.3, 0]) if t is None else t)
        mixed = {}
        for name, bank in self.banks.items():
            with torch.no_grad():
                latents = self._read(np.stack(sketches), name)
            distances = ((latents[:, None] - bank[None]) ** 2).sum(2)
            if own:
                distances[np.arange(len(rows)), rows] = np.inf
            nearest = bank[np.argsort(distances, axis=1)[:, :10]]
            projected = (lle_weights(latents, nearest)[..., None] * nearest).sum(1)
            share = np.asarray(mixes)[:, None]
            mixed[name] = torch.from_numpy((share * latents + (1 - share) * projected).astype(np.float32))
        return mixed

    def _read(self, sketches: np.ndarray, name: str) -> np.ndarray:
        cuts = torch.from_numpy(cut_part(sketches, name))[:, None].float() / 127.5 - 1
        network = self.trained.autoencoder(name)
        return torch.cat([network.encode(few) for few in cuts.split(16)]).numpy()


def train(
    data: DataConfig,
    parts: Path,
    out: Path,
    trial: FeatureTrial = FeatureTrial(),
    validation_rows: int = 24,
    progress: Progress | None = None,
) -> Path:
    """Train both ways for the same CPU time and write their validation figures.

    Parameters
    ----------
    parts
        File of trained part autoencoders.
    out
        JSON file for the figures.
    """
    from core.checkpoints import load_model

    trained = load_model(parts)
    if not isinstance(trained, PartAutoencoders) or set(trained.config.parts) != set(PAINT_ORDER):
        raise ValueError(f"{parts} does not hold the autoencoders of all five parts.")
    pairs, val = load_pairs(data, "train"), load_pairs(data, "val")
    source, look = LatentSource(trained, pairs), PerceptualLoss().eval()
    figures = {}
    for done, way in enumerate(WAYS):
        torch.manual_seed(trial.seed)
        maps = PartMaps(trained, 1 if way == WAYS[0] else trial.features)
        config = GlobalGeneratorConfig(
            input_nc=maps.channels, ngf=trial.ngf, n_downsampling=3, n_blocks=trial.n_blocks, norm="batch", patch=2
        )  # fmt: skip
        generator = GlobalGenerator(config)
        steps = _fit(nn.ModuleDict({"maps": maps, "generator": generator}), source, pairs, look, trial)
        rows = list(np.linspace(0, len(val) - 1, min(validation_rows, len(val))).astype(int))
        figures[way] = {"steps": steps, **_measure(maps, generator, source, val, rows, look)}
        if progress:
            progress(done + 1, len(WAYS))
    report = {"trial": asdict(trial), "validation_rows": validation_rows, "figures": figures}
    write_atomically(out, json.dumps(report, indent=1).encode())
    return out


def _fit(
    networks: nn.ModuleDict, source: LatentSource, pairs: Pairs, look: nn.Module, trial: FeatureTrial
) -> int:
    """Train until the CPU time is spent; the number of steps."""
    networks.train()
    if not any(p.requires_grad for p in networks["maps"].parameters()):
        networks["maps"].eval()
    optimizer = torch.optim.Adam(
        [p for p in networks.parameters() if p.requires_grad], lr=trial.lr, betas=(0.5, 0.999)
    )
    start, step = time.process_time(), 0
    while time.process_time() - start < trial.cpu_seconds:
        rng = np.random.default_rng((trial.seed, step))
        rows = [int(row) for row in rng.choice(len(pairs), trial.batch_size, replace=False)]
        latents = source.latents(pairs, rows, (trial.seed, step), own=True)
        photos = torch.cat([photo_to_tensor(pairs.photos[row]) for row in rows])
        with torch.autocast("cpu", torch.bfloat16):
            painted = networks["generator"](networks["maps"](latents)).float()
            loss = trial.l1 * F.l1_loss(painted, photos) + trial.perceptual * look(painted, photos)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
    return step


def _measure(
    maps: PartMaps, generator: nn.Module, source: LatentSource, val: Pairs, rows: list[int], look: nn.Module
) -> dict[str, float]:
    """Mean L1 in grey levels and perceptual distance to the true photos, at t = 0.5."""
    maps.eval()
    generator.eval()
    l1, perceptual = [], []
    with torch.no_grad():
        for row in rows:
            latents = source.latents(val, [row], (99, row), own=False, t=0.5)
            painted, photo = generator(maps(latents)), photo_to_tensor(val.photos[row])
            l1.append(127.5 * float(F.l1_loss(painted, photo)))
            perceptual.append(float(look(painted, photo)))
    return {"l1": float(np.mean(l1)), "perceptual": float(np.mean(perceptual))}


def main() -> None:
    """Run the trial from the command line."""
    command.main(train)


if __name__ == "__main__":
    main()
