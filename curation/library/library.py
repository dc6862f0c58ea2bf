"""Open a library of images: the one object that pages and commands use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import pandas as pd
from sqlalchemy import Connection

from core.config import settings
from curation.library import decisions, deletion, images
from curation.library import examinations as measured
from curation.library import versions as frozen
from curation.library.database import BUSY_TIMEOUT_S, Database, Write, chunks
from curation.library.dump import Snapshot
from curation.library.files import LibraryFiles
from curation.library.records import Examination, LoggedDecision, Original, Provenance
from curation.library.table import TableCache
from curation.library.versions import Member, Version
from curation.rules import Rules

if TYPE_CHECKING:
    from curation.export.removal import Traces

FILE = "library.sqlite"  # in the library's folder, where no other database is named

P = ParamSpec("P")
R = TypeVar("R")


def _reading(function: Callable[Concatenate[Connection, P], R]) -> Callable[Concatenate[Library, P], R]:
    """Make a method that calls a function in a transaction which sees one state of the database."""

    @wraps(function)
    def method(self: Library, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._database.read() as connection:
            return function(connection, *args, **kwargs)

    return method


def _writing(function: Callable[Concatenate[Write, P], R]) -> Callable[Concatenate[Library, P], R]:
    """Make a method that calls a function in a transaction of its own: all of it is saved, or nothing."""

    @wraps(function)
    def method(self: Library, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._database.write() as write:
            return function(write, *args, **kwargs)

    return method


class Library:
    """One folder of pictures and the database that belongs to it.

    Any number of processes and threads may use the same library at once. Every method raises
    `LibraryError`, with a sentence, where the disk or the database fails; nothing is half saved then.

    Attributes
    ----------
    root
        The folder.
    address
        Address of the database; with ``root`` all that another process needs to open it.
    files
        The pictures on disk.
    """

    def __init__(self, root: Path, address: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.root = root
        self.address = address
        self.files = LibraryFiles(root)
        self._database = Database(address, busy_timeout_s=busy_timeout_s)
        self._cache = TableCache(self._database)

    @classmethod
    def open(
        cls, root: Path | None = None, url: str | None = None, *, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> Self:
        """Open a library; made if it is not there, brought up to date if it is older.

        Parameters
        ----------
        root
            Its folder; by default ``library`` in the data folder.
        url
            Address of its database; by default STUDIO_DATABASE, else an SQLite file in ``root``.
        busy_timeout_s
            How long a write waits for that of another process.
        """
        configured = settings()
        folder = Path(root or configured.data / "library").resolve()
        named = url or (configured.database.get_secret_value() if configured.database else None)
        library = cls(folder, named or f"sqlite:///{folder / FILE}", busy_timeout_s=busy_timeout_s)
        try:
            library._finish_what_was_begun()
        except BaseException:
            library.close()
            raise
        return library

    def _finish_what_was_begun(self) -> None:
        deletion.finish(self._database, self.files, self._remove_made)
        defaults = Rules.default()
        with self._database.read() as connection:
            stale = measured.has_old_defaults(connection, defaults.to_yaml())
        if stale:
            with self._database.write() as write:
                if measured.has_old_defaults(write.connection, defaults.to_yaml()):
                    measured.set_rules(write, defaults, measured.DEFAULTS)

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def table(self) -> pd.DataFrame:
        """Give one row per image, oldest first; shared, so not to be changed."""
        return self._cache.table()[1]

    def counts(self) -> dict[str, Any]:
        """Count images by state, verdict, rule, source, label and reviewer: numbers for the head of a page."""
        return self._cache.counts()

    def revision(self) -> int:
        """Give the number of the last write to the library: whatever was derived from an older one is stale."""
        return self._database.count()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Hold the database as it is now for a backup, whoever writes meanwhile."""
        with self._database.read() as connection:
            yield Snapshot(connection)

    # Images and where they come from
    def add(self, original: Original, provenance: Provenance) -> str:
        """Keep a picture: ``new``, ``known`` (its provenance is noted), or ``deleted`` for good before."""
        return self.add_many([(original, provenance)])[0]

    def add_many(self, arrivals: Sequence[tuple[Original, Provenance]]) -> list[str]:
        """Keep several pictures in one transaction, which is quicker; all or none are noted."""
        return images.add(self._database, self.files, arrivals)

    def read_original(self, image_id: str) -> bytes:
        """Read the bytes as they came; `OriginalMissing` if they are gone."""
        return self.files.read_original(image_id)

    def provenance(self, image_id: str) -> tuple[Provenance, ...]:
        """Tell where one image came from, oldest first."""
        return self.provenances([image_id]).get(image_id, ())

    provenances = _reading(images.provenances)
    pictures = _reading(images.pictures)
    find_ids = _reading(images.find_ids)
    known_sources = _reading(images.known_sources)
    note_source_files = _writing(images.note_source_files)

    # What was measured of them, and the rules
    def save_examinations(self, found: Sequence[Examination]) -> None:
        """Keep examinations and judge these images, in one short transaction."""
        with self._database.write() as write:
            measured.judge(write, measured.save(write, found))
            gone = images.buried(write.connection, (one.image_id for one in found))
        for image_id in gone:  # deleted for good while it was examined: its new pictures go, too
            self.files.remove(image_id)

    def examination(self, image_id: str) -> Examination | None:
        """Read the newest examination of one image."""
        return self.examinations([image_id]).get(image_id)

    examinations = _reading(measured.get)
    pending = _reading(measured.pending)
    embeddings = _reading(measured.embeddings)
    duplicate_inputs = _reading(measured.duplicate_inputs)
    best_copies = _reading(measured.best_copies)
    save_duplicates = _writing(measured.save_duplicates)
    save_proposals = _writing(measured.save_proposals)
    rules = _reading(measured.current_rules)
    set_rules = _writing(measured.set_rules)
    correct_alignment = _writing(measured.correct_alignment)
    alignment_of = _reading(measured.alignment_of)
    corrections = _reading(measured.corrections)

    # What people decide
    decide = _writing(decisions.decide)
    decide_each = _writing(decisions.decide_each)
    undo = _writing(decisions.undo)
    redo = _writing(decisions.redo)
    history = _reading(decisions.history)

    def decision_log(self) -> Iterator[LoggedDecision]:
        """Yield every decision about every image, undone ones and undoing included, oldest first."""
        with self._database.read() as connection:
            yield from decisions.log(connection)

    opinions_of = _reading(decisions.opinions_of)
    labels_of = _reading(decisions.labels_of)
    disagreements = _reading(decisions.disagreements)
    agreement = _reading(decisions.agreement)
    lease = _writing(decisions.lease)
    release = _writing(decisions.release)

    # Versions, and deletion for good
    versions = _reading(frozen.listed)
    version = _reading(frozen.get)
    restore = _writing(frozen.restore)

    def freeze(self, name: str, *, who: str, note: str = "", trust_rules: bool = True) -> Version:
        """Freeze what is kept now, with all that is known of it, as a dataset version.

        Parameters
        ----------
        trust_rules
            Keep what the rules keep and nobody has decided; else only what a person keeps. Each member
            says who kept it.

        Raises
        ------
        ValueError
            If the name is taken, or cannot be a folder's name everywhere.
        """
        return frozen.freeze(self._database, name, who=who, note=note, trust_rules=trust_rules)

    def members(self, name: str, ids: Sequence[str] | None = None) -> Iterator[Member]:
        """Read what a version froze of each image that is still there, in order of id, a few at a time."""
        wanted = self.version(name).ids if ids is None else tuple(ids)
        for some in chunks(wanted):  # no transaction stays open while an export works
            with self._database.read() as connection:
                found = frozen.members(connection, name, some)
            yield from found

    def delete_for_good(self, ids: Iterable[str], *, who: str, why: str) -> Traces:
        """Delete images with all that was made and noted of them, and never take them in again.

        Their hashes stay, as tombstones and in the lists of versions. Exports in the library's own folder
        are made anew without them, or withdrawn where that cannot be; comparisons lose their pictures.

        Returns
        -------
        traces
            What still holds something of them: nobody but a person can remove it.
        """
        from curation.export.removal import traces_of

        deleted = deletion.delete_for_good(
            self._database, self.files, ids, who=who, why=why, remove_made=self._remove_made
        )
        return traces_of(self, deleted)

    def _remove_made(self, ids: Collection[str]) -> None:
        from curation.export.removal import (  # builds on this module
            remove_from_comparisons,
            remove_from_exports,
        )

        remove_from_comparisons(self, ids)
        remove_from_exports(self, ids)
