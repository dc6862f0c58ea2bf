"""The library: every image that was brought in, what is known of it, and what people decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Self

from core.config import settings
from curation.library import deletion, restoring, verdicts, versions
from curation.library.database import BUSY_TIMEOUT_S, chunks
from curation.library.holdings import Holdings
from curation.library.members import Member
from curation.library.reviews import Reviews
from curation.library.versions import Version
from curation.rules import Rules


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
            stale = verdicts.has_old_defaults(connection, defaults.to_yaml())
        if stale:
            with self._database.write() as write:
                if verdicts.has_old_defaults(write.connection, defaults.to_yaml()):
                    verdicts.set_rules(write, defaults, verdicts.DEFAULTS)

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

    def members(self, name: str) -> Iterator[Member]:
        """What a version froze of each image that is still there, in order of id, a few at a time."""
        for ids in chunks(self.version(name).ids):  # no transaction stays open while an export works
            with self._database.read() as connection:
                found = versions.members(connection, name, ids)
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

    def delete_for_good(self, ids: Iterable[str], *, who: str, why: str) -> tuple[str, ...]:
        """Delete images with all that was made and noted of them, and never take them in again.

        Their hashes stay, as tombstones and in the lists of versions. Exports in the library's own folder
        are made anew without them, or withdrawn where that cannot be.

        Returns
        -------
        places
            Exports elsewhere that hold one of them: nobody but a person can remove it there.
        """
        from curation.export.taking_out import exported_elsewhere

        wanted = list(ids)
        deletion.delete_for_good(
            self._database, self.files, wanted, who=who, why=why, take_out=self._take_out
        )
        return exported_elsewhere(self, wanted)

    def _take_out(self, ids: Collection[str]) -> None:
        from curation.export.taking_out import take_out  # builds on this module

        take_out(self, ids)
