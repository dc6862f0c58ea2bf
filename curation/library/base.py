"""What every part of the library's face to the outside shares: its database and its files."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from curation.library.database import BUSY_TIMEOUT_S, Database
from curation.library.files import LibraryFiles
from curation.library.images import Listings
from curation.library.table import TableCache


class LibraryBase:
    """An open library, and all of it at a glance; see `curation.library.library.Library`."""

    def __init__(self, root: Path, address: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.root = root
        self.address = address
        self.files = LibraryFiles(root)
        self._database = Database(address, busy_timeout_s=busy_timeout_s)
        self._cache = TableCache(self._database)
        self._listings = Listings(self._database)

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def table(self) -> pd.DataFrame:
        """One row per image, oldest first; shared, so not to be changed."""
        return self._cache.table()[1]

    def revision(self) -> int:
        """Number of the last write to the library: whatever was derived from an older one is stale."""
        return self._database.count()

    def counts(self) -> dict[str, Any]:
        """Numbers for the head of a page: images by state, verdict, rule, source, label and reviewer."""
        return self._listings.counts(*self._cache.table())
