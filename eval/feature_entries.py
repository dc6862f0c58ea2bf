"""Features of some contents, and what several such entries know together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.extractors import ExtractorInfo

PIECE = "piece-"  # how the names of entries begin that are a part of an extraction
Rows = NDArray[np.float32]
_CHUNK = 1024


@dataclass(frozen=True)
class Entry:
    """Features of some contents.

    Attributes
    ----------
    features : (N, D) float32
    rows
        sha256 of each row's image.
    problems
        Contents that cannot be decoded, and why.
    info
        What computed them; None where nothing could be decoded.
    """

    features: Rows
    rows: tuple[bytes, ...]
    problems: Mapping[bytes, str]
    info: ExtractorInfo | None
    path: Path | None = None


@dataclass
class Known:
    """Where the features of contents are, among several entries."""

    places: dict[bytes, tuple[Entry, int]] = field(default_factory=dict)
    problems: dict[bytes, str] = field(default_factory=dict)
    info: ExtractorInfo | None = None

    def __contains__(self, digest: bytes) -> bool:
        return digest in self.places or digest in self.problems

    def add(self, entry: Entry) -> None:
        """Know what an entry holds."""
        self.places.update((digest, (entry, row)) for row, digest in enumerate(entry.rows))
        self.problems.update(entry.problems)
        self.info = self.info or entry.info

    def pieces(self) -> list[Entry]:
        """Entries that are pieces."""
        found = {id(entry): entry for entry, _ in self.places.values() if entry.path is not None}
        return [entry for entry in found.values() if entry.path and entry.path.name.startswith(PIECE)]

    def chunks(self, rows: Sequence[bytes]) -> Iterator[Rows]:
        """The rows of these contents, a few at a time."""
        for start in range(0, len(rows), _CHUNK):
            places = [self.places[digest] for digest in rows[start : start + _CHUNK]]
            yield np.stack([entry.features[row] for entry, row in places])
