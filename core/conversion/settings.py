"""Hold every setting of a conversion in one value that can be kept and compared, with one set of defaults.

Imports no network, so that pages and command lines have it before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar, get_args

Mode = Literal["hybrid", "whole", "none"]
MODES: tuple[Mode, ...] = get_args(Mode)
Stage1 = Literal["whole", "parts"]
STAGE1_KINDS: tuple[Stage1, ...] = get_args(Stage1)
SkinTone = Literal["light", "medium", "brown", "dark"]
SKIN_TONES: tuple[SkinTone, ...] = get_args(SkinTone)
HairTone = Literal["black", "brown", "blond", "red", "grey"]
HAIR_TONES: tuple[HairTone, ...] = get_args(HairTone)
DEFAULT_GENERATOR = "pix2pixhd"
MAX_NEIGHBOURS = 20
T = TypeVar("T")


@dataclass(frozen=True)
class PartSettings:
    """``t`` and ``k`` of one part."""

    t: float = 0.5
    k: int = 10


@dataclass(frozen=True)
class ConversionSettings:
    """Say how a drawing becomes a face."""

    t: float = 0.5  # in [0, 1]: 1 keeps the user's lines, 0 pulls them fully onto the training faces
    k: int = 10  # training faces to lean on, 1 <= k <= bank size; keep it at most ``MAX_NEIGHBOURS``
    # ``hybrid`` refines the face and leaves the strokes around it (for unpaired generators stage 1 of the whole face
    # fills hair that is only outlined), ``whole`` refines everything, ``none`` hands the drawing to stage 2 as it is.
    mode: Mode = "hybrid"
    # ``whole``: one autoencoder for the face. ``parts``: one each for eyes, nose, mouth and remainder.
    stage1: Stage1 = "whole"
    generator: str = DEFAULT_GENERATOR  # name of the stage 2 network
    # Parts with settings of their own, by name (`core.face_parts.layout.PAINT_ORDER`); all others follow ``t`` and
    # ``k``.
    parts: tuple[tuple[str, PartSettings], ...] = ()
    # Parts that are taken from their bank if they are not drawn, by name, each with its seed. Equal seeds are one
    # person.
    fill: tuple[tuple[str, int], ...] = ()
    # A whole number: the training face whose neighbours take the place of the drawing's own nearest ones. It stays
    # that person whatever is drawn, and counts around the end of the bank, so that every number is somebody.
    person: int | None = None
    # skin, hair: tones that the finished photo is given (`core.tones`); None leaves them as they were painted.
    skin: SkinTone | None = None
    hair: HairTone | None = None

    @classmethod
    def of(
        cls,
        parts: Mapping[str, PartSettings] | None = None,
        fill: Mapping[str, int] | None = None,
        **others: Any,
    ) -> ConversionSettings:
        """Take ``parts`` and ``fill`` as mappings."""
        return cls(parts=_sorted(parts), fill=_sorted(fill), **others)

    def effective(self) -> ConversionSettings:
        """Drop settings that change nothing, so that equal faces have equal settings."""
        if self.mode == "none":
            return ConversionSettings(mode="none", generator=self.generator, skin=self.skin, hair=self.hair)
        if self.stage1 == "whole":
            return replace(self, parts=(), fill=())
        return self

    def arguments(self) -> dict[str, Any]:
        """Give them as `core.pipeline.SketchToFacePipeline` takes them, without what changes nothing."""
        wanted = self if self.stage1 == "parts" and self.mode != "none" else replace(self, parts=(), fill=())
        return {
            **{
                field.name: value
                for field in fields(wanted)
                if (value := getattr(wanted, field.name)) is not None
            },
            "stage1": wanted.stage1 if wanted.mode != "none" else "whole",
            "parts": dict(wanted.parts),
            "fill": dict(wanted.fill),
        }

    def of_part(self, name: str) -> PartSettings:
        """Give what holds for a part: its own settings, else those of all."""
        return dict(self.parts).get(name) or PartSettings(self.t, self.k)

    def seed_of(self, name: str) -> int | None:
        """Give the seed that fills a part, None where it is not to be filled."""
        return dict(self.fill).get(name)

    def has_own(self, name: str) -> bool:
        """Tell whether a part has settings of its own."""
        return name in dict(self.parts)

    def with_part(self, name: str, t: float, k: int) -> ConversionSettings:
        """Give a part settings of its own; where they are those of all, it follows them again."""
        parts = dict(self.parts) | {name: PartSettings(t, k)}
        if parts[name] == PartSettings(self.t, self.k):
            del parts[name]
        return replace(self, parts=_sorted(parts))

    def without_part(self, name: str) -> ConversionSettings:
        """Let a part follow the settings of all again."""
        return replace(self, parts=tuple(part for part in self.parts if part[0] != name))

    def with_fill(self, name: str, seed: int | None) -> ConversionSettings:
        """Make up a part that is not drawn from a seed, or leave it out again with None."""
        fill = {part: old for part, old in self.fill if part != name}
        if seed is not None:
            fill[name] = seed
        return replace(self, fill=_sorted(fill))


def _sorted(by_name: Mapping[str, T] | None) -> tuple[tuple[str, T], ...]:
    return tuple(sorted((by_name or {}).items(), key=lambda item: item[0]))
