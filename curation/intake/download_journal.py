"""What became of every URL, appended line by line, so that a killed download goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

JOURNAL_NAME = "downloads.jsonl"


@dataclass(frozen=True)
class Entry:
    """One line of the journal.

    Attributes
    ----------
    outcome
        ``added``, ``known``, ``deleted``, ``refused``, or ``failed`` where another try may end better.
    details
        Licence, author and page that came with the URL.
    rules
        What a refusal depended on, see `curation.intake.download_crew.DownloadConfig.rules`.
    """

    url: str
    outcome: str
    image_id: str = ""
    code: str = ""
    sentence: str = ""
    details: tuple[str, str, str] = ("", "", "")
    rules: str = ""


class DownloadJournal:
    """The journal of a library, ``jobs/downloads.jsonl``; the last line on a URL counts.

    A line is written with one call in append mode, so two downloads may share the file, and a line
    that a crash cut off is skipped when reading.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / JOURNAL_NAME
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def read(self) -> dict[str, Entry]:
        """The last entry of every URL."""
        return {entry.url: entry for entry in self._lines()}

    def append(self, entry: Entry) -> None:
        """Note an outcome.

        Raises
        ------
        OSError
            If the disk is full or the folder went away.
        """
        line = json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        if os.write(self._file, line) != len(line):
            raise OSError(f"{self.path} could not be written to its end: is the disk full?")

    def close(self) -> None:
        os.close(self._file)

    def _lines(self) -> Iterator[Entry]:
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    values = json.loads(line)
                    licence, author, page = values.pop("details")
                    yield Entry(**values, details=(licence, author, page))
                except (ValueError, TypeError, KeyError, AttributeError):
                    continue  # cut off by a crash, or not ours
