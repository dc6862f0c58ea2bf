"""Define what the parts of curation hand to each other: records of an image, checked names and errors."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

from core.names import normal_name

GROUP_PICTURE = "picture:"  # before a group picture's id: the source of a face that was cut out of it
MAX_REVIEWER, MAX_LABEL, MAX_VERSION = 60, 40, 60
MAX_VERSION_BYTES = 200  # as UTF-8; a folder's name has 255, and more is added to it
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no folder's name on Windows


class LibraryError(RuntimeError):
    """The library cannot do what was asked; the message is a sentence with the way out.

    Nothing that was saved before is lost, and nothing of the failed action is half saved.
    """


class OriginalMissing(LibraryError, FileNotFoundError):
    """The bytes of an image are not where they were put."""


@dataclass(frozen=True)
class Provenance:
    """Where an image came from; it stays with the image through to the export."""

    # ``folder:NAME``, ``upload``, ``archive:NAME``, ``url``, ``api``, ``import:coco``, ``demo``, ``picture:ID`` (cut
    # out of that group picture) ...
    source: str
    name: str = ""  # path or file name as it came
    url: str = ""
    page: str = ""  # address of the page that showed the image at ``url``
    licence: str = ""
    author: str = ""
    uploader: str = ""
    added_at: str = ""  # UTC, ISO 8601 with seconds; filled in by the library when empty


@dataclass(frozen=True)
class Original:
    """A file that proved to be a picture."""

    id: str  # SHA-256 of ``data``, hexadecimal
    data: bytes
    format: str  # Pillow's name, such as ``JPEG``
    # width, height: upright size in pixels.
    width: int
    height: int
    # SHA-256 of the upright sRGB pixels and their shape: the same for equal pixels in other bytes.
    pixel_hash: str


@dataclass(frozen=True)
class Picture:
    """What the library knows of the file of an image without reading it; see `Original`."""

    format: str
    width: int
    height: int
    pixel_hash: str


@dataclass(frozen=True)
class Measurements:
    """Raw readings of one face, never thresholded; ``None`` where one does not apply.

    Names follow OFIQ's vocabulary (ISO/IEC 29794-5) where it has one.
    """

    faces: int | None = None  # seen in the picture, tiles included; the largest is measured
    eye_distance_px: float | None = None  # between the eye centres, in the source's pixels
    # yaw, pitch, roll: degrees, from a second look at a centred crop; signs as in `curation.pose.HeadPose`.
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    roll_aligned: float | None = None  # degrees of roll that alignment leaves
    sharpness: float | None = None  # on the face at a fixed eye distance; higher is sharper
    brightness: float | None = None  # mean luma of the face, 0 to 1
    dynamic_range: float | None = None  # 99th minus 1st percentile of the face's luma, 0 to 1
    # Illumination that is uneven, left against right and locally: 0 even, 1 worst.
    shadow: float | None = None
    # How much darker the face is lit than what lies behind it, whatever the skin, 0 to 1.
    backlight: float | None = None
    # Distance of the face's colour from that of skin under white light, 0 and up.
    colour_cast: float | None = None
    # eyes_open, mouth_open: 0 closed, 1 wide open; of the eyes the more closed one counts.
    eyes_open: float | None = None
    mouth_open: float | None = None
    # covered, head_covered: probability that something covers the face (dark glasses, hand, mask, hair), or the head.
    covered: float | None = None
    head_covered: float | None = None
    # padding, stretch: see `curation.align.Alignment`.
    padding: float | None = None
    stretch: float | None = None
    # width, height: upright size of the source in pixels.
    width: int | None = None
    height: int | None = None
    frame: float | None = None  # part of the picture that is a border of one colour around it, 0 to 1
    # How much colours differ within the face, whatever one tint lies over all of it: 0 for greyscale.
    chroma: float | None = None
    drawn: float | None = None  # probability that the face is drawn or painted, not photographed
    # How sure the detector is of a face where no landmarks fit one (most of it is covered), 0 to 1.
    hidden: float | None = None


MEASUREMENT_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Measurements))


@dataclass(frozen=True)
class Examination:
    """What the machine found out about one image; its pictures lie in the library's folders."""

    image_id: str
    status: str  # ``ok``, ``no_face``, ``unreadable``, ``timeout`` or ``crashed``
    detail: str = ""
    # Compact JSON of all that decides the result, beside the image: it is made anew where this differs.
    versions: str = ""
    measurements: Measurements = Measurements()
    # Image-left eye, image-right eye and mouth centre, in the upright source's pixels.
    anchors: tuple[tuple[float, float], ...] = ()
    landmarks: bytes = b""  # (478, 2) float16 in the 512 px frame, as bytes
    # phash, phash_mirror: 32 bytes each: perceptual hash of the aligned crop and of its mirror image.
    phash: bytes = b""
    phash_mirror: bytes = b""
    embedding: bytes = b""  # (1280,) float16 of the aligned crop, as bytes


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that show the same picture."""

    kind: str  # ``bytes``, ``pixels`` or ``near``: the loosest likeness in the group
    best: str  # id of the member that is proposed to stay
    members: tuple[str, ...]  # ids, ``best`` among them


class DuplicateInputs(NamedTuple):
    """What the search for duplicates needs of every examined image, oldest first, as parallel lists."""

    ids: list[str]
    pixel_hashes: list[str]
    # phashes, mirrors: 32 bytes each, or none where there is no face.
    phashes: list[bytes]
    mirrors: list[bytes]


@dataclass(frozen=True)
class Decision:
    """One entry of an image's history."""

    action: int  # number of the action; later ones are larger
    kind: str  # ``decide``, or ``undo`` and ``redo`` of the action ``target``, whose content the rest repeats
    reviewer: str
    made_at: str
    # ``keep``, ``reject``, ``unsure``, ``""`` (withdrawn) or ``None`` (only labels changed).
    decision: str | None
    added_labels: tuple[str, ...] = ()
    removed_labels: tuple[str, ...] = ()
    settles: bool = False  # whether it settles a dispute
    undone: bool = False  # whether it no longer counts
    target: int | None = None


