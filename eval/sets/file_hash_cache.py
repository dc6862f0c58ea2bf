"""Remember what files held when they were last read, so that unchanged ones need not be read again.

A file counts as unchanged while its path, size, dates and inode are the same. The dates' steps are coarse: a
file changed twice within one step would look unchanged. So, as git does, files that were changed only just
before they were read are not remembered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.sets.contents import Header
from eval.value_cache import ValueCache

MAX_ROWS = 2_000_000
_FILES = "files of "  # before a root: kind of its values
_FINE_STEP_NS, _COARSE_STEP_NS = 50_000_000, 2_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file held: its hash and header, or the problem with it."""

    digest: str
    header: Header | None
    problem: str = ""


def stamp_of(stat: os.stat_result) -> str:
    """Give what changes with a file."""
    return f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}-{stat.st_ino}"


def is_settled(stat: os.stat_result, now_ns: int) -> bool:
    """Tell whether a later change is sure to show in the dates."""
    changed = max(stat.st_mtime_ns, stat.st_ctime_ns)
    step = _COARSE_STEP_NS if changed % 1_000_000_000 == 0 else _FINE_STEP_NS
    return now_ns - changed > step


class FileHashCache:
    """What files held, by place.

    Parameters
    ----------
    path
        The file of its values, which is made when it is first written to; None remembers nothing.

    Attributes
    ----------
    values
        What else is known of contents, by their digest.
    """

    def __init__(self, path: Path | None) -> None:
        self.values = ValueCache(path, max_rows=MAX_ROWS)

    def files(self, root: str) -> dict[str, tuple[str, Seen]]:
        """Look up the files below a folder or in a zip: stamp and content by place."""
        return {
            file: (stamp, Seen(digest, Header(*header) if header else None, problem))
            for file, (stamp, digest, header, problem) in self.values.all(_FILES + root).items()
        }

    def keep_files(
        self, root: str, seen: Mapping[str, tuple[str, Seen]], *, gone: Iterable[str] = ()
    ) -> None:
        """Remember what files held, and forget those that are gone."""
        rows = {file: (stamp, one.digest, one.header, one.problem) for file, (stamp, one) in seen.items()}
        self.values.keep(_FILES + root, rows, gone=gone)
