"""Stage 1 for the whole face: read the drawing as a latent, pull it towards training faces, draw it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.autoencoder import SketchAutoencoder
from core.conversion.request import Neighbour, Refined, StepClock, neighbours_of
from core.conversion.settings import ConversionSettings
from core.face_frame import FRAME, PARTS, face_mask
from core.images import sketch_to_tensor
from core.manifold import Manifold, mix
from core.outlined_hair import fill_outlined_hair
from core.runtime import Compiled, one_torch_thread
from core.sketch_input import Sketch, prepare_sketch

Plane = NDArray[np.float32]
Bind = Callable[[nn.Module, torch.Tensor], Compiled]


class WholeRefinement:
    """One autoencoder for the face.

    Parameters
    ----------
    encode, decode
        Compiled networks for batches of one: sketch (1, 1, S, S) -> latent (1, D) -> sketch.
    manifold
        The bank that belongs to this encoder.
    """

    def __init__(self, encode: Compiled, decode: Compiled, manifold: Manifold) -> None:
        self.encode, self.decode, self.manifold = encode, decode, manifold
        self.size = encode.input_shape[-1]
        self._mask = face_mask(
            self.size
        )  # numpy, as the conversions: torch's threads cost more than the work

    def refine(self, drawing: Plane, wanted: ConversionSettings, *, clock: StepClock) -> Refined:
        """Refine a drawing (S, S) float32 in [-1, 1] that is not blank; ``wanted.mode`` is not ``none``."""
        with clock.step("encode"):
            latent = self.encode.run(torch.from_numpy(drawing[None, None])).numpy()
        with clock.step("project"):
            projection = self.manifold.project(latent, k=wanted.k, person=wanted.person)
            mixed = torch.from_numpy(mix(latent, projection.projected, wanted.t))
        with clock.step("decode"):
            refined: Plane = self.decode.run(mixed).numpy()[0, 0]
        neighbours = neighbours_of(self.manifold, projection)
        confidence = float(projection.confidence[0])
        if wanted.mode == "whole":
            return Refined(refined, neighbours, confidence)
        with clock.step("blend"):
            hybrid = np.asarray(self._mask * refined + (1 - self._mask) * drawing, np.float32)
        filled = partial(fill_outlined_hair, hybrid, drawing, refined)
        return Refined(hybrid, neighbours, confidence, filled=filled)

    def ghost(self, drawing: Plane, *, k: int) -> Sketch | None:
        """Give the neighbours' sketches blended: (S, S) uint8, None where the bank holds none."""
        latent = self.encode.run(torch.from_numpy(drawing[None, None])).numpy()
        blended = blend_neighbours(
            neighbours_of(self.manifold, self.manifold.project(latent, k=k)), self.size
        )
        return None if blended is None else (blended + 0.5).astype(np.uint8)


def blend_neighbours(neighbours: Sequence[Neighbour], side: int) -> Plane | None:
    """Weighted mean of the neighbours' thumbnails, in grey levels.

    Negative weights count as none: a negative of a face is no help to the pen.

    Returns
    -------
    (side, side) float32, or None where nobody has a thumbnail
    """
    shown = [(max(each.weight, 0.0), each.sketch) for each in neighbours if each.sketch is not None]
    total = sum(weight for weight, _ in shown)
    if not shown or total <= 0:
        return None
    blended = sum(np.float32(weight / total) * sketch.astype(np.float32) for weight, sketch in shown)
    return np.asarray(
        cv2.resize(np.asarray(blended), (side, side), interpolation=cv2.INTER_CUBIC), np.float32
    ).clip(0, 255)


class Decode(nn.Module):
    """The decoder with its output in [-1, 1], as one module to compile."""

    def __init__(self, autoencoder: SketchAutoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self.autoencoder.decode(latent)


def compile_whole(
    autoencoder: SketchAutoencoder, manifold: Manifold, bind: Bind
) -> tuple[WholeRefinement, torch.Tensor, torch.Tensor]:
    """Bind the autoencoder to a runtime.

    Returns
    -------
    refinement
    sketches, refined : (E, 1, S, S) float32
        Realistic inputs of both stages, on which runtimes are compared.
    """
    size = autoencoder.config.image_size
    with one_torch_thread(), torch.no_grad():
        sketches = torch.cat([sketch_to_tensor(sketch) for sketch in _example_sketches(manifold, size)])
        latents = autoencoder.encode(sketches)
        refined = autoencoder.decode(latents)
    encode, decode = bind(autoencoder.encoder, sketches), bind(Decode(autoencoder), latents)
    return WholeRefinement(encode, decode, manifold), sketches, refined


def _example_sketches(manifold: Manifold, size: int) -> list[Sketch]:
    """Training sketches, or a drawn face where the bank has none."""
    if manifold.sketches is not None:
        rows = np.linspace(0, len(manifold) - 1, 2).astype(int)
        return [prepare_sketch(manifold.sketches[row], size) for row in rows]
    face = np.full((FRAME, FRAME), 255, np.uint8)
    cv2.ellipse(face, (256, 270), (150, 200), 0, 0, 360, 0, 3)
    for part in PARTS:
        centre = (int(part.centre[0]), int(part.centre[1]))
        cv2.ellipse(face, centre, (part.side // 4, part.side // 8), 0, 0, 360, 0, 3)
    return [prepare_sketch(face, size)]
