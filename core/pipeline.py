"""From a drawing to a photo: the one call behind the Draw page, the command line and the evaluation.

Stage 1 reads the drawing as a latent, pulls it towards the faces of the training set and draws it again;
stage 2 turns the result into a photo.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model
from core.config import pick_device, settings
from core.face_frame import FRAME, PARTS, face_mask
from core.images import sketch_to_tensor, tensor_to_photo, tensor_to_sketch
from core.manifold import Manifold, Projection, is_mix, mix
from core.runtime import Compiled, compile_module, one_torch_thread, release_memory
from core.sketch_input import Sketch, is_blank, prepare_sketch
from core.weights_folder import (
    AUTOENCODER_FILE,
    BANK_FILE,
    DEFAULT_GENERATOR,
    check_bank_belongs,
    generator_file,
)

Mode = Literal["hybrid", "whole", "none"]
MODES: tuple[Mode, ...] = get_args(Mode)
STEPS = ("prepare", "encode", "project", "decode", "blend", "generate", "total")


@dataclass(frozen=True)
class Neighbour:
    """A training face that the drawing was pulled towards.

    Attributes
    ----------
    name
        The training photo's stem.
    weight
        Its share of the projection; the shares of a result sum to one and may be negative.
    distance
        Euclidean distance of its latent from the drawing's.
    sketch : (h, w) uint8, read-only
        Thumbnail, None where the bank holds none.
    """

    name: str
    weight: float
    distance: float
    sketch: Sketch | None


@dataclass(frozen=True)
class FaceResult:
    """What one drawing became.

    Attributes
    ----------
    photo : (S, S, 3) uint8
        None for a blank drawing.
    refined_sketch : (S, S) uint8
        What stage 2 was given; None for a blank drawing. In mode ``none`` the drawing itself at size S.
    neighbours
        Nearest first; empty for a blank drawing and in mode ``none``.
    confidence
        How much the drawing looks like a training face, in [0, 1]; None where stage 1 did not run.
    is_blank
        True when nothing or almost nothing was drawn, and no model was called.
    timings
        Milliseconds of each of ``STEPS``; 0 for a step that did not run.
    t, k, mode, generator
        The settings that gave this result.
    """

    photo: NDArray[np.uint8] | None
    refined_sketch: Sketch | None
    neighbours: tuple[Neighbour, ...]
    confidence: float | None
    is_blank: bool
    timings: dict[str, float]
    t: float
    k: int
    mode: Mode
    generator: str


class SketchToFacePipeline:
    """Both stages, ready to run; one object serves every session and thread.

    Parameters
    ----------
    encode, decode, generate
        Compiled networks for batches of one: sketch (1, 1, S, S) -> latent (1, D), latent -> sketch,
        sketch -> photo (1, 3, S, S).
    manifold
        The bank that belongs to this encoder.
    generator
        The generator's name, kept in every result.
    """

    def __init__(
        self, encode: Compiled, decode: Compiled, generate: Compiled, manifold: Manifold, *, generator: str
    ) -> None:
        self.encode, self.decode, self.generate = encode, decode, generate
        self.manifold = manifold
        self.generator = generator
        self.size = encode.input_shape[-1]
        self._mask = face_mask(
            self.size
        )  # in numpy, as the conversions: torch's threads cost more than the work

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        *,
        device: str = "auto",
        runtime: str = "auto",
        generator: str = DEFAULT_GENERATOR,
    ) -> SketchToFacePipeline:
        """Load the trained networks and bind them to the fastest runtime of this machine.

        Parameters
        ----------
        weights
            Folder of the ``.safetensors`` files; by default the setting STUDIO_WEIGHTS.
        device
            ``auto``, or a name that `core.config.pick_device` takes.
        runtime
            ``auto``, ``openvino`` or ``torch``; only the CPU has the choice.
        generator
            Stem of a generator's file in that folder.

        Raises
        ------
        AssetMissing
            If a file is not there.
        ValueError
            If a name is unknown, a file is damaged, or the bank belongs to another autoencoder.
        """
        folder = Path(weights) if weights is not None else settings().weights
        autoencoder = load_model(folder / AUTOENCODER_FILE)
        if not isinstance(autoencoder, SketchAutoencoder):
            raise ValueError(f"{AUTOENCODER_FILE} holds a {type(autoencoder).__name__}, not an autoencoder.")
        manifold = Manifold.load(folder / BANK_FILE)
        check_bank_belongs(folder)
        network = load_model(generator_file(folder, generator))
        pipeline = cls.from_models(
            autoencoder,
            network,
            manifold,
            device=pick_device(device),
            runtime=runtime,
            generator=generator,
        )
        del autoencoder, network
        release_memory()
        return pipeline

    @classmethod
    def from_models(
        cls,
        autoencoder: SketchAutoencoder,
        network: nn.Module,
        manifold: Manifold,
        *,
        device: torch.device | str = "cpu",
        runtime: str = "auto",
        generator: str = DEFAULT_GENERATOR,
    ) -> SketchToFacePipeline:
        """Compile networks that are in memory already; ``network`` is stage 2, in eval mode."""
        size = autoencoder.config.image_size
        with one_torch_thread(), torch.no_grad():  # realistic inputs, on which the runtimes are compared
            sketches = torch.cat([sketch_to_tensor(sketch) for sketch in _example_sketches(manifold, size)])
            latents = autoencoder.encode(sketches)
            refined = autoencoder.decode(latents)
        bind = partial(compile_module, threads=settings().threads, runtime=runtime, device=device)
        return cls(
            bind(autoencoder.encoder, sketches),
            bind(_Decode(autoencoder), latents),
            bind(network, refined),
            manifold,
            generator=generator,
        )

    @property
    def runtimes(self) -> dict[str, str]:
        """The runtime that was chosen for each network."""
        return {"encode": self.encode.name, "decode": self.decode.name, "generate": self.generate.name}

    def __call__(self, sketch: Sketch, *, t: float = 0.5, k: int = 10, mode: Mode = "hybrid") -> FaceResult:
        """Turn a drawing into a photo.

        Parameters
        ----------
        sketch : (H, W) uint8
            Dark lines on white, any size; padded to a square.
        t
            In [0, 1]: 1 keeps the user's lines, 0 pulls them fully onto the training faces.
        k
            Training faces to lean on, 1 <= k <= bank size; keep it at most 20.
        mode
            ``hybrid`` refines the face and leaves the strokes around it, ``whole`` refines everything,
            ``none`` hands the drawing to stage 2 as it is.

        Returns
        -------
        FaceResult

        Raises
        ------
        ValueError
            If an argument is out of range, or the sketch is no greyscale picture.
        """
        self._check_settings(t, k, mode)
        clock = _Clock()
        with clock.step("prepare"):
            prepared = prepare_sketch(sketch, self.size)
            drawing = refined = sketch_to_tensor(prepared)
        finish = partial(FaceResult, t=float(t), k=int(k), mode=mode, generator=self.generator)
        if is_blank(prepared):
            return finish(None, None, (), None, is_blank=True, timings=clock.timings())

        projection = None
        if mode != "none":
            with clock.step("encode"):
                latent = self.encode.run(drawing).numpy()
            with clock.step("project"):
                projection = self.manifold.project(latent, k=k)
                mixed = torch.from_numpy(mix(latent, projection.projected, t))
            with clock.step("decode"):
                refined = self.decode.run(mixed)
        if mode == "hybrid":
            with clock.step("blend"):
                blended = self._mask * refined.numpy() + (1 - self._mask) * drawing.numpy()
                refined = torch.from_numpy(blended)
        with clock.step("generate"):
            photo = tensor_to_photo(self.generate.run(refined))
        return finish(
            photo,
            tensor_to_sketch(refined),
            self._neighbours(projection) if projection else (),
            float(projection.confidence[0]) if projection else None,
            is_blank=False,
            timings=clock.timings(),
        )

    def _check_settings(self, t: float, k: int, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}.")
        if not is_mix(t):
            raise ValueError(
                f"t must be a number between 0 (fully projected) and 1 (keep my lines), got {t!r}."
            )
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= len(self.manifold):
            raise ValueError(f"k must be a whole number between 1 and {len(self.manifold)}, got {k!r}.")

    def _neighbours(self, projection: Projection) -> tuple[Neighbour, ...]:
        found = zip(projection.neighbour_ids[0], projection.weights[0], projection.distances[0], strict=True)
        bank = self.manifold
        return tuple(
            Neighbour(
                name=bank.names[row],
                weight=float(weight),
                distance=float(distance),
                sketch=None if bank.sketches is None else bank.sketches[row],
            )
            for row, weight, distance in found
        )


class _Decode(nn.Module):
    """The decoder with its output in [-1, 1], as one module to compile."""

    def __init__(self, autoencoder: SketchAutoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self.autoencoder.decode(latent)


class _Clock:
    """Milliseconds spent in each step of one call."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._spent = dict.fromkeys(STEPS, 0.0)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._spent[name] = 1000 * (time.perf_counter() - start)

    def timings(self) -> dict[str, float]:
        self._spent["total"] = 1000 * (time.perf_counter() - self._start)
        return self._spent


def _example_sketches(manifold: Manifold, size: int, count: int = 2) -> list[Sketch]:
    """Typical inputs for comparing runtimes: training sketches, or a drawn face where the bank has none."""
    if manifold.sketches is not None:
        rows = np.linspace(0, len(manifold) - 1, count).astype(int)
        return [prepare_sketch(manifold.sketches[row], size) for row in rows]
    face = np.full((FRAME, FRAME), 255, np.uint8)
    cv2.ellipse(face, (256, 270), (150, 200), 0, 0, 360, 0, 3)
    for part in PARTS:
        centre = (int(part.centre[0]), int(part.centre[1]))
        cv2.ellipse(face, centre, (part.side // 4, part.side // 8), 0, 0, 360, 0, 3)
    return [prepare_sketch(face, size)]
