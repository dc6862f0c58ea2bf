"""What a set of images is: its pictures, what is known of each, and what was left out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from eval.comparison.result import LeftOut, SetUsed
from eval.sets.headers import Header

Kind = Literal["folder", "zip", "imagefolder", "model", "memory"]
MAX_NAMED = 1000  # left-out files that a report lists by name
NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Reader(Protocol):
    """Gives the bytes of a file of a set by its place in it; OSError or UnsafeImage where that fails."""

    def __call__(self, file: str, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Item:
    """One picture.

    Attributes
    ----------
    name
        What pairs it with others: its path in the set without the extension, ``sub/0801``.
    digest
        sha256 of its content, in hex.
    file
        Its path in the set, with the extension.
    header
        Format, size and quality, known without decoding.
    labels
        What the set says of it: ``{"glasses": "yes"}``.
    """

    name: str
    digest: str
    file: str
    header: Header
    reader: Reader = field(repr=False, compare=False)
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS, compare=False)

    def read(self) -> bytes:
        """Its content, which is what ``digest`` says.

        Raises
        ------
        OSError
            If the file is gone, or was changed since the set was opened.
        UnsafeImage
            If a zip's entry is damaged.
        """
        data = self.reader(self.file)
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise OSError(f"{self.file} was changed after the set was opened. Open the set again.")
        return data


@dataclass(frozen=True)
class ImageSet:
    """Pictures that belong together, in the order of their names.

    Attributes
    ----------
    source
        Where they come from, for people.
    items
        What can be used, as far as the headers tell; damage further in shows when it is decoded.
    left_out
        Every other file, with the reason.
    folder
        Where the files lie; None for a zip or pictures in memory.
    statistics
        sha256 of the file that holds a reference's mean and covariance, where these stand for its pictures.
    """

    name: str
    kind: Kind
    source: str
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()
    folder: Path | None = None
    statistics: str = ""

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def digest(self) -> str:
        """sha256 of all names and contents."""
        if self.statistics:
            return self.statistics
        total = hashlib.sha256()
        for item in self.items:
            total.update(f"{item.name}\0{item.digest}\n".encode("utf-8", "surrogatepass"))
        return total.hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The items' names."""
        return tuple(item.name for item in self.items)

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """The items by their names."""
        return MappingProxyType({item.name: item for item in self.items})

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents, one after the other. Raises what `Item.read` raises."""
        for item in self.items:
            yield item.name, item.read()

    def only(self, names: Collection[str]) -> ImageSet:
        """The items of these names; files that were left out stay listed."""
        wanted = names if isinstance(names, (set, frozenset)) else frozenset(names)
        return replace(self, items=tuple(item for item in self.items if item.name in wanted))

    def without(self, problems: Mapping[str, str]) -> ImageSet:
        """The set without items that could not be decoded after all.

        Parameters
        ----------
        problems
            Names and reasons, such as those of `eval.features.FeatureSet.skipped`.
        """
        if not problems:
            return self
        more = [LeftOut(name=i.file, reason=problems[i.name]) for i in self.items if i.name in problems]
        items = tuple(item for item in self.items if item.name not in problems)
        return replace(self, items=items, left_out=(*self.left_out, *more))

    def used(self) -> SetUsed:
        """What a comparison's file says of it."""
        return SetUsed(
            name=self.name, source=self.source, kind=self.kind, digest=self.digest, count=len(self.items),
            left_out=_first(self.left_out),
        )  # fmt: skip


def _first(left_out: tuple[LeftOut, ...]) -> tuple[LeftOut, ...]:
    """Those that a report names, and how many there are besides."""
    if len(left_out) <= MAX_NAMED:
        return left_out
    more = LeftOut(name="…", reason=f"{len(left_out) - MAX_NAMED:,} more files were left out.")
    return (*left_out[:MAX_NAMED], more)
