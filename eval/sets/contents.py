"""Describe a set of images: items, headers, what was left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from PIL import Image, JpegImagePlugin

from core.errors import UnsafeImage
from core.images import FORMATS, MAX_PIXELS, can_read_heif
from eval.comparison.result import LeftOut, SetUsed
from eval.decoding import opened

# Luminance table of the JPEG standard (ITU-T T.81, annex K), which libjpeg scales by its quality.
_LUMINANCE_SUM = 3688
_NO_PICTURE = f"It is no picture that can be read ({', '.join(FORMATS)})."


class Header(NamedTuple):
    """What is known of a picture without decoding it."""

    format: str  # ``PNG``, ``JPEG``, ...
    # width, height: in pixels, as stored: EXIF may turn them.
    width: int
    height: int
    quality: int | None  # about the quality setting of a JPEG, 1 to 100; None for other formats
    is_lossy: bool  # whether packing it lost something: JPEG, most WebP and AVIF


def read_header(data: bytes) -> Header:
    """Read a picture's header.

    Raises
    ------
    UnsafeImage
        If the file is empty, no picture, or has over 50 megapixels.
    """
    if not data:
        raise UnsafeImage("The file is empty (0 bytes).")
    heif = ("HEIF",) if data[4:8] == b"ftyp" and can_read_heif() else ()
    with opened(data, *heif, problem=_NO_PICTURE) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UnsafeImage(
                f"It is too large: {image.width} x {image.height} pixels, at most "
                f"{MAX_PIXELS / 1e6:.0f} megapixels are read."
            )
        kind = "JPEG" if image.format == "MPO" else image.format or "unknown"
        return Header(kind, image.width, image.height, _quality(image), _is_lossy(kind, data))


def _quality(image: Image.Image) -> int | None:
    """The quality that libjpeg's scaling of the standard table would need for a table this coarse."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile) or not image.quantization:
        return None
    table = image.quantization[min(image.quantization)]
    scale = 100 * sum(table) / _LUMINANCE_SUM
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(min(100, max(1, round(quality))))


def _is_lossy(kind: str, data: bytes) -> bool:
    if kind == "WEBP":
        return b"VP8L" not in data[:4096]
    return kind in ("JPEG", "AVIF", "HEIF")


Kind = Literal["folder", "zip", "imagefolder", "model", "memory"]
MAX_NAMED = 1000  # left-out files that a report lists by name
NO_LABELS: Mapping[str, str] = MappingProxyType({})


# Gives the bytes of a file of a set by its place in it; OSError or UnsafeImage where that fails.
Reader = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """One picture."""

    name: str  # what pairs it with others: its path in the set without the extension, ``sub/0801``
    digest: str  # sha256 of its content, in hex
    file: str  # its path in the set, with the extension
    header: Header  # format, size and quality, known without decoding
    reader: Reader = field(repr=False, compare=False)
    # What the set says of it: ``{"glasses": "yes"}``.
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
    """Pictures that belong together, in the order of their names."""

    name: str
    kind: Kind
    source: str  # where they come from, for people
    # What can be used, as far as the headers tell; damage further in shows when it is decoded.
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()  # every other file, with the reason
    folder: Path | None = None  # where the files lie; None for a zip or pictures in memory
    # sha256 of the file that holds a reference's mean and covariance, where these stand for its pictures.
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
        """Give the items' names."""
        return tuple(item.name for item in self.items)

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """Give the items by their names."""
        return MappingProxyType({item.name: item for item in self.items})

    def only(self, names: Collection[str]) -> ImageSet:
        """Give the items of these names; files that were left out stay listed."""
        wanted = frozenset(names)
        return replace(self, items=tuple(item for item in self.items if item.name in wanted))

    def without(self, skipped: Iterable[LeftOut]) -> ImageSet:
        """Give the set without items that could not be decoded after all, by their names."""
        problems = {one.name: one.reason for one in skipped}
        more = [LeftOut(name=i.file, reason=problems[i.name]) for i in self.items if i.name in problems]
        items = tuple(item for item in self.items if item.name not in problems)
        return replace(self, items=items, left_out=(*self.left_out, *more))

    def used(self) -> SetUsed:
        """Give what a comparison's file says of it."""
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
