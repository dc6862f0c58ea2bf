"""From a drawing to a photo: the one call behind the Draw page, the command line and the evaluation.

Stage 1 reads the drawing as a latent, or as five, one for each part of the face, pulls it towards the faces
of the training set and draws it again; stage 2 turns the result into a photo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import pick_device, settings
from core.conversion.request import (
    FaceResult,
    Refined,
    StepClock,
    check_settings,
)
from core.conversion.settings import (
    DEFAULT_GENERATOR,
    ConversionSettings,
    HairTone,
    Mode,
    PartSettings,
    SkinTone,
    Stage1,
)
from core.errors import AssetMissing
from core.face_parts.layout import PART_BANKS_FILE, PARTS_FILE
from core.face_parts.refinement import PartsRefinement
from core.images import sketch_to_tensor, tensor_to_photo, tensor_to_sketch
from core.manifold import Manifold
from core.models.compiled import GeneratorCache, load_stages
from core.refinement import WholeRefinement
from core.runtime import Compiled
from core.sketch_input import Sketch, is_blank, prepare_sketch
from core.tones import with_tones

USUAL = ConversionSettings()
PEOPLE_AMONG = 60  # faces nearest to a drawing, of which different people are chosen


class SketchToFacePipeline:
    """Both stages, ready to run; one object serves every session and thread.

    Parameters
    ----------
    whole
        Stage 1 of the whole face.
    generator_cache
        Generators by name, for batches of one: sketch (1, 1, S, S) -> photo (1, 3, s, s), or (1, 4, s, s) with an
        attention map in [0, 1].
    generator
        The one that is meant where a call names none.
    parts
        Stage 1 by parts, where there is one.
    upscaler
        Compiled network that doubles photos (1, 3, s, s) of the size it was compiled for.
    """

    def __init__(
        self,
        whole: WholeRefinement,
        generator_cache: GeneratorCache,
        *,
        generator: str,
        parts: PartsRefinement | None = None,
        upscaler: Compiled | None = None,
    ) -> None:
        self.whole = whole
        self.parts = parts
        self.generator = generator
        self.generator_cache = generator_cache
        self.upscaler = upscaler
        self.size = self.whole.size

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        *,
        device: str = "auto",
        runtime: str = "auto",
        generator: str = DEFAULT_GENERATOR,
        upscale: bool = True,
    ) -> SketchToFacePipeline:
        """Load the trained networks and bind them to the fastest runtime of this machine.

        Part autoencoders and further generators follow when they are first asked for.

        Parameters
        ----------
        weights
            Folder of the ``.safetensors`` files; by default the setting STUDIO_WEIGHTS.
        device
            ``auto``, or a name that `core.config.pick_device` takes.
        runtime
            ``auto``, ``openvino`` or ``torch``; only the CPU has the choice.
        generator
            Name of the generator that is meant where a call names none.
        upscale
            Double the photos of generators that paint 256 px, where the folder has an upscaler. Comparisons of
            generators leave it out.

        Raises
        ------
        AssetMissing
            If a file is not there.
        ValueError
            If a name is unknown, a file is damaged, or the bank belongs to another autoencoder.
        """
        folder = Path(weights) if weights is not None else settings().weights
        stages = load_stages(folder, pick_device(device), runtime, generator, upscale=upscale)
        return cls(stages.whole, stages.generator_cache,
                   generator=generator, parts=stages.parts, upscaler=stages.upscaler)  # fmt: skip

    @property
    def encode(self) -> Compiled:
        """Give the whole face's encoder."""
        return self.whole.encode

    @property
    def decode(self) -> Compiled:
        """Give the whole face's decoder."""
        return self.whole.decode

    @property
    def generate(self) -> Compiled:
        """Give the generator that is meant where a call names none."""
        return self.generator_cache.get(self.generator)

    @property
    def manifold(self) -> Manifold:
        """Give the bank of whole faces."""
        return self.whole.manifold

    @property
    def generators(self) -> list[str]:
        """Names of the generators that can be asked for."""
        return self.generator_cache.names

    @property
    def has_parts(self) -> bool:
        """Tell whether ``stage1="parts"`` can be asked for."""
        return self.parts is not None

    @property
    def runtimes(self) -> dict[str, str]:
        """Give the runtime that was chosen for each network."""
        names = {"encode": self.encode.name, "decode": self.decode.name, "generate": self.generate.name}
        return names if self.upscaler is None else {**names, "upscale": self.upscaler.name}

    def __call__(self, sketch: Sketch, *, generator: str | None = None, **how: Any) -> FaceResult:
        """Turn a drawing into a photo; ``how`` is what `compare` takes.

        Parameters
        ----------
        sketch : (H, W) uint8
            Dark lines on white, any size; padded to a square.
        generator
            One of ``generators``; by default the one that was loaded.

        Raises
        ------
        ValueError
            If an argument is out of range, or the sketch is no greyscale picture.
        """
        return self.compare(sketch, generators=[generator or self.generator], **how)[0]

    def compare(
        self,
        sketch: Sketch,
        *,
        generators: Sequence[str] | None = None,
        t: float = USUAL.t,
        k: int = USUAL.k,
        mode: Mode = USUAL.mode,
        stage1: Stage1 = USUAL.stage1,
        parts: Mapping[str, PartSettings] | None = None,
        fill: Mapping[str, int] | None = None,
        person: int | None = USUAL.person,
        skin: SkinTone | None = USUAL.skin,
        hair: HairTone | None = USUAL.hair,
    ) -> list[FaceResult]:
        """Photos of one drawing by several generators; stage 1 runs once.

        Parameters
        ----------
        sketch : (H, W) uint8
            Dark lines on white, any size; padded to a square.
        generators
            Names, by default all.
        t, k, mode, stage1, person, skin, hair
            As in `core.conversion.settings.ConversionSettings`.
        parts
            By parts, ``t`` and ``k`` of single ones (`core.face_parts.layout.PAINT_ORDER`) in place of those above.
        fill
            By parts, a seed for each part that is to be taken from its bank if it is not drawn. With any, a blank
            drawing is converted too.

        Returns
        -------
        results, in the order of ``generators``

        Raises
        ------
        AssetMissing
            If parts are asked for and their weights are not there.
        ValueError
            If an argument is out of range, or the sketch is no greyscale picture.
        """
        names = list(self.generators if generators is None else generators)
        if isinstance(generators, str):
            raise ValueError(f"generators must be a list of names, got the text {generators!r}.")
        wanted = ConversionSettings.of(
            parts, fill, t=t, k=k, mode=mode, stage1=stage1, person=person, skin=skin, hair=hair
        )
        wanted = self._checked(wanted)
        clock = StepClock()
        with clock.step("prepare"):
            page = prepare_sketch(sketch, self.size)
            fine = self._fine(sketch, page, wanted)
        finish = partial(
            FaceResult, t=wanted.t, k=wanted.k, mode=mode, stage1=stage1, person=person, skin=skin, hair=hair
        )
        if is_blank(page) and not (wanted.fill and mode != "none"):
            blank = partial(finish, None, None, (), None, is_blank=True, timings=clock.timings())
            return [blank(generator=name) for name in names]
        refined = self._refine(page, fine, wanted, clock)
        shared = clock.timings()
        return [self._paint(name, refined, finish, StepClock(shared)) for name in names]

    def people(self, sketch: Sketch, count: int = 8) -> list[int]:
        """Choose numbers for ``person`` that make different people of a drawing, by the faces nearest to it.

        Returns
        -------
        Rows of the whole faces' bank, at most ``count``; none for a blank drawing.
        """
        page = prepare_sketch(sketch, self.size)
        if is_blank(page):
            return []
        latent = self.encode.run(sketch_to_tensor(page)).numpy()
        return self.manifold.spread(latent, count, among=PEOPLE_AMONG)

    def ghost(self, sketch: Sketch, *, k: int = USUAL.k, stage1: Stage1 = USUAL.stage1) -> Sketch | None:
        """Give what the drawing might become: its neighbours' sketches blended by weight, to lie behind the pen.

        Returns
        -------
        (S, S) uint8
            Black on white; None for a blank drawing or where the bank holds no sketches.
        """
        self._checked(ConversionSettings(k=k, stage1=stage1))
        page = prepare_sketch(sketch, self.size)
        if is_blank(page):
            return None
        if stage1 == "parts":
            return self._by_parts.ghost(page, prepare_sketch(sketch, self._by_parts.fine_size), k=k)
        return self.whole.ghost(sketch_to_tensor(page).numpy()[0, 0], k=k)

    @property
    def _by_parts(self) -> PartsRefinement:
        if self.parts is None:
            raise AssetMissing(
                f"Stage 1 by parts needs {PARTS_FILE} and {PART_BANKS_FILE}, which are missing. Restore them with "
                "git, train them (python -m core.training.parts), or take stage1='whole'."
            )
        return self.parts

    def _checked(self, wanted: ConversionSettings) -> ConversionSettings:
        is_by_parts = wanted.stage1 == "parts"
        rows = min(len(self.manifold), self._by_parts.bank_size) if is_by_parts else len(self.manifold)
        check_settings(wanted, rows=rows)
        return replace(wanted, t=float(wanted.t), k=int(wanted.k))

    def _fine(self, sketch: Sketch, page: Sketch, wanted: ConversionSettings) -> Sketch:
        """The drawing as the parts of the face are read, which may be finer than ``page``."""
        if wanted.stage1 == "whole" or wanted.mode == "none" or self._by_parts.fine_size == self.size:
            return page
        return prepare_sketch(sketch, self._by_parts.fine_size)

    def _refine(self, page: Sketch, fine: Sketch, wanted: ConversionSettings, clock: StepClock) -> Refined:
        drawing = sketch_to_tensor(page).numpy()[0, 0]
        if wanted.mode == "none":
            return Refined(drawing)
        if wanted.stage1 == "parts":
            return self._by_parts.refine(page, fine, wanted, clock=clock)
        return self.whole.refine(drawing, wanted, clock=clock)

    def _paint(
        self, name: str, refined: Refined, finish: partial[FaceResult], clock: StepClock
    ) -> FaceResult:
        plane = refined.sketch
        if refined.filled is not None and self.generator_cache.is_unpaired(name):
            with clock.step("blend"):
                plane = refined.filled()
        sketch = torch.from_numpy(plane[None, None])
        with clock.paused():
            network = self.generator_cache.get(name)
        with clock.step("generate"):
            painted = network.run(sketch)
            if not torch.isfinite(painted).all():
                raise ValueError(f"{name} gives NaN or infinity: its weights are damaged. Restore the file.")
            photo = tensor_to_photo(painted[:, :3])
        if self.upscaler is not None and painted.shape[2:] == self.upscaler.input_shape[2:]:
            with clock.step("upscale"):
                photo = tensor_to_photo(self.upscaler.run(painted[:, :3].contiguous()))
        skin, hair = finish.keywords["skin"], finish.keywords["hair"]
        if skin or hair:
            with clock.step("colour"):
                photo = with_tones(photo, skin=skin, hair=hair)
        return finish(
            photo,
            tensor_to_sketch(sketch),
            refined.neighbours,
            refined.confidence,
            is_blank=False,
            timings=clock.timings(),
            generator=name,
            parts=refined.parts,
            attention=_heat_map(painted) if painted.shape[1] > 3 else None,
        )


def _heat_map(painted: torch.Tensor) -> NDArray[np.uint8]:
    heat = painted[0, 3].numpy()
    return (np.clip(heat, 0, 1) * 255 + 0.5).astype(np.uint8)
