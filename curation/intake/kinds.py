"""What a file is by its first bytes; its name is never asked."""

from __future__ import annotations

from curation.intake.refusal import Refused

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
    Refused
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
    raise Refused(
        "other_format", "It is a film or a kind of HEIF that is not read. Save a frame as JPEG or PNG."
    )


def _explain(data: bytes) -> Refused:
    head = data[:1024]
    if head.startswith(_ARCHIVES) or data[257:262] == b"ustar":
        return Refused("archive", "It is an archive, not a picture. Unpack it, or give a zip file by itself.")
    if b"%PDF-" in head:
        return Refused("active_content", "It is a PDF document. Export its pictures as JPEG or PNG.")
    if head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\f").startswith(b"<"):
        return Refused("active_content", "It is SVG, HTML or XML, which a browser would run. Save it as PNG.")
    if head.startswith(_PROGRAMS):
        return Refused("active_content", "It is a program or a script, not a picture.")
    for magic, name in _OTHER:
        if head.startswith(magic):
            return Refused("other_format", f"It is {name}, which is not read. Save it as JPEG or PNG.")
    if head[:4] == b"RIFF" or (head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] in b"\n \t\r#"):
        return Refused("other_format", "It is a sound, film or raw picture. Save it as JPEG or PNG.")
    return Refused(
        "not_a_picture",
        "Its content is no picture that is read (JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIC), whatever its name.",
    )
