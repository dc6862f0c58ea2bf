"""Stage 1 as stage 2 meets it in training: projected, mixed and pasted, without a search library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model
from core.face_frame import face_mask
from core.images import sketch_to_tensor
from core.lle import lle_weights


class Refiner:
    """A trained autoencoder with a bank of the training sketches.

    Parameters
    ----------
    weights
        Model file of a ``SketchAutoencoder``.
    clean : (N, S, S) uint8
        The clean training sketches, in the order of the training pairs.
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
        self.bank = np.concatenate([self._encode(torch.cat([sketch_to_tensor(s) for s in part]))
                                    for part in np.array_split(clean, max(1, len(clean) // 16))])  # fmt: skip
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
            mixed = self._mix(latents, rows, t.cpu().numpy())
            drawn = self.model.decode(torch.from_numpy(mixed).to(self.device)).float()
            hybrid = self.mask * drawn + (1 - self.mask) * sketches
            return torch.where(whole[:, None, None, None], drawn, hybrid)

    def _encode(self, sketches: Tensor) -> np.ndarray:
        with torch.no_grad():
            return self.model.encode(sketches.to(self.device)).float().cpu().numpy()

    def _mix(self, latents: np.ndarray, rows: np.ndarray, t: np.ndarray) -> np.ndarray:
        distances = ((latents**2).sum(1)[:, None] - 2 * latents @ self.bank.T) + (self.bank**2).sum(1)[None]
        distances[np.arange(len(rows)), rows] = np.inf
        nearest = self.bank[np.argsort(distances, axis=1)[:, : self.k]]  # (B, k, D)
        weights = lle_weights(latents, nearest)[..., None]
        projected = (weights * nearest).sum(1)
        return (t[:, None] * latents + (1 - t[:, None]) * projected).astype(np.float32)