@dataclass(frozen=True)
class LoggedDecision:
    """One line of everything that was decided, about one image."""

    made_at: str
    reviewer: str
    # kind, decision, settles: as in `Decision`.
    kind: str
    image_id: str
    decision: str | None
    labels: tuple[str, ...] = ()  # what was added (``+smiling``) and removed (``-glasses``)
    settles: bool = False


@dataclass(frozen=True)
class Disagreement:
    """An image on which reviewers differ and which nobody has settled."""

    image_id: str
    opinions: tuple[tuple[str, str, str], ...]  # reviewer, decision, time


def clean_reviewer(name: str) -> str:
    """Strip the blanks around a reviewer's name.

    Raises
    ------
    ValueError
        If nothing is left, or it is longer than 60 characters or holds unprintable ones.
    """
    clean = _one_line(name)
    if not clean:
        raise ValueError("a decision needs the reviewer's name, got an empty one")
    if len(clean) > MAX_REVIEWER or not clean.isprintable():
        raise ValueError(f"a reviewer's name has at most {MAX_REVIEWER} printable characters, got {name!r}")
    return clean


def clean_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Write labels in small letters and single blanks, each once, in alphabetical order.

    Raises
    ------
    ValueError
        If one is empty, longer than 40 characters, or holds unprintable ones.
    """
    if isinstance(labels, str):
        raise ValueError(f"expected a list of labels, got the text {labels!r}")
    clean = {_one_line(label).casefold() for label in labels}
    for label in clean:
        if not label or len(label) > MAX_LABEL or not label.isprintable():
            raise ValueError(f"a label has 1 to {MAX_LABEL} printable characters, got {label!r}")
    return tuple(sorted(clean))


def check_version_name(name: str) -> str:
    """Give a version's name in whole characters (NFC), if it can be a folder's name everywhere.

    Raises
    ------
    ValueError
        If it cannot.
    """
    name = normal_name(name)
    is_short = len(name) <= MAX_VERSION and len(name.encode("utf-8", "replace")) <= MAX_VERSION_BYTES
    if not (name[:1].isalnum() and is_short and all(_is_plain(c) for c in name)) or (
        name.endswith(".") or _RESERVED.fullmatch(name)
    ):
        raise ValueError(
            "a version's name starts with a letter or digit of any script and has at most "
            f"{MAX_VERSION} letters, digits, dots, dashes and underscores, got {name!r}"
        )
    return name


def _is_plain(character: str) -> bool:
    return character in "._-" or unicodedata.category(character)[0] in "LMN"  # Thai vowels are marks


def _one_line(text: str) -> str:
    return " ".join(normal_name(text).split())
