"""Stage 1 by parts: each part read, projected and drawn again on its own, then put together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.conversion.clock import StepClock
from core.conversion.request import Request
from core.conversion.result import Mode, Neighbour, PartResult, Refined, neighbours_of
from core.face_frame import face_mask
from core.face_parts.groups import PartGroup, compile_group
from core.face_parts.layout import (
    FACE_PARTS,
    PAINT_ORDER,
    REMAINDER,
    PartAutoencoders,
    cut_part,
    part_box,
    part_side,
    paste_parts,
)
from core.images import sketch_to_tensor
from core.manifold import Manifold, mix
from core.refinement import Bind, Plane, blend_neighbours
from core.runtime import release_memory
from core.sketch_input import INK, Sketch, is_blank

Banks = Mapping[str, Manifold]
Source = Callable[[], tuple[PartAutoencoders, Banks]]
GROUPS = (
    (REMAINDER,),
    FACE_PARTS,
)  # compiled together: the remainder costs more than all others, often in vain


class PartsRefinement:
    """The five part autoencoders with their banks, loaded and compiled at the first use; safe across threads.

    Parameters
    ----------
    source
        Gives the networks (all five) and their banks; called once for each group of parts.
    bind
        `core.runtime.compile_module` with this machine's settings.
    examples : (E, 1, S, S) float32
        Realistic sketches.
    """

    def __init__(self, source: Source, bind: Bind, examples: Tensor) -> None:
        self._source, self._bind, self._examples = source, bind, examples
        self.size = int(examples.shape[-1])
        self._mask = face_mask(self.size)
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, ...], PartGroup] = {}
        self._banks: dict[str, Manifold] = {}

    @property
    def bank_size(self) -> int:
        """Rows of the smallest bank; the networks of the face are loaded for it."""
        self._group(FACE_PARTS)
        return min(len(bank) for bank in self._banks.values())

    @property
    def fine_size(self) -> int:
        """Side of the drawing that the parts of the face are read from, in pixels."""
        return self._group(FACE_PARTS).size

    def refine(self, page: Sketch, fine: Sketch, request: Request, *, clock: StepClock) -> Refined:
        """Refine a drawing part by part; ``request.mode`` is not ``none``.

        Parameters
        ----------
        page : (S, S) uint8
        fine : (F, F) uint8
            The same drawing at `fine_size`.
        """
        drawing = sketch_to_tensor(page).numpy()[0, 0]
        drawn_parts = drawn_names(page)
        names = _names_in_use(drawn_parts, request)
        read: dict[str, NDArray[np.float32]] = {}
        redrawn: dict[str, Plane] = {}
        results: dict[str, PartResult] = {}
        with clock.paused():
            groups = self._groups_of(names)
        for group in groups:
            wanted = [name for name in group.names if name in names]
            if drawn_parts & set(wanted):
                with clock.step("encode"):
                    read = group.read(page if group.size == self.size else fine)
            with clock.step("project"):
                latents = {}
                for name in wanted:
                    is_drawn = name in drawn_parts
                    latent, results[name] = self._place(name, read[name] if is_drawn else None, request)
                    if latent is not None:
                        latents[name] = latent
            if latents:
                with clock.step("decode"):
                    redrawn |= group.draw(latents)
        with clock.step("blend"):
            sketch = self._compose(drawing, redrawn, request.mode)
        sure = [part.confidence for part in results.values() if part.confidence is not None]
        return Refined(
            sketch,
            confidence=float(np.mean(sure)) if sure else None,
            parts=tuple(results[name] for name in PAINT_ORDER if name in results),
        )

    def ghost(self, page: Sketch, fine: Sketch, *, k: int) -> Sketch | None:
        """The neighbours' sketches of each part blended and put together.

        A part that is not drawn shows what it looks like in the neighbours of those that are.

        Returns
        -------
        (S, S) uint8, or None where no part is drawn
        """
        drawn_parts = drawn_names(page)
        latents: dict[str, NDArray[np.float32]] = {}
        for group in self._groups_of(PAINT_ORDER if REMAINDER in drawn_parts else FACE_PARTS):
            latents |= group.read(page if group.size == self.size else fine)
        near = {
            name: neighbours_of(self._banks[name], self._banks[name].project(latents[name], k=k))
            for name in PAINT_ORDER
            if name in drawn_parts
        }
        if not near:
            return None
        if len(near) < len(PAINT_ORDER):
            self._group((REMAINDER,))  # for its bank
        blended = {}
        for name in PAINT_ORDER:
            side = part_side(name, self.size)
            found = near.get(name) or self._same_faces(
                name, [each for some in near.values() for each in some]
            )
            picture = blend_neighbours(found, side)
            blended[name] = np.full((side, side), 255, np.float32) if picture is None else picture
        whole = paste_parts(np.full((self.size, self.size), 255, np.float32), blended)
        return (whole + 0.5).astype(np.uint8)

    def _place(
        self, name: str, latent: NDArray[np.float32] | None, request: Request
    ) -> tuple[NDArray[np.float32] | None, PartResult]:
        """Where a part's latent ends up: mixed with its projection, taken from the bank, or nowhere."""
        chosen, bank = request.parts[name], self._banks[name]
        if latent is not None:
            projection = bank.project(latent, k=chosen.k)
            mixed = mix(latent, projection.projected, chosen.t)
            sure = float(projection.confidence[0])
            near = neighbours_of(bank, projection)
            return mixed, PartResult(name, chosen.t, chosen.k, True, False, near, sure)
        if name not in request.fill:
            return None, PartResult(name, chosen.t, chosen.k, False, False, (), None)
        row = random_row(request.fill[name], len(bank))
        thumbnail = None if bank.sketches is None else bank.sketches[row]
        own = Neighbour(bank.names[row], 1.0, 0.0, thumbnail)
        return bank.bank[row : row + 1], PartResult(name, chosen.t, chosen.k, False, True, (own,), None)

    def _compose(self, drawing: Plane, redrawn: dict[str, Plane], mode: Mode) -> Plane:
        """Drawn and filled parts over those left as they are, over the remainder."""
        base = redrawn.pop(REMAINDER, drawing)
        if mode == "hybrid":
            return paste_parts(base, redrawn, within=self._mask)
        # What is not drawn keeps its few strokes, over what the remainder has there: a blank box would show.
        darker = np.minimum(base, drawing)
        left = {name: cut_part(darker, name) for name in FACE_PARTS if name not in redrawn}
        return paste_parts(paste_parts(base, left), redrawn)

    def _same_faces(self, name: str, neighbours: Sequence[Neighbour]) -> list[Neighbour]:
        """The same training faces, each with its thumbnail of another part."""
        bank = self._banks[name]
        rows = {face: row for row, face in enumerate(bank.names)}
        return [
            Neighbour(each.name, each.weight, each.distance, bank.sketches[rows[each.name]])
            for each in neighbours
            if bank.sketches is not None and each.name in rows
        ]

    def _groups_of(self, names: Sequence[str]) -> list[PartGroup]:
        return [self._group(group) for group in GROUPS if set(group) & set(names)]

    def _group(self, names: tuple[str, ...]) -> PartGroup:
        with self._lock:
            if names not in self._groups:
                networks, banks = self._source()
                self._groups[names] = compile_group(networks, names, self._bind, self._examples)
                self._banks |= {name: banks[name] for name in PAINT_ORDER if name not in self._banks}
                del networks
                release_memory()
            return self._groups[names]


