"""Keep the library's pictures on disk, found by the id of their image.

Kept free of heavy imports: every worker loads it.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from core.atomic_files import write_atomically
from curation.library.records import LibraryError, Original, OriginalMissing

_IS_ID = re.compile(r"[0-9a-f]{64}")


class LibraryFiles:
    """Where the pictures lie: ``originals/ab/ID``, ``crops/ab/ID.png``, ``sketches/...``, ``thumbs/....jpg``,
    ``identities/ab/ID``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def original(self, image_id: str) -> Path:
        """Find the file as it came."""
        return self._place("originals", image_id, "")

    def crop(self, image_id: str) -> Path:
        """Find the aligned photo, 512 px."""
        return self._place("crops", image_id, ".png")

    def sketch(self, image_id: str) -> Path:
        """Find the sketch of the aligned photo."""
        return self._place("sketches", image_id, ".png")

    def thumb(self, image_id: str) -> Path:
        """Find the thumbnail: 128 px of the crop, or of the whole picture where there is no face."""
        return self._place("thumbs", image_id, ".jpg")

    def identity(self, image_id: str) -> Path:
        """Find what tells the face's person apart; see `curation.export.people`."""
        return self._place("identities", image_id, "")

    @property
    def exports(self) -> Path:
        """Name the folder for exported datasets."""
        return self.root / "exports"

    @property
    def jobs(self) -> Path:
        """Name the folder of background jobs."""
        return self.root / "jobs"

    def put_original(self, original: Original) -> None:
        """Keep the bytes; whoever returns from here finds them after a power cut too.

        Doing it twice changes nothing. A file that is there but damaged is put right.

        Raises
        ------
        ValueError
            If ``original.id`` is not the SHA-256 of its bytes.
        LibraryError
            If they cannot be written; nothing of them is left then.
        """
        if hashlib.sha256(original.data).hexdigest() != original.id:
            raise ValueError(f"image {original.id} does not carry the SHA-256 of its bytes")
        place = self.original(original.id)
        try:
            if _holds(place, original.data):
                return
            make_folder(place.parent)
            write_atomically(place, original.data)
            sync_folder(place.parent)
        except OSError as error:
            raise LibraryError(
                f"The picture cannot be kept in {place.parent}: {error.strerror}. Nothing of it was saved."
            ) from error

    def read_original(self, image_id: str) -> bytes:
        """Read the bytes as they came, proved by their hash.

        Raises
        ------
        OriginalMissing
            If the file is gone.
        LibraryError
            If it cannot be read or is damaged.
        """
        place = self.original(image_id)
        try:
            data = place.read_bytes()
        except FileNotFoundError as error:
            raise OriginalMissing(
                f"The original of image {image_id[:12]} is gone: {place} is missing. "
                "Its decisions are kept; add the same file again to put it back."
            ) from error
        except OSError as error:
            raise LibraryError(f"The original {place} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(data).hexdigest() != image_id:
            raise LibraryError(f"The original {place} is damaged. Add the same file again to put it right.")
        return data

    def remove(self, image_id: str) -> None:
        """Delete all pictures of an image, and what killed writers left of them.

        Raises
        ------
        LibraryError
            If one of them cannot be deleted.
        """
        for place in (self.original, self.crop, self.sketch, self.thumb, self.identity):
            path = place(image_id)
            try:
                path.unlink(missing_ok=True)
                for unfinished in path.parent.glob(f".{path.name}.*"):
                    unfinished.unlink(missing_ok=True)
                if path.parent.is_dir():
                    sync_folder(path.parent)
            except OSError as error:
                raise LibraryError(f"{path} cannot be deleted: {error.strerror}.") from error

    def _place(self, kind: str, image_id: str, suffix: str) -> Path:
        if not _IS_ID.fullmatch(image_id):  # else an id from outside could name any file
            raise ValueError(f"expected an image id of 64 hexadecimal digits, got {image_id!r}")
        return self.root / kind / image_id[:2] / f"{image_id}{suffix}"


def make_folder(folder: Path) -> None:
    """Make a folder so that it outlives a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    sync_folder(folder.parent)


def _holds(place: Path, data: bytes) -> bool:
    try:
        return place.stat().st_size == len(data) and place.read_bytes() == data
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
