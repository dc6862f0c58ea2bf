"""Open a library of images: the one object that pages and commands use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from core.config import settings
from curation.library import copies, deletion, examinations, images, restoring, versions
from curation.library.base import LibraryBase
from curation.library.database import BUSY_TIMEOUT_S, chunks
from curation.library.decisions import Reviews
from curation.library.images import Member
from curation.library.names import clean_reviewer
from curation.library.records import (
    DuplicateGroup,
    DuplicateInputs,
    Examination,
    Original,
    Picture,
    Provenance,
)
from curation.library.versions import Version
from curation.rules import Rules

if TYPE_CHECKING:
    from curation.export.made_of_exports import Traces


class Holdings(LibraryBase):
    """Part of `curation.library.library.Library`: images, examinations, rules."""

    def add(self, original: Original, provenance: Provenance) -> str:
        """Keep a picture: ``new``, ``known`` (its provenance is noted), or ``deleted`` for good before."""
        return self.add_many([(original, provenance)])[0]

    def add_many(self, arrivals: Sequence[tuple[Original, Provenance]]) -> list[str]:
        """The same for several pictures in one transaction, which is quicker; all or none are noted."""
        return images.add(self._database, self.files, arrivals)

    def read_original(self, image_id: str) -> bytes:
        """The bytes as they came; `OriginalMissing` if they are gone."""
        return self.files.read_original(image_id)

    def provenances(self, ids: Iterable[str]) -> dict[str, tuple[Provenance, ...]]:
        """Where each image came from, oldest first."""
        with self._database.read() as connection:
            return images.provenances(connection, ids)

    def provenance(self, image_id: str) -> tuple[Provenance, ...]:
        """Where one image came from, oldest first."""
        return self.provenances([image_id]).get(image_id, ())

    def pictures(self, ids: Iterable[str]) -> dict[str, Picture]:
        """Format, size and pixel hash of each image."""
        with self._database.read() as connection:
            return images.pictures(connection, ids)

    def find_ids(self, beginnings: Iterable[str]) -> list[str]:
        """Ids of images by their beginnings.

        Raises
        ------
        ValueError
            If one of them begins no id, or several.
        """
        with self._database.read() as connection:
            return images.find_ids(connection, beginnings)

    def known_sources(self, source: str) -> dict[str, str]:
        """What `note_source_files` noted of each file of a source."""
        with self._database.read() as connection:
            return images.known_sources(connection, source)

    def note_source_files(self, source: str, marks: Mapping[str, str]) -> None:
        """Note how each file of a source looked (any text), so that the next run may pass over it."""
        with self._database.write() as write:
            images.note_source_files(write, source, marks)

    def pending(self, versions: str) -> list[str]:
        """Ids to examine, oldest first: not done by these versions, or realigned by hand since."""
        with self._database.read() as connection:
            return examinations.pending(connection, versions)

    def save_examinations(self, found: Sequence[Examination]) -> None:
        """Keep examinations and judge these images, in one short transaction."""
        with self._database.write() as write:
            examinations.judge(write, examinations.save(write, found))
            gone = images.buried(write.connection, (one.image_id for one in found))
        for image_id in gone:  # deleted for good while it was examined: its new pictures go, too
            self.files.remove(image_id)

    def examinations(self, ids: Iterable[str]) -> dict[str, Examination]:
        """Newest examination of each image that has one."""
        with self._database.read() as connection:
            return examinations.get(connection, ids)

    def examination(self, image_id: str) -> Examination | None:
        """Newest examination of one image."""
        return self.examinations([image_id]).get(image_id)

    def embeddings(self, ids: Sequence[str]) -> np.ndarray:
        """(N, 1280) float16 in the order of ``ids``; NaN where an image has none."""
        with self._database.read() as connection:
            return examinations.embeddings(connection, ids)

    def duplicate_inputs(self) -> DuplicateInputs:
        """What the search for duplicates needs, of every examined image, oldest first."""
        with self._database.read() as connection:
            return examinations.duplicate_inputs(connection)

    def best_copies(self, groups: Iterable[DuplicateGroup]) -> list[DuplicateGroup]:
        """The same groups, led by the copy that `curation.library.copies.best_copy` prefers."""
        groups = list(groups)
        with self._database.read() as connection:
            known = copies.copies(connection, (one for group in groups for one in group.members))
        return [copies.lead_by_best(group, known) for group in groups]

    def save_duplicates(self, groups: Iterable[DuplicateGroup]) -> None:
        """Replace all groups of duplicates and judge the images whose place changed."""
        with self._database.write() as write:
            examinations.judge(write, examinations.save_duplicates(write, groups))

    def save_proposals(self, proposals: Mapping[str, tuple[float, float]], model: str) -> None:
        """Keep ``{id: (probability of keep, confidence)}``."""
        with self._database.write() as write:
            examinations.save_proposals(write, proposals, model)

    def rules(self) -> Rules:
        """The rules in force."""
        with self._database.read() as connection:
            return examinations.current_rules(connection)

    def set_rules(self, rules: Rules, who: str) -> int:
        """Put rules in force, judge every image anew from its readings; how many verdicts changed."""
        with self._database.write() as write:
            return examinations.set_rules(write, rules, clean_reviewer(who))


class Library(Holdings, Reviews):
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
        library = cls(
            folder, named or f"sqlite:///{folder / 'library.sqlite'}", busy_timeout_s=busy_timeout_s
        )
        try:
            library._finish_what_was_begun()
        except BaseException:
            library.close()
            raise
        return library

    def _finish_what_was_begun(self) -> None:
        deletion.finish(self._database, self.files, self._take_out)
        defaults = Rules.default()
        with self._database.read() as connection:
            stale = examinations.has_old_defaults(connection, defaults.to_yaml())
        if stale:
            with self._database.write() as write:
                if examinations.has_old_defaults(write.connection, defaults.to_yaml()):
                    examinations.set_rules(write, defaults, examinations.DEFAULTS)

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
        return versions.freeze(self._database, name, who=who, note=note, trust_rules=trust_rules)

    def versions(self) -> list[Version]:
        """All versions, oldest first."""
        with self._database.read() as connection:
            return versions.listed(connection)

    def version(self, name: str) -> Version:
        """One version; `LibraryError` if there is none of that name."""
        with self._database.read() as connection:
            return versions.get(connection, name)

    def members(self, name: str, ids: Sequence[str] | None = None) -> Iterator[Member]:
        """What a version froze of each image that is still there, in order of id, a few at a time.

        Parameters
        ----------
        ids
            Of some images alone.
        """
        wanted = self.version(name).ids if ids is None else tuple(ids)
        for some in chunks(wanted):  # no transaction stays open while an export works
            with self._database.read() as connection:
                found = versions.members(connection, name, some)
            yield from found

    def restore(self, version: Version, members: Iterable[Member]) -> Version:
        """Enter a version that was frozen in another library, with the images that are not here yet.

        Images come without their originals, which no export holds. An empty library takes the rules
        of the version, too.

        Raises
        ------
        ValueError
            If the members are not those of the version, or another version has its name.
        """
        with self._database.write() as write:
            return restoring.restore(write, version, list(members))

    def delete_for_good(self, ids: Iterable[str], *, who: str, why: str) -> Traces:
        """Delete images with all that was made and noted of them, and never take them in again.

        Their hashes stay, as tombstones and in the lists of versions. Exports in the library's own folder
        are made anew without them, or withdrawn where that cannot be; comparisons lose their pictures.

        Returns
        -------
        traces
            What still holds something of them: nobody but a person can remove it.
        """
        from curation.export.made_of_exports import traces_of

        deleted = deletion.delete_for_good(
            self._database, self.files, ids, who=who, why=why, take_out=self._take_out
        )
        return traces_of(self, deleted)

    def _take_out(self, ids: Collection[str]) -> None:
        from curation.export.made_of_exports import take_out_of_comparisons  # builds on this module
        from curation.export.taking_out import take_out

        take_out_of_comparisons(self, ids)
        take_out(self, ids)
