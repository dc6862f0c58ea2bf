"""Recognise, decode and hash an incoming picture.

In this order, cheapest first: bytes, first bytes (never the name), size from the header, what else is in the
file, then every pixel. Originals are kept byte for byte, EXIF and GPS included, because they are evidence and
because their hash is their name; whatever is shown or exported is made anew from pixels and carries none of
that, so nothing here strips anything. Cameras and editors append much (films, previews, recipes), which is
harmless; refused is what other programs find and act upon wherever it lies: an archive, a PDF, a script or page.

`check_picture` runs in the caller's process. Strangers' files go through `curation.intake.children`, which
calls it in a child with limits on time and memory.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.errors import UnsafeImage
from core.images import DECODER_ERRORS, MAX_PIXELS, can_read_heif, read_photo, refuse_endless_scans
from curation.intake.refusal import CODES, RejectedFile
from curation.library.records import Original

PICTURES: tuple[tuple[str, bytes], ...] = (
    ("JPEG", b"\xff\xd8\xff"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("GIF", b"GIF87a"),
    ("GIF", b"GIF89a"),
    ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"),
    ("TIFF", b"II+\0"),
    ("TIFF", b"MM\0+"),
    ("BMP", b"BM"),
)
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
GENERIC_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})

_ARCHIVES = (
    b"PK\3\4", b"PK\5\6", b"PK\7\x08", b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh",
    b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"MSCF",
)  # fmt: skip
_PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\0asm",
    b"#!",
    b"%!PS",
    b"\xc5\xd0\xd3\xc6",
)
_OTHER = (
    (b"8BPS", "a Photoshop document"), (b"\0\0\1\0", "an icon"), (b"\0\0\2\0", "a cursor"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000"), (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"), (b"qoif", "QOI"), (b"\x76\x2f\x31\1", "OpenEXR"), (b"#?RADIANCE", "HDR"),
    (b"\x1aE\xdf\xa3", "a film"), (b"OggS", "a sound or film"), (b"ID3", "a sound"), (b"DDS ", "a texture"),
)  # fmt: skip


def sniff(data: bytes) -> str:
    """Pillow's name for the format that the content begins with.

    Returns
    -------
    kind
        ``JPEG``, ``PNG``, ``WEBP``, ``BMP``, ``GIF``, ``TIFF``, ``AVIF`` or ``HEIF``.

    Raises
    ------
    RejectedFile
        For everything else, with a code that says what it looks like.
    """
    for kind, magic in PICTURES:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _brand(data)
    raise _explain(data)


def is_zip(head: bytes) -> bool:
    """Whether a file begins like a zip archive; one that only ends like one is not taken as such."""
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def _brand(data: bytes) -> str:
    """Tell AVIF, HEIC and films apart by the brands in the file's first box."""
    size = int.from_bytes(data[:4], "big")
    major = data[8:12]
    brands = {major} | {data[at : at + 4] for at in range(16, min(size, 512, len(data) - 3), 4)}
    if major in AVIF_BRANDS or (major in GENERIC_BRANDS and brands & AVIF_BRANDS):
        return "AVIF"
    if major in HEIF_BRANDS or (major in GENERIC_BRANDS and brands & HEIF_BRANDS):
        return "HEIF"
    raise RejectedFile(
        "other_format", "It is a film or a kind of HEIF that is not read. Save a frame as JPEG or PNG."
    )


def _explain(data: bytes) -> RejectedFile:
    head = data[:1024]
    if head.startswith(_ARCHIVES) or data[257:262] == b"ustar":
        return RejectedFile(
            "archive", "It is an archive, not a picture. Unpack it, or give a zip file by itself."
        )
    if b"%PDF-" in head:
        return RejectedFile("active_content", "It is a PDF document. Export its pictures as JPEG or PNG.")
    if head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\f").startswith(b"<"):
        return RejectedFile(
            "active_content", "It is SVG, HTML or XML, which a browser would run. Save it as PNG."
        )
    if head.startswith(_PROGRAMS):
        return RejectedFile("active_content", "It is a program or a script, not a picture.")
    for magic, name in _OTHER:
        if head.startswith(magic):
            return RejectedFile("other_format", f"It is {name}, which is not read. Save it as JPEG or PNG.")
    if head[:4] == b"RIFF" or (head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] in b"\n \t\r#"):
        return RejectedFile("other_format", "It is a sound, film or raw picture. Save it as JPEG or PNG.")
    return RejectedFile(
        "not_a_picture",
        "Its content is no picture that is read (JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIC), whatever its name.",
    )


__all__ = ["CODES", "DEFAULT_LIMITS", "PictureLimits", "RejectedFile", "check_picture", "hash_pixels"]

CHECK_VERSION = 3  # raised when a file that was refused may now be taken, or the other way round


