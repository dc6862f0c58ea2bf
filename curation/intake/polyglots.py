"""Refuse files that carry a second file behind or inside the picture.

Pictures that are something else as well.

Decoding proves that a file is a picture, not that it is nothing but one: a zip or a Java archive may
follow it, a script may sit in a comment. What follows the picture is refused, unless it is one of the
few things that cameras and encoders are known to append, each checked by its own structure:

* padding (zeros, 0xFF, white space), as editing tools and web servers leave it;
* more JPEGs (MPO stereo pairs, previews, gain maps);
* Samsung's block directory (``SEFH`` ... ``SEFT``);
* the film of a motion photo (MP4), if its boxes fill the rest exactly;
* what cameras' own and newsrooms' programs leave at the end, each with its length and signature: Canon's
  recipes (VRD), Photo Mechanic, FotoStation, AFCP, MIE (layouts as in ExifTool).

Inside the picture's own metadata foreign bytes are possible and allowed: originals are never served as
anything but a picture, and all that is shown or exported is made anew from pixels. What other programs
would act upon even there is refused all the same: the end record of a zip, the header of a PDF, a script
or page in plain text.

Where a picture ends inside its file, format by format.

Decoders stop at the end of the picture and do not look at what follows, which is where a second file
hides. These walks read lengths only, no pixels; a file that is cut short is found here as well.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

import numpy as np

from curation.intake.refusal import RejectedFile

CUT_SHORT = "The picture is cut short: the file ends before it does. Fetch it again."
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
    RejectedFile
        ``bomb`` if it has pages or entries without end, ``damaged`` if it refers to what is not there.
    """
    reader = _Reader(data)
    header = 16 if reader.is_big else 8
    first = reader.number(header - reader.pointer, reader.pointer)
    if first >= len(data):
        raise RejectedFile("damaged", CUT_SHORT)
    todo, seen, extent = [first], set[int](), header
    while todo:
        at = todo.pop()
        if at in seen or not 8 <= at < len(data):
            continue
        seen.add(at)
        if len(seen) > MAX_FOLDERS:
            raise RejectedFile(
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
        raise RejectedFile("bomb", f"The picture's header has {count} entries. Save it anew.")
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
                raise RejectedFile("damaged", CUT_SHORT)
            yield int(ends.max(initial=0)), []


MAX_SEGMENTS = 20_000
MAX_SCANS = 200  # an encoder makes about ten; each costs a pass over all pixels
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def find_end(kind: str, data: bytes) -> int:
    """First byte after the picture.

    Parameters
    ----------
    kind
        As told by `curation.intake.picture.sniff`.

    Raises
    ------
    RejectedFile
        ``damaged`` if the picture is cut short, ``bomb`` if it has scans or parts without end.
    """
    try:
        end = _WALKS[kind](data)
    except (struct.error, IndexError):
        raise RejectedFile("damaged", CUT_SHORT) from None
    if end > len(data):
        raise RejectedFile("damaged", CUT_SHORT)
    return end


def jpeg_end(data: bytes, start: int = 0) -> int:
    """First byte after the JPEG that begins at ``start``."""
    at, scans = start + 2, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            raise RejectedFile("damaged", CUT_SHORT)
        marker, at = data[found.end() - 1], found.end()
        if marker == 0xD9:
            return at
        if marker in (0x01, 0xD8):
            continue
        at += int.from_bytes(data[at : at + 2], "big")
        scans += marker == 0xDA
        if scans > MAX_SCANS:
            break
    raise RejectedFile(
        "bomb", f"The picture has more than {MAX_SCANS} scans or {MAX_SEGMENTS} parts. Save it anew."
    )


def boxes_end(data: bytes, start: int = 0, *, may_be_open: bool = True) -> int:
    """First byte after the boxes (ISO base media: AVIF, HEIC, MP4) that begin at ``start``.

    Parameters
    ----------
    may_be_open
        Accept a last box without a length, which by the standard reaches to the end of the file.
    """
    at = start
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if not re.fullmatch(rb"[ -~]{4}", kind):
            break  # no box: something else begins here
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        elif size == 0 and may_be_open:
            return len(data)
        if size < 8 or at + size > len(data):
            break
        at += size
    return at


def _avif_end(data: bytes) -> int:
    end = boxes_end(data)
    if b"meta" not in data[:end] and b"moov" not in data[:end]:
        raise RejectedFile("damaged", CUT_SHORT)
    if end + 8 <= len(data) and data[end + 4 : end + 8] in (b"mdat", b"meta", b"moov", b"idat"):
        raise RejectedFile("damaged", CUT_SHORT)  # a box that reaches beyond the file
    return end


def _png_end(data: bytes) -> int:
    at = 8
    for _ in range(10 * MAX_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            return at
    raise RejectedFile("bomb", f"The picture has more than {10 * MAX_SEGMENTS} parts. Save it anew.")


def _gif_end(data: bytes) -> int:
    at = 13 + _colours(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            at += 10 + _colours(data[at + 9]) + 1
        elif data[at] == 0x21:
            at += 2
        else:
            raise RejectedFile("damaged", "The picture is damaged: one of its parts is of no known kind.")
        while (length := data[at]) != 0:
            at += 1 + length
        at += 1
    return at + 1


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp_end(data: bytes) -> int:
    size = int(struct.unpack_from("<I", data, 4)[0])
    return min(8 + size + (size & 1), max(len(data), 8 + size))  # some leave out the padding byte


def _bmp_end(data: bytes) -> int:
    pixels, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        return _rows_end(pixels, width, height, bits)
    width, height, _, bits, compression, size = struct.unpack_from("<iiHHII", data, 18)
    end = pixels + size if compression in (1, 2) else _rows_end(pixels, width, height, bits)
    if header >= 124 and len(data) >= 134:
        profile, length = struct.unpack_from("<II", data, 14 + 112)
        end = max(end, 14 + profile + length if length else 0)
    return int(end)


def _rows_end(pixels: int, width: int, height: int, bits: int) -> int:
    return int(pixels + (abs(width) * bits + 31) // 32 * 4 * abs(height))


_WALKS: dict[str, Callable[[bytes], int]] = {
    "JPEG": jpeg_end,
    "PNG": _png_end,
    "GIF": _gif_end,
    "WEBP": _webp_end,
    "BMP": _bmp_end,
    "TIFF": tiff_extent,
    "AVIF": _avif_end,
    "HEIF": _avif_end,
}


MAX_FOLLOWERS = 64
ZIP_TAIL = 22 + 65_535
PDF_HEAD = 1_024 + 16
_PADDING = re.compile(rb"[\0\xff\r\n\t ]*")
_ACTIVE = (b"<?php", b"<script", b"<html", b"<!doctype html", b"<iframe")
_HIDDEN = (b"PK\3\4", b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\0", b"%PDF-", b"\x7fELF", b"\n#!")
_VRD = b"CANON OPTIONAL DATA\0"
_MIE_END = re.compile(rb"~\0\x04\0zmie~\0\0(?:\x06(.{4})|\x0a(.{8}))([\x10\x18])[\x04\x08]\Z", re.DOTALL)
_COMMENT_AT = {"GIF": 6, "BMP": 2, "JPEG": 4}  # where "/*" makes a script of a header


def refuse_polyglot(kind: str, data: bytes) -> None:
    """Let a picture pass that is nothing else.

    Raises
    ------
    RejectedFile
        ``polyglot`` for what follows or hides in it, ``damaged`` if the picture is cut short.
    """
    _refuse_tail(kind, data, find_end(kind, data))
    if b"%PDF-" in data[:PDF_HEAD]:
        raise _polyglot("a PDF document")
    if _ends_like_zip(data):
        raise _polyglot("a zip archive")
    start = _COMMENT_AT.get(kind)
    if start is not None and data[start : start + 2] == b"/*":
        raise _polyglot("a script")
    lower = data.lower()
    for word in _ACTIVE:
        at = lower.find(word)
        while at >= 0:
            if lower[at + len(word) : at + len(word) + 1] in (b" ", b">", b"\n", b"\r", b"\t", b"/"):
                raise _polyglot("a script or web page")
            at = lower.find(word, at + 1)


def _refuse_tail(kind: str, data: bytes, end: int) -> None:
    at = end
    if kind == "JPEG":
        data = data[: _trailers_start(data, end)]
    for _ in range(MAX_FOLLOWERS):
        padding = _PADDING.match(data, at)
        following = padding.end() if padding else at
        if following == len(data):
            return
        # What comes next may itself begin with bytes that passed for padding.
        film = data.find(b"ftyp", at, following + 8) - 4
        if kind == "JPEG" and data.startswith(b"\xff\xd8\xff", max(at, following - 1)):
            at = jpeg_end(data, max(at, following - 1))
        elif kind == "JPEG" and at <= film <= following:
            at = boxes_end(data, film, may_be_open=False)
            if at == film:
                break
        elif at <= _samsung_start(data) <= following:
            return
        else:
            break
    raise _polyglot(f"{len(data) - at} bytes of something else after it")


def _trailers_start(data: bytes, picture_end: int) -> int:
    """Where the trailers begin that programs have put after one another; the file's end if there is none."""
    end = len(data)
    for _ in range(MAX_FOLLOWERS):
        start = min(_trailer_starts(data, end), default=end)
        block = data[max(start, 0) : end]
        if not picture_end <= start < end or any(word in block for word in _HIDDEN):
            break
        end = start
    return end


def _trailer_starts(data: bytes, end: int) -> Iterator[int]:
    """Where the trailer begins that ends at ``end``, by its own length and signatures."""
    tail = data[max(0, end - 64) : end]
    if len(tail) < 64:
        return
    if tail.endswith(b"cbipcbbl"):
        start = end - 12 - struct.unpack_from(">I", tail, 52)[0]
        if data.startswith(b"\x1c", start):  # records of IPTC
            yield start
    if tail.endswith(b"\xa1\xb2\xc3\xd4") and (size := struct.unpack_from(">I", tail, 56)[0]) >= 10:
        yield end - size
    if tail.startswith(_VRD):
        start = end - 92 - struct.unpack_from(">I", tail, 20)[0]
        if data.startswith(_VRD, start):
            yield start
    if (mark := tail[52:56]) in (b"AXS!", b"AXS*"):
        start = struct.unpack_from(">I" if mark == b"AXS!" else "<I", tail, 56)[0]
        if data.startswith(mark, start):
            yield start
    if mie := _MIE_END.search(tail):
        start = end - int.from_bytes(mie[1] or mie[2], "big" if mie[3] == b"\x10" else "little")
        if re.match(rb"~[\x10\x18]\x04.0MIE", data[max(start, 0) : max(start, 0) + 8], re.DOTALL):
            yield start


def _samsung_start(data: bytes) -> int:
    """Where Samsung's trailer begins, -1 if there is none."""
    if data[-4:] != b"SEFT" or len(data) < 24:
        return -1
    length = int.from_bytes(data[-8:-4], "little")
    directory = len(data) - 8 - length
    if directory < 0 or data[directory : directory + 4] != b"SEFH" or length < 12:
        return -1
    count = struct.unpack_from("<I", data, directory + 8)[0]
    if count == 0 or 12 + 12 * count > length:
        return -1
    blocks = [struct.unpack_from("<HHII", data, directory + 12 + 12 * row) for row in range(count)]
    # Blocks lie one after the other up to the directory, so nothing else fits in between.
    at = directory - max(offset for _, _, offset, _ in blocks)
    start = at
    for _, _, offset, size in sorted(blocks, key=lambda block: -block[2]):
        if directory - offset != at:
            return -1
        at += size
    return start if at == directory else -1


def _ends_like_zip(data: bytes) -> bool:
    """Whether an unpacker would take the file for a zip: it looks for the end record from the back."""
    low = max(0, len(data) - ZIP_TAIL)
    at = data.rfind(b"PK\5\6", low)
    while at >= 0:
        if at + 22 <= len(data):
            disk, first, here, total, size, offset = struct.unpack_from("<HHHHII", data, at + 4)
            is_plain = disk == first == 0 and here == total and size + offset <= at
            if is_plain and (total == 0 or data[at - size : at - size + 4] == b"PK\1\2"):
                return True
            if total == 0xFFFF or offset == 0xFFFFFFFF:
                return True
        at = data.rfind(b"PK\5\6", low, at)
    return False


def _polyglot(what: str) -> RejectedFile:
    return RejectedFile(
        "polyglot",
        f"The file is a picture and {what}. Open it in an image editor and save it anew.",
    )
