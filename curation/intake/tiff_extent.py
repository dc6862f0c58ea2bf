"""The last byte that a TIFF refers to; the format has no end mark."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from curation.intake.refusal import CUT_SHORT, Refused

MAX_FOLDERS = 2_000
MAX_ENTRIES = 10_000
MAX_BLOCKS = 5_000_000
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_SUBFOLDERS = frozenset({330, 400, 34665, 34853, 40965})
_OFFSETS_WITH_SIZES = {273: 279, 324: 325, 288: 289, 513: 514}  # strips, tiles, free space, thumbnail


class _Reader:
    """Numbers of a TIFF in its byte order and pointer size."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:2] == b"II" else ">"
        self.is_big = data[2:4] in (b"+\0", b"\0+")
        self.pointer = 8 if self.is_big else 4

    def number(self, at: int, size: int) -> int:
        return int(struct.unpack_from(self.order + {1: "B", 2: "H", 4: "I", 8: "Q"}[size], self.data, at)[0])

    def array(self, at: int, count: int, size: int) -> np.ndarray:
        count = max(0, min(count, (len(self.data) - at) // size, MAX_BLOCKS))
        return (
            np.frombuffer(self.data, f"{self.order}u{size}", count, at) if count else np.zeros(0, np.uint64)
        )


def tiff_extent(data: bytes) -> int:
    """First byte after all that the TIFF's folders refer to, at most the length of ``data``.

    Raises
    ------
    Refused
        ``bomb`` if it has pages or entries without end, ``damaged`` if it refers to what is not there.
    """
    reader = _Reader(data)
    header = 16 if reader.is_big else 8
    first = reader.number(header - reader.pointer, reader.pointer)
    if first >= len(data):
        raise Refused("damaged", CUT_SHORT)
    todo, seen, extent = [first], set[int](), header
    while todo:
        at = todo.pop()
        if at in seen or not 8 <= at < len(data):
            continue
        seen.add(at)
        if len(seen) > MAX_FOLDERS:
            raise Refused(
                "bomb", f"The picture has more than {MAX_FOLDERS} pages. Save its first page by itself."
            )
        for end, folders in _folder(reader, at):
            extent = max(extent, min(end, len(data)))
            todo.extend(folders)
    return extent


def _folder(reader: _Reader, at: int) -> Iterator[tuple[int, list[int]]]:
    """Ends of what one folder refers to, and the folders that it leads to."""
    count_size, entry_size = (8, 20) if reader.is_big else (2, 12)
    count = reader.number(at, count_size)
    if count > MAX_ENTRIES:
        raise Refused("bomb", f"The picture's header has {count} entries. Save it anew.")
    first, arrays = at + count_size, dict[int, np.ndarray]()
    for entry in range(first, first + count * entry_size, entry_size):
        tag, kind = reader.number(entry, 2), reader.number(entry + 2, 2)
        amount = reader.number(entry + 4, reader.pointer)
        size, value = _SIZES.get(kind, 1), entry + 4 + reader.pointer
        if size * amount > reader.pointer:
            value = reader.number(value, reader.pointer)
            if value + size * amount <= len(reader.data):
                yield value + size * amount, []
        if tag in _OFFSETS_WITH_SIZES or tag in _OFFSETS_WITH_SIZES.values() or tag in _SUBFOLDERS:
            arrays[tag] = reader.array(value, amount, size if size in (1, 2, 4, 8) else 1)
    following = first + count * entry_size
    yield following + reader.pointer, [reader.number(following, reader.pointer)]
    for tag in _SUBFOLDERS & arrays.keys():
        yield 0, [int(offset) for offset in arrays[tag][:MAX_FOLDERS]]
    for offsets, sizes in _OFFSETS_WITH_SIZES.items():
        if offsets in arrays and sizes in arrays:
            length = min(len(arrays[offsets]), len(arrays[sizes]))
            ends = arrays[offsets][:length].astype(np.float64) + arrays[sizes][:length]
            if ends.max(initial=0) > len(reader.data) and offsets != 288:
                raise Refused("damaged", CUT_SHORT)
            yield int(ends.max(initial=0)), []
