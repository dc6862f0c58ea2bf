"""Keep the output folder of a curation run: its pairs, and a manifest of one JSON object a source file.

``manifest.jsonl`` is also the run's journal. A record is appended, whole and at once, after the files
that it speaks of are in place; so a killed run leaves at most one broken last line, which the next run
cuts off. Of two records of one source the later one counts. A finished run leaves the file sorted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.atomic_files import replacing, write_atomically
from core.processes.lock import hold
from curation.png_files import PNG_END, ends_with

MANIFEST = "manifest.jsonl"
LOCK = ".lock"
PHOTOS, SKETCHES = "photos", "sketches"
OWNER = ".source"  # which source folder the pairs come from

REASONS: Mapping[str, str] = {
    "unreadable": "The file cannot be read as a picture.",
    "no_face": "No face was found.",
    "yaw_over_limit": "The head is turned too far to the side.",
    "stretch_over_limit": "Bringing eyes and mouth to the template would stretch the face too much.",
    "timeout": "The file took too long.",
    "crashed": "The file made the worker process fail, twice.",
}


@dataclass(frozen=True)
class Reason:
    """Why a file was left out: a code of `REASONS` and a sentence for people."""

    code: str
    sentence: str

    @classmethod
    def of(cls, code: str, detail: str = "") -> Reason:
        return cls(code, f"{REASONS[code]} {detail}".rstrip())


@dataclass(frozen=True)
class Record:
    """What became of one source file."""

    name: str  # stem of its photo and sketch
    source: str  # path below the source folder
    sha256: str  # of the source file; empty where it could not be read
    status: str  # ``"kept"`` or ``"left_out"``
    reason: Reason | None
    # yaw, pitch, roll: degrees; see `curation.pose.HeadPose`.
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    # How many faces were seen (`curation.prepare.MAX_FACES` at most); the largest is used.
    faces: int | None = None
    # stretch, padding: see `curation.align.Alignment`.
    stretch: float | None = None
    padding: float | None = None
    eye_distance_px: float | None = None  # between the eye centres, in the source photo
    landmarks: list[list[float]] | None = None  # 478 rows of x, y, z in the aligned 512 px frame
    # What made it: a record made by other versions or limits is made anew.
    versions: Mapping[str, Any] | None = None

    @property
    def code(self) -> str:
        """Give the code of the reason why it was left out; empty if it was kept."""
        return self.reason.code if self.reason else ""

    def line(self) -> bytes:
        """Write the record as one line of the manifest."""
        fields = vars(self) | {"reason": vars(self.reason) if self.reason else None}
        return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode() + b"\n"


class Manifest:
    """``manifest.jsonl`` of a folder, open for appending. Use under `lock_folder` and as a context.

    Attributes
    ----------
    records
        The latest record of each source, without its landmarks, which stay on disk.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MANIFEST
        self._places: dict[str, tuple[int, int]] = {}  # offset and length of each source's record
        self._end = 0
        self.records: dict[str, Record] = {}
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with os.fdopen(os.dup(self._fd), "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):  # a killed run did not finish it
                    break
                record = _read(line)
                if record is not None:  # else it is damaged, and its file is done again
                    self._enter(record, len(line))
                self._end += len(line)
        os.ftruncate(self._fd, self._end)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def append(self, record: Record) -> None:
        """Add one record; it is in the file, whole, when this returns.

        Raises
        ------
        OSError
            If the disk is full; the manifest is then as it was before.
        """
        line = record.line()
        try:
            written = os.write(self._fd, line)
            if written < len(line):  # the disk is nearly full: this write says so
                os.write(self._fd, line[written:])
        except OSError:
            os.ftruncate(self._fd, self._end)
            raise
        self._enter(replace(record, landmarks=None), len(line))
        self._end += len(line)

    def finish(self, sources: set[str]) -> None:
        """Sort by name, keep the latest record of each of ``sources``, and drop all else."""
        ordered = sorted(sources, key=lambda source: self.records[source].name)
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            for source in ordered:
                offset, length = self._places[source]
                file.write(os.pread(self._fd, length, offset))

    def _enter(self, record: Record, length: int) -> None:
        self.records[record.source] = record
        self._places[record.source] = (self._end, length)


def _read(line: bytes) -> Record | None:
    try:
        fields = json.loads(line) | {"landmarks": None}
        reason = Reason(**fields["reason"]) if fields["reason"] else None
        return Record(**fields | {"reason": reason})
    except (ValueError, KeyError, TypeError):
        return None


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other runs out of ``folder``; the lock ends with the process, however it ends.

    Raises
    ------
    core.processes.lock.Held
        If another run has it.
    """
    path = folder / LOCK
    owner = path.read_text(errors="replace").strip() if path.is_file() else ""
    sentence = (
        f"Another run (process {owner or 'unknown'}) is writing into {folder}. "
        "Wait until it has ended, or choose another folder with --out."
    )
    with hold(path, sentence):
        with suppress(OSError):  # the number is a courtesy: a full disk must not forbid the lock
            path.write_text(f"{os.getpid()}\n")
        yield


def check_folders(source: Path, out: Path) -> None:
    """Refuse folders that cannot be a run's input and output.

    Raises
    ------
    ValueError
        If ``source`` is no folder, ``out`` is a file, or they are the same.
    """
    if not source.is_dir():
        raise ValueError(f"{source} is no folder. Name the folder that holds the photos.")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, and a folder is needed for the pairs. Choose another --out.")
    if out.resolve() == source.resolve():
        raise ValueError(f"{out} cannot be both input and output. Choose another --out.")


def claim(out: Path, source: Path) -> None:
    """Note which source folder the pairs come from; files that it no longer holds lose their pair.

    Raises
    ------
    ValueError
        If ``out`` belongs to another source folder.
    """
    owner, name = out / OWNER, os.fsencode(source.resolve())
    if not owner.exists():
        write_atomically(owner, name + b"\n")
    elif (known := owner.read_bytes().rstrip(b"\n")) != name:
        raise ValueError(
            f"{out} holds pairs made from {os.fsdecode(known)}. Choose another folder with --out, "
            f"or, if that folder has moved to {source}, delete {owner} and start again."
        )


def make_folders(out: Path) -> None:
    """Make what is missing of ``out``."""
    for folder in (PHOTOS, SKETCHES):
        (out / folder).mkdir(parents=True, exist_ok=True)


def remove_unfinished(out: Path) -> None:
    """Delete the temporary files that a killed run left."""
    for folder in (out, out / PHOTOS, out / SKETCHES):
        for file in folder.glob(".*.png.*" if folder != out else ".manifest.jsonl.*"):
            file.unlink(missing_ok=True)


def write_pair(out: Path, name: str, photo_png: bytes, sketch_png: bytes) -> None:
    """Put a pair in place, each file at once. Not synced to the disk: see `has_pair`."""
    write_atomically(out / PHOTOS / f"{name}.png", photo_png, durable=False)
    write_atomically(out / SKETCHES / f"{name}.png", sketch_png, durable=False)


def has_pair(out: Path, name: str) -> bool:
    """Tell whether both files are there to their last byte, which after a power cut they may not be."""
    return all(ends_with(out / folder / f"{name}.png", PNG_END) for folder in (PHOTOS, SKETCHES))


def remove_pair(out: Path, name: str) -> None:
    """Delete a pair, if it is there."""
    for folder in (PHOTOS, SKETCHES):
        (out / folder / f"{name}.png").unlink(missing_ok=True)
