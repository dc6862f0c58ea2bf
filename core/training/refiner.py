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
from core.face_parts.layout import (
    FACE_PARTS,
    PAINT_ORDER,
    REMAINDER,
    drawn_names,
    part_alpha,
    part_box,
    part_side,
)
from core.images import sketch_to_tensor, tensor_to_sketch
from core.lle import lle_weights
from core.training.augment import AugmentConfig, damage, draw_sketch
from core.training.data import Pairs

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
    parts
        Folder of the part autoencoders and their banks; without one none is refined by parts.
    by_parts
        Chance that a refined input is refined by parts.
    """

    weights: Path | None = None
    refined: float = 0.75
    whole: float = 0.4
    k: int = 10
    parts: Path | None = None
    by_parts: float = 0.5


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
            mixed = _mixed(latents, self.bank, rows, t, self.k)
            drawn = self.model.decode(mixed).float()
            drawn = _scaled(drawn, sketches.shape[-1])
            hybrid = self.mask * drawn + (1 - self.mask) * sketches
            return torch.where(whole[:, None, None, None], drawn, hybrid)

    def _encode(self, sketches: Tensor) -> Tensor:
        with torch.no_grad():
            sized = _scaled(sketches.to(self.device), self.model.config.image_size)
            return self.model.encode(sized).float()


class PartsRefiner:
    """The part autoencoders with their banks, as `core.face_parts.refinement` uses them, for batches on a device.

    Parameters
    ----------
    folder
        Weights folder with both files of the parts.
    names
        Of the training pairs: a pair that is in the banks is left out of its own projection.
    size
        Side of the sketches in pixels.
    k
        Neighbours of a projection.

    Raises
    ------
    AssetMissing
        If a file is not there.
    ValueError
        If a file is damaged, or the parts are for sketches of another size.
    """

    def __init__(
        self, folder: Path, names: list[str], size: int, *, k: int = 10, device: torch.device | None = None
    ) -> None:
        # Here, so that a machine without a search library trains on whole faces.
        from core.face_parts.refinement import GROUPS, DecodeParts, EncodeParts, load_parts

        self.device, self.k = device or torch.device("cpu"), k
        networks, banks = load_parts(folder)
        if networks.config.image_size != size:
            raise ValueError(
                f"the parts in {folder} are for {networks.config.image_size} px, the pairs have {size}."
            )
        networks.requires_grad_(False)
        self._groups = [
            (group, EncodeParts(networks, group).eval().to(self.device), DecodeParts(networks, group).to(self.device))
            for group in GROUPS
        ]  # fmt: skip
        self._banks = {
            name: torch.from_numpy(banks[name].bank.copy()).to(self.device) for name in PAINT_ORDER
        }
        at = {name: row for row, name in enumerate(banks[REMAINDER].names)}
        self._row_of = np.array([at.get(name, -1) for name in names])
        self._alpha = {
            name: torch.from_numpy(part_alpha(name, size).copy()).to(self.device) for name in FACE_PARTS
        }
        self._mask = torch.from_numpy(face_mask(size).copy()).to(self.device)

    def refine(self, sketches: Tensor, rows: np.ndarray, t: Tensor, whole: Tensor) -> Tensor:
        """Refine part by part; arguments and result as `Refiner.refine` has them."""
        with torch.no_grad():
            sketches = sketches.to(self.device)
            is_any_whole = bool(whole.any())
            redrawn = self._redrawn(sketches, self._row_of[rows], t, with_remainder=is_any_whole)
            drawn = [drawn_names(tensor_to_sketch(sketch[None])) for sketch in sketches]
            everywhere = whole.to(self.device)[:, None, None, None]
            base = torch.where(everywhere, redrawn[REMAINDER], sketches) if is_any_whole else sketches
            # What is not drawn keeps its few strokes, over what the remainder has there.
            pasted, darker = base.clone(), torch.minimum(base, sketches)
            for name in FACE_PARTS:
                left, top, right, bottom = part_box(name, sketches.shape[-1])
                box = (..., slice(top, bottom), slice(left, right))
                is_drawn = torch.tensor([name in names for names in drawn], device=self.device)
                over = torch.where(is_drawn[:, None, None, None], redrawn[name], darker[box])
                alpha = self._alpha[name]
                shown = torch.where(everywhere, alpha, alpha * self._mask[box])
                pasted[box] += shown * (over - pasted[box])
            return pasted

    def _redrawn(
        self, sketches: Tensor, own: np.ndarray, t: Tensor, *, with_remainder: bool
    ) -> dict[str, Tensor]:
        """Each part (B, 1, side, side) as its autoencoder draws it, mixed with its projection."""
        size, count = sketches.shape[-1], len(sketches)
        redrawn: dict[str, Tensor] = {}
        for names, encode, decode in self._groups:
            if REMAINDER in names and not with_remainder:
                continue
            pieces = (
                encode(_scaled(sketches, encode.size))
                .float()
                .split([self._banks[name].shape[1] for name in names], dim=1)
            )
            mixed = [
                _mixed(piece, self._banks[name], own, t, self.k)
                for name, piece in zip(names, pieces, strict=True)
            ]
            sides = [part_side(name, size) for name in names]
            planes = decode(torch.cat(mixed, 1)).float().split([side**2 for side in sides], dim=1)
            redrawn |= {
                name: plane.view(count, 1, side, side)
                for name, plane, side in zip(names, planes, sides, strict=True)
            }
        return redrawn


def _mixed(latents: Tensor, bank: Tensor, own: np.ndarray, t: Tensor, k: int) -> Tensor:
    """Latents (B, D) mixed with their projections onto a bank (N, D); ``own`` is a row to leave out, or -1."""
    with torch.autocast(latents.device.type, enabled=False):  # bf16 would find other neighbours
        distances = (bank**2).sum(1) - 2 * latents @ bank.T  # less what all rows have in common
        known = np.flatnonzero(own >= 0)
        distances[torch.from_numpy(known), torch.from_numpy(own[known])] = torch.inf
        nearest = bank[distances.topk(min(k, len(bank)), largest=False).indices]  # (B, k, D)
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
    pairs
        Those trained on, whose clean sketches become the bank. Without them nothing is refined.
    """

    def __init__(self, config: RefinerConfig, pairs: Pairs | None, *, device: torch.device) -> None:
        self.config = config
        self.refiner: Refiner | None = None
        self.by_parts: PartsRefiner | None = None
        if pairs is None and (config.weights or config.parts):
            raise ValueError("a refiner needs a dataset made by curation.run, for the bank")
        if config.weights is None and config.parts is not None:
            raise ValueError("refiner.parts needs refiner.weights: the parts refine some of what they do")
        if pairs is not None and config.weights is not None:
            self.refiner = Refiner(config.weights, pairs.clean, k=config.k, device=device)
        if pairs is not None and config.parts is not None:
            self.by_parts = PartsRefiner(config.parts, pairs.names, pairs.size, k=config.k, device=device)

    def draw(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        """Give the part of a batch that `refine_some` reads."""
        chosen = {
            "row": np.array(indices),
            "t": np.array([rng.choice(REFINED_T) for rng in rngs], np.float32),
            "refined": np.array([rng.random() < self.config.refined for rng in rngs]),
            "whole": np.array([rng.random() < self.config.whole for rng in rngs]),
        }
        if self.by_parts is not None:
            chosen["by_parts"] = np.array([rng.random() < self.config.by_parts for rng in rngs])
        return chosen

    def validation_sketch(self, pairs: Pairs, number: int, augment: AugmentConfig) -> Tensor:
        """Draw a held-out sketch (1, 1, S, S) as the pipeline sends it: every second one damaged, the others clean.

        With a refiner, at t 1, .5 or 0 and everywhere or in the face, by its number.
        """
        rng = np.random.default_rng((7, number))
        drawn = draw_sketch(rng, pairs.lines[number], pairs.points[number], AugmentConfig(outline_hair=0))
        sketch = sketch_to_tensor(damage(rng, drawn, augment) if number % 2 else drawn)
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
    chosen, by_parts = batch["refined"], batch.get("by_parts")
    turns: list[tuple[Refiner | PartsRefiner, Tensor]] = [(refined.refiner, chosen)]
    if refined.by_parts is not None and by_parts is not None:
        turns = [(refined.refiner, chosen & ~by_parts), (refined.by_parts, chosen & by_parts)]
    result = sketch.clone()
    for refiner, which in turns:
        if which.any():
            rows = batch["row"][which].cpu().numpy()
            result[which] = refiner.refine(sketch[which], rows, batch["t"][which], batch["whole"][which])
    return result
