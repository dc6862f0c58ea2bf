"""What a background job did, as text for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.jobs import Job

REFUSED_SHOWN = 500
KINDS = {
    "add": "Adding", "judge": "Judging", "split": "Faces of group pictures", "export": "Exporting",
}  # fmt: skip
PHASES = {
    "adding": "Adding pictures", "judging": "Judging faces", "splitting": "Cutting faces out",
    "duplicates": "Looking for duplicates",
}  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What became of the files of a job that adds pictures.

    Attributes
    ----------
    outcomes
        Number of files by outcome.
    refused
        Name and sentence of what was not taken, at most `REFUSED_SHOWN`.
    """

    outcomes: dict[str, int]
    refused: tuple[tuple[str, str], ...]

    def sentence(self) -> str:
        """The numbers in words."""
        words = {
            "added": "added",
            "known": "known already",
            "refused": "refused",
            "deleted": "deleted for good earlier",
            "failed": "to be tried again",
        }
        parts = [f"{self.outcomes[key]:,} {text}" for key, text in words.items() if self.outcomes.get(key)]
        return ", ".join(parts) + "." if parts else ""


def read_report(output: Path) -> Report:
    """Read a job's answers as far as they are written."""
    outcomes: Counter[str] = Counter()
    refused: list[tuple[str, str]] = []
    for answer in _lines(output):
        if "outcome" not in answer:
            continue
        outcomes[str(answer["outcome"])] += 1
        if answer["outcome"] in ("refused", "failed", "deleted") and len(refused) < REFUSED_SHOWN:
            refused.append((str(answer.get("name", "")), str(answer.get("sentence", ""))))
    return Report(dict(outcomes), tuple(refused))


def split_sentence(output: Path) -> str:
    """What a job that splits group pictures has added, once it is known."""
    from curation.split_faces import SplitSummary

    found = next((line["summary"] for line in _lines(output) if "summary" in line), None)
    return SplitSummary(**found).sentence() if found else ""


def title_of(job: Job) -> str:
    """What the job is about, in a few words."""
    if job.kind == "add":
        if "--demo" in job.arguments:
            return "Demo heap"
        if "--source" in job.arguments:
            return {"upload": "Upload", "url": "Addresses"}.get(_after(job.arguments, "--source"), "Adding")
    if job.kind == "export" and job.arguments:
        return f"Export of {job.arguments[0]}"
    return KINDS.get(job.kind, job.kind)


def state_text(job: Job) -> str:
    """One line on how far it is or how it ended."""
    if job.state == "running":
        phase = PHASES.get(job.phase, job.phase.capitalize() or "Starting")
        return f"{phase}: {job.done:,} of {job.total:,}" if job.total else f"{phase} …"
    if job.state == "failed":
        return f"It stopped: {job.message}" if job.message else "It stopped with an error."
    if job.state == "interrupted":
        return "It was interrupted. Start it again: what is done stays done."
    return "Stopped." if job.state == "stopped" else "Done."


def _after(arguments: tuple[str, ...], name: str) -> str:
    position = arguments.index(name)
    return arguments[position + 1] if position + 1 < len(arguments) else ""


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:  # the last line of a job that is writing
            continue
        if isinstance(found, dict):
            yield found
