"""A curation run in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from curation.manifest import Head


@dataclass(frozen=True)
class Summary:
    """A finished run in numbers.

    Attributes
    ----------
    reused
        Files whose record of an earlier run still holds.
    left_out_by_reason
        Files left out, by the code of their reason.
    photos_per_second
        Files done in this run (not the reused ones) over the time of the whole run.
    """

    source: str
    out: str
    files: int
    kept: int
    left_out: int
    left_out_by_reason: dict[str, int]
    done: int
    reused: int
    workers: int
    seconds: float
    photos_per_second: float

    def sentence(self) -> str:
        """The same for people."""
        reasons = ", ".join(f"{count} {code}" for code, count in self.left_out_by_reason.items())
        return (
            f"{self.files} files: {self.kept} pairs in {self.out}, {self.left_out} left out"
            f"{f' ({reasons})' if reasons else ''}. {self.done} done now in {self.seconds:g} s "
            f"({self.photos_per_second:g} a second, {self.workers} workers), {self.reused} from before."
        )


def summarise(source: Path, out: Path, heads: list[Head], done: int, workers: int, seconds: float) -> Summary:
    """Count what became of the files; ``heads`` has one record for each."""
    left_out_by_reason = Counter(head.code or "" for head in heads if head.status != "kept")
    return Summary(
        source=str(source),
        out=str(out),
        files=len(heads),
        kept=len(heads) - left_out_by_reason.total(),
        left_out=left_out_by_reason.total(),
        left_out_by_reason=dict(sorted(left_out_by_reason.items())),
        done=done,
        reused=len(heads) - done,
        workers=workers,
        seconds=round(seconds, 2),
        photos_per_second=round(done / seconds, 1),
    )
