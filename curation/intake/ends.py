"""Where a picture ends inside its file, format by format.

Decoders stop at the end of the picture and do not look at what follows, which is where a second file
hides. These walks read lengths only, no pixels; a file that is cut short is found here as well.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from curation.intake.refusal import CUT_SHORT, Refused
from curation.intake.tiff_extent import tiff_extent

MAX_SEGMENTS = 20_000
MAX_SCANS = 200  # an encoder makes about ten; each costs a pass over all pixels
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def find_end(kind: str, data: bytes) -> int:
    """First byte after the picture.

    Parameters
    ----------
    kind
        As told by `curation.intake.kinds.sniff`.

    Raises
    ------
    Refused
        ``damaged`` if the picture is cut short, ``bomb`` if it has scans or parts without end.
    """
    try:
        end = _WALKS[kind](data)
    except (struct.error, IndexError):
        raise Refused("damaged", CUT_SHORT) from None
    if end > len(data):
        raise Refused("damaged", CUT_SHORT)
    return end


def jpeg_end(data: bytes, start: int = 0) -> int:
    """First byte after the JPEG that begins at ``start``."""
    at, scans = start + 2, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            raise Refused("damaged", CUT_SHORT)
        marker, at = data[found.end() - 1], found.end()
        if marker == 0xD9:
            return at
        if marker in (0x01, 0xD8):
            continue
        at += int.from_bytes(data[at : at + 2], "big")
        scans += marker == 0xDA
        if scans > MAX_SCANS:
            break
    raise Refused(
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
        raise Refused("damaged", CUT_SHORT)
    if end + 8 <= len(data) and data[end + 4 : end + 8] in (b"mdat", b"meta", b"moov", b"idat"):
        raise Refused("damaged", CUT_SHORT)  # a box that reaches beyond the file
    return end


def _png_end(data: bytes) -> int:
    at = 8
    for _ in range(10 * MAX_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            return at
    raise Refused("bomb", f"The picture has more than {10 * MAX_SEGMENTS} parts. Save it anew.")


def _gif_end(data: bytes) -> int:
    at = 13 + _colours(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            at += 10 + _colours(data[at + 9]) + 1
        elif data[at] == 0x21:
            at += 2
        else:
            raise Refused("damaged", "The picture is damaged: one of its parts is of no known kind.")
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
