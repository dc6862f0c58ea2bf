"""Pictures that are something else as well.

Decoding proves that a file is a picture, not that it is nothing but one: a zip or a Java archive may
follow it, a script may sit in a comment. What follows the picture is refused, unless it is one of the
few things that cameras and encoders are known to append, each checked by its own structure:

* padding (zeros, 0xFF, white space), as editing tools and web servers leave it;
* more JPEGs (MPO stereo pairs, previews, gain maps);
* Samsung's block directory (``SEFH`` ... ``SEFT``);
* the film of a motion photo (MP4), if its boxes fill the rest exactly.

Inside the picture's own metadata foreign bytes are possible and allowed: originals are never served as
anything but a picture, and all that is shown or exported is made anew from pixels. What other programs
would act upon even there is refused all the same: the end record of a zip, the header of a PDF, a script
or page in plain text.
"""

from __future__ import annotations

import re
import struct

from curation.intake.ends import boxes_end, find_end, jpeg_end
from curation.intake.refusal import Refused

MAX_FOLLOWERS = 64
ZIP_TAIL = 22 + 65_535
PDF_HEAD = 1_024 + 16
_PADDING = re.compile(rb"[\0\xff\r\n\t ]*")
_ACTIVE = (b"<?php", b"<script", b"<html", b"<!doctype html", b"<iframe")
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