def _names_in_use(drawn_parts: set[str], request: Request) -> tuple[str, ...]:
    """All parts, or without the remainder where the user's own strokes take its place."""
    is_filled = REMAINDER not in drawn_parts and REMAINDER in request.fill
    return PAINT_ORDER if request.mode == "whole" or is_filled else FACE_PARTS


def drawn_names(page: Sketch) -> set[str]:
    """Parts that were drawn on a prepared sketch (S, S) uint8.

    Boxes overlap, so a face part counts when there are strokes in the middle half of its box: the tip of a
    nose is not an eye. The remainder counts when there are strokes outside all boxes.
    """
    size = page.shape[0]
    outside = page.copy()
    for name in FACE_PARTS:
        left, top, right, bottom = part_box(name, size)
        outside[top:bottom, left:right] = 255
    drawn = set() if is_blank(outside) else {REMAINDER}
    for name in FACE_PARTS:
        left, top, right, bottom = part_box(name, size)
        margin = (right - left) // 4
        middle = page[top + margin : bottom - margin, left + margin : right - margin]
        if np.any(middle < INK) and not is_blank(middle):
            drawn.add(name)
    return drawn


def random_row(seed: int, rows: int) -> int:
    """The row that a seed stands for: the same face in every bank, so that equal seeds give one person's parts."""
    return int(np.random.default_rng(seed).integers(rows))
