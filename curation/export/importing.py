"""Read an export back into a library: the same version, with its images as far as an export holds them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UnsafeImage
from core.face_frame import FRAME
from core.image_child import decode_in_child
from core.images import read_photo
from core.safe_zip import ZipEntry, check_entry, list_entries, unpack
from core.untrusted_files import read_regular_file
from curation.analysis.pictures import has_pictures, write_face
from curation.export.dataset import FORMAT
from curation.export.pictures import has_face
from curation.export.publish import VERSION_FILE, ExportError
from curation.export.summary import MEMBERS_FILE
from curation.library.versions import Member, Version
from curation.manifest import MANIFEST

if TYPE_CHECKING:
    from curation.library.library import Library

MAX_PICTURE_BYTES = 10_000_000
MAX_TEXT_BYTES = 2_000_000_000
MAX_ENTRIES = 5_000_000
MAX_RATIO = 200.0  # of the texts; pictures are packed already
_MAX_PIXELS = FRAME * FRAME


_Read = Callable[[str, int], bytes]  # a file by its path below the export, of so many bytes at most


def import_export(
    library: Library, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> Version:
    """Enter the version of an export, its images, decisions and labels.

    An export holds no originals, so what needs them (a new alignment, a new examination) must wait until
    they are added; everything else works. A second import changes nothing, and one that was killed is
    completed. Images that were deleted for good from this library stay away.

    Parameters
    ----------
    folder
        What `curation.export.dataset.export_version` wrote, of either kind: the folder or its zip.
    progress
        Called with images done and images in all.

    Raises
    ------
    ExportError
        If it is no export, or a file of it is missing, damaged or changed.
    ValueError
        If another version has its name in this library.
    LibraryError
        If the library cannot be written to.
    """
    with _open(folder) as read:
        about = _read_version(read)
        members = _read_members(read)
        rows = _read_rows(read)
        frozen = Version(
            name=about["name"],
            created=about["created"],
            who=about["who"],
            note=about["note"],
            hash=about["hash"],
            ids=tuple(member.image_id for member in members),
            rules_text=about["rules"],
            rejected=dict(about["rejected"]),
        )
        if about["removed"]:
            raise ExportError(
                f"{len(about['removed'])} images of version {frozen.name} were deleted for good before the "
                "export, so it cannot be proved complete. Freeze a new version there and export that."
            )
        with _read_errors(folder):
            pairs = {row["sha256"]: row for row in rows if row["photo"]}
            for member in members:  # all is looked at before anything is entered
                if has_face(member) and member.image_id not in pairs:
                    raise ValueError(f"the manifest lacks image {member.image_id[:12]}")
        version = library.restore(frozen, members)
        for done, image_id in enumerate(version.ids, start=1):
            if image_id in pairs and not has_pictures(library.files, image_id, "ok"):
                with _read_errors(folder):
                    photo, sketch = _read_pair(read, pairs[image_id])
                write_face(library.files, image_id, photo, sketch)
            if progress:
                progress(done, len(version.ids))
    return version


@contextmanager
def _open(place: Path) -> Iterator[_Read]:
    if place.is_dir():
        yield partial(_read_from_folder, place.resolve())
        return
    with ExitStack() as opened:
        with _read_errors(place):
            file = opened.enter_context(place.open("rb"))
            entries = {entry.name: entry for entry in list_entries(file, max_entries=MAX_ENTRIES)}
            archive = opened.enter_context(zipfile.ZipFile(file))
        first = next((n for n in entries if n.endswith(f"/{VERSION_FILE}") or n == VERSION_FILE), "")
        top = first.removesuffix(VERSION_FILE)
        yield lambda name, limit: _read_from_zip(archive, entries[f"{top}{name}"], limit)


def _read_from_folder(folder: Path, place: str, limit: int) -> bytes:
    path = (folder / place).resolve()
    if not path.is_relative_to(folder) or path.stat().st_size > limit:
        raise ValueError(f"{place} lies outside or is too large")
    return read_regular_file(path, limit)


def _read_from_zip(archive: zipfile.ZipFile, entry: ZipEntry, limit: int) -> bytes:
    check_entry(entry)
    return unpack(
        archive, entry.info, max_bytes=limit, max_ratio=MAX_RATIO, ratio_from_bytes=MAX_PICTURE_BYTES
    )


@contextmanager
def _read_errors(place: Path) -> Iterator[None]:
    """Turn what an incomplete or foreign folder causes into a sentence."""
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError,
            zipfile.BadZipFile, NotImplementedError) as error:  # fmt: skip
        what = f"{error.strerror} ({error.filename})" if isinstance(error, OSError) else str(error)
        raise ExportError(
            f"{place} is no whole export, so nothing of it can be taken: {what}. Copy the export again."
        ) from error


def _read_version(read: _Read) -> Mapping[str, Any]:
    with _read_errors(Path(VERSION_FILE)):
        about = json.loads(read(VERSION_FILE, MAX_TEXT_BYTES))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}, and this program reads {FORMAT}")
        texts = [about[name] for name in ("name", "created", "who", "note", "hash", "rules")]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a name, time or note in it is no text")
        dict(about["rejected"]), list(about["removed"])
    return about


def _read_members(read: _Read) -> list[Member]:
    with _read_errors(Path(MEMBERS_FILE)):
        text = read(MEMBERS_FILE, MAX_TEXT_BYTES).decode()
        return [Member.from_json(line) for line in text.split("\n") if line]


def _read_rows(read: _Read) -> list[dict[str, Any]]:
    with _read_errors(Path(MANIFEST)):
        text = read(MANIFEST, MAX_TEXT_BYTES).decode()
        wanted = ("sha256", "photo", "sketch", "photo_sha256", "sketch_sha256")
        rows = (json.loads(line) for line in text.split("\n") if line)
        return [{name: row[name] for name in wanted} for row in rows]


def _read_pair(read: _Read, row: Mapping[str, Any]) -> tuple[Any, Any]:
    """Photo (512, 512, 3) and sketch (512, 512) uint8."""
    pictures = []
    for name in ("photo", "sketch"):
        data = read(row[name], MAX_PICTURE_BYTES)
        if hashlib.sha256(data).hexdigest() != row[f"{name}_sha256"]:
            raise ValueError(f"{row[name]} was changed")
        try:
            picture = decode_in_child(partial(read_photo, max_pixels=_MAX_PIXELS), data)
        except UnsafeImage as error:
            raise ValueError(f"{row[name]}: {error}") from error
        if picture.shape != (FRAME, FRAME, 3):
            raise ValueError(f"{row[name]} is not {FRAME} x {FRAME} pixels large")
        pictures.append(picture)
    return pictures[0], pictures[1][:, :, 0].copy()
