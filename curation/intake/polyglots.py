"""Pictures that are something else as well.

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
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from curation.intake.ends import boxes_end, find_end, jpeg_end
from curation.intake.refusal import Refused

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
    Refused
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


def _polyglot(what: str) -> Refused:
    return Refused(
        "polyglot",
        f"The file is a picture and {what}. Open it in an image editor and save it anew.",
    )
