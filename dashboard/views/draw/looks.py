"""How a drawing becomes a face: every setting of the Draw page in one value that can be kept and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Mode = Literal["hybrid", "whole", "none"]
Stage1 = Literal["whole", "parts"]

DEFAULT_GENERATOR = "pix2pixhd"  # also in core.models.folder, which costs loading torch
MAX_NEIGHBOURS = 20
PART_TITLES = {
    "eye_left": "Left eye",
    "eye_right": "Right eye",
    "nose": "Nose",
    "mouth": "Mouth",
    "remainder": "The rest",
}


@dataclass(frozen=True)
class PartLook:
    """A part of the face with settings of its own."""

    name: str
    keep_lines: float
    neighbour_count: int


@dataclass(frozen=True)
class Look:
    """How a drawing becomes a face.

    Attributes
    ----------
    generator
        Name of the stage 2 network.
    stage1
        One autoencoder for the whole face, or one for each part.
    parts
        Parts with settings of their own, by name; all others follow ``keep_lines`` and
        ``neighbour_count``.
    fill
        Parts that may be made up while they are not drawn, by name, each with its seed.
    """

    keep_lines: float = 0.5
    mode: Mode = "hybrid"
    neighbour_count: int = 10
    generator: str = DEFAULT_GENERATOR
    stage1: Stage1 = "whole"
    parts: tuple[PartLook, ...] = ()
    fill: tuple[tuple[str, int], ...] = ()

    def effective(self) -> Look:
        """The same without settings that change nothing, so that equal faces have equal looks."""
        if self.mode == "none":
            return Look(mode="none", generator=self.generator)
        if self.stage1 == "whole":
            return replace(self, parts=(), fill=())
        return self

    def of_part(self, name: str) -> PartLook:
        """What holds for a part: its own settings, else those of all."""
        own = next((part for part in self.parts if part.name == name), None)
        return own or PartLook(name, self.keep_lines, self.neighbour_count)

    def has_own(self, name: str) -> bool:
        """Whether a part has settings of its own."""
        return any(part.name == name for part in self.parts)

    def with_part(self, name: str, keep_lines: float, neighbour_count: int) -> Look:
        """A part gets settings of its own; where they are those of all, it follows them again."""
        others = [part for part in self.parts if part.name != name]
        if (keep_lines, neighbour_count) != (self.keep_lines, self.neighbour_count):
            others.append(PartLook(name, keep_lines, neighbour_count))
        return replace(self, parts=tuple(sorted(others, key=lambda part: part.name)))

    def without_part(self, name: str) -> Look:
        """A part follows the settings of all again."""
        return replace(self, parts=tuple(part for part in self.parts if part.name != name))

    def with_fill(self, name: str, seed: int | None) -> Look:
        """A part that is not drawn is made up from a seed, or left out again with None."""
        others = [(part, old) for part, old in self.fill if part != name]
        if seed is not None:
            others.append((name, seed))
        return replace(self, fill=tuple(sorted(others)))


def next_generator(now: str, names: Sequence[str], by: int) -> str:
    """The generator ``by`` places further in the list, around its end."""
    if not names:
        return now
    place = list(names).index(now) + by if now in names else 0
    return names[place % len(names)]


def all_ways(look: Look, names: Sequence[str], *, has_parts: bool) -> tuple[Look, ...]:
    """The looks that are put side by side: both kinds of stage 1, each with every generator."""
    kinds: tuple[Stage1, ...] = ("whole", "parts") if has_parts and look.mode != "none" else (look.stage1,)
    return tuple(replace(look, stage1=kind, generator=name) for kind in kinds for name in names)
