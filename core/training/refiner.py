"""Stage 1 as stage 2 meets it in training: projected, mixed and pasted, without a search library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model
from core.face_frame import face_mask
from core.images import sketch_to_tensor
from core.lle import lle_weights

REFINED_T = (1.0, 0.7, 0.5, 0.3, 0.15, 0.0)


@dataclass(frozen=True)
class RefinerConfig:
    """Stage 1 in the input of stage 2.

    Attributes
    ----------
    weights
        Model file of the autoencoder; without one every input is raw.
    refined, whole
        Chance that an input is refined, and that a refined one is refined everywhere, not in the
        face only.
    """

    weights: Path | None = None
    refined: float = 0.75
    whole: float = 0.4
    k: int = 10


class Refiner:
    """A trained autoencoder with a bank of the training sketches.

    Parameters
    ----------
    weights
        Model file of a ``SketchAutoencoder``.
    clean : (N, S, S) uint8
        The clean training sketches, in the order of the training pairs. S may differ from the size that the
        autoencoder was trained at; sketches are scaled to it and back.
    k
        Neighbours of a projection.
    """

    def __init__(
        self, weights: Path, clean: np.ndarray, *, k: int = 10, device: torch.device | None = None
    ) -> None:
        model = load_model(weights)
        if not isinstance(model, SketchAutoencoder):
            raise ValueError(f"{weights} is not a sketch autoencoder")
        self.device = device or torch.device("cpu")
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.k = k
        parts = np.array_split(clean, max(1, len(clean) // 16))
        self.bank = torch.cat(
            [self._encode(torch.cat([sketch_to_tensor(s) for s in part])) for part in parts]
        )
        mask = torch.from_numpy(face_mask(clean.shape[1]).copy())
        self.mask = mask[None, None].to(self.device)

    def refine(self, sketches: Tensor, rows: np.ndarray, t: Tensor, whole: Tensor) -> Tensor:
        """Refined sketches, each image's own row left out of its projection.

        Parameters
        ----------
        sketches : (B, 1, S, S) float32 in [-1, 1]
        rows : (B,) int
            The bank row of each sketch's own photo.
        t : (B,) float
            1 keeps the latent, 0 is fully projected.
        whole : (B,) bool
            All of it refined, or the face only.
        """
        with torch.no_grad():
            latents = self._encode(sketches)
            with torch.autocast(self.device.type, enabled=False):  # bf16 would find other neighbours
                mixed = self._mix(latents, rows, t)
            drawn = self.model.decode(mixed).float()
            drawn = _scaled(drawn, sketches.shape[-1])
            hybrid = self.mask * drawn + (1 - self.mask) * sketches
            return torch.where(whole[:, None, None, None], drawn, hybrid)

    def _encode(self, sketches: Tensor) -> Tensor:
        with torch.no_grad():
            sized = _scaled(sketches.to(self.device), self.model.config.image_size)
            return self.model.encode(sized).float()

    def _mix(self, latents: Tensor, rows: np.ndarray, t: Tensor) -> Tensor:
        distances = (self.bank**2).sum(1) - 2 * latents @ self.bank.T  # less what all rows have in common
        distances[torch.arange(len(rows)), torch.from_numpy(rows)] = torch.inf
        nearest = self.bank[distances.topk(min(self.k, len(self.bank)), largest=False).indices]  # (B, k, D)
        weights = torch.from_numpy(lle_weights(latents.cpu().numpy(), nearest.cpu().numpy())).to(latents)
        projected = (weights[..., None] * nearest).sum(1)
        t = t.to(latents)[:, None]
        return t * latents + (1 - t) * projected


def _scaled(sketches: Tensor, side: int) -> Tensor:
    if sketches.shape[-1] == side:
        return sketches
    return F.interpolate(sketches, (side, side), mode="bilinear", antialias=True)


class RefinedInput:
    """Which inputs of a training are refined and how, and the refining itself; without weights, none.

    Parameters
    ----------
    clean : (N, S, S) uint8, optional
        The clean training sketches. Without them nothing is refined either.
    """

    def __init__(self, config: RefinerConfig, clean: np.ndarray | None, *, device: torch.device) -> None:
        self.config = config
        self.refiner = None
        if config.weights is not None:
            if clean is None:
                raise ValueError("refiner.weights needs a dataset made by curation.run, for the bank")
            self.refiner = Refiner(config.weights, clean, k=config.k, device=device)

    def draw(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """Give the part of a batch that `refine_some` reads."""
        return {
            "row": np.array(indices),
            "t": np.array([rng.choice(REFINED_T) for rng in rngs], np.float32),
            "refined": np.array([rng.random() < self.config.refined for rng in rngs]),
            "whole": np.array([rng.random() < self.config.whole for rng in rngs]),
        }

    def as_validation(self, sketch: Tensor, number: int) -> Tensor:
        """One sketch (1, 1, S, S) refined at t 1, .5 or 0, everywhere or in the face, by its number."""
        if self.refiner is None:
            return sketch
        t, whole = torch.tensor([(1.0, 0.5, 0.0)[number % 3]]), torch.tensor([number % 4 == 3])
        device = self.refiner.device
        return self.refiner.refine(sketch.to(device), np.array([0]), t.to(device), whole.to(device))


def refine_some(refined: RefinedInput, batch: dict[str, Tensor]) -> Tensor:
    """Sketches of a batch as the pipeline sends them: (B, 1, S, S) float32 in [-1, 1]."""
    sketch = batch["sketch"].float() / 127.5 - 1
    if refined.refiner is None:
        return sketch
    result = refined.refiner.refine(sketch, batch["row"].cpu().numpy(), batch["t"], batch["whole"])
    return torch.where(batch["refined"][:, None, None, None], result, sketch)