@dataclass(frozen=True)
class PictureLimits:
    """What is still a photo."""

    max_bytes: int = 60_000_000  # of the file
    # max_pixels, max_side_px: read from the header, before any pixel is decoded.
    max_pixels: int = MAX_PIXELS
    max_side_px: int = 32_768
    min_side_px: int = 16  # below it there is no face to see: tracking pixels, spacers, icons
    timeout_s: float = 20.0  # for one file, in a child process
    # Of address space that decoding may take on top of the child process itself. 50 megapixels of 16-bit grey, the
    # hungriest kind, fill 1.2 GB.
    memory_bytes: int = 2_500_000_000


DEFAULT_LIMITS = PictureLimits()


def check_picture(data: bytes, *, limits: PictureLimits = DEFAULT_LIMITS) -> Original:
    """Prove that a file is a picture by decoding it in full.

    Extension and declared type play no part. Of animations and multi-page files the first picture
    counts. CMYK, palette, 16-bit, transparency, colour profile and EXIF orientation are applied as in
    `core.images.read_photo`.

    Raises
    ------
    RejectedFile
        With a code of `CODES` and a sentence; nothing is kept anywhere.
    """
    if not data:
        raise RejectedFile("empty", "The file is empty (0 bytes).")
    if len(data) > limits.max_bytes:
        raise too_many_bytes(len(data), limits)
    kind = sniff(data)
    if kind == "HEIF" and not can_read_heif():
        raise RejectedFile("other_format", "HEIC is not read here. Install pillow-heif, or save it as JPEG.")
    _check_header(kind, data, limits)
    _refuse_second_file(kind, data)
    try:
        refuse_endless_scans(data)
    except UnsafeImage as error:
        raise RejectedFile("bomb", str(error)) from error
    try:
        photo = read_photo(data, max_pixels=limits.max_pixels)
    except UnsafeImage as error:
        raise RejectedFile("damaged", str(error)) from error
    height, width = photo.shape[:2]
    return Original(hashlib.sha256(data).hexdigest(), data, kind, width, height, hash_pixels(photo))


_HIDDEN = {
    "a RAR or 7z archive": (b"Rar!\x1a\7", b"7z\xbc\xaf\x27\x1c"),
    "a PDF document": (b"%PDF-1.", b"%PDF-2."),
}
_ACTIVE = re.compile(rb"<(?:\?php|script|html|!doctype html|iframe)[ >\n\r\t/]", re.IGNORECASE)
_COMMENT_AT = {"GIF": 6, "BMP": 2, "JPEG": 4}  # where "/*" makes a script of a header
_ZIP_TAIL = 22 + 65_535


def _refuse_second_file(kind: str, data: bytes) -> None:
    """Refuse a picture that is something else as well to a program which looks for that."""
    what = next((what for what, words in _HIDDEN.items() if any(word in data for word in words)), "")
    start = _COMMENT_AT.get(kind)
    if not what and _ends_like_zip(data):
        what = "a zip archive"
    if not what and (_ACTIVE.search(data) or (start and data[start : start + 2] == b"/*")):
        what = "a script or web page"
    if what:
        raise RejectedFile(
            "polyglot", f"The file is a picture and {what}. Open it in an image editor and save it anew."
        )


def _ends_like_zip(data: bytes) -> bool:
    """Whether an unpacker would take the file for a zip: it looks for the end record from the back."""
    low = max(0, len(data) - _ZIP_TAIL)
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


def hash_pixels(photo: np.ndarray) -> str:
    """SHA-256 of a photo's size and pixels: equal for one picture in two files, whatever their format.

    Of what is in the standard library it is the fastest where the processor helps, as almost all do:
    1.8 ms for 1024 x 1024 pixels against 3.5 ms for BLAKE2b.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    """
    digest = hashlib.sha256(f"{photo.shape[1]}x{photo.shape[0]} ".encode())
    digest.update(np.ascontiguousarray(photo).data)
    return digest.hexdigest()


def too_many_bytes(size: int, limits: PictureLimits) -> RejectedFile:
    """The refusal of a file of ``size`` bytes, also for those who need not read it first."""
    return RejectedFile(
        "too_many_bytes",
        f"It is {size / 1e6:.1f} MB; pictures of up to {limits.max_bytes / 1e6:.0f} MB are taken.",
    )


def _check_header(kind: str, data: bytes, limits: PictureLimits) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                width, height = image.size
        except Image.DecompressionBombError:
            raise RejectedFile("too_many_pixels", _too_large(limits)) from None
        except DECODER_ERRORS as error:
            raise RejectedFile("damaged", f"It begins like {kind}, but its header cannot be read.") from error
    if min(width, height) < limits.min_side_px:
        raise RejectedFile(
            "too_small",
            f"It is {width} x {height} pixels; below {limits.min_side_px} on a side there is no face to see.",
        )
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise RejectedFile("too_many_pixels", f"It is {width} x {height} pixels. {_too_large(limits)}")


def _too_large(limits: PictureLimits) -> str:
    return (
        f"It is larger than the {limits.max_pixels / 1e6:.0f} megapixels or {limits.max_side_px} pixels "
        "on a side that are decoded. Make it smaller first."
    )
