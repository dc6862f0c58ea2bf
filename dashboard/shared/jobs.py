"""Show background jobs and what they report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.processes.jobs import Job
from core.training.runs import ATTEMPTS
from core.untrusted_files import read_json_lines
from curation import jobs
from curation.split_faces import SplitSummary
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import N_, _, translate_sentence
from eval.comparison import comparison_store

REFUSED_SHOWN = 500
RATES_READ, FEW = 3, 8  # jobs; photos, fewer of which tell how long the workers take to start
KINDS = {
    "add": N_("Adding"), "judge": N_("Judging"), "split": N_("Faces of group pictures"), "export": N_("Exporting"),
}  # fmt: skip
PHASES = {
    "adding": N_("Adding pictures"), "judging": N_("Judging faces"), "splitting": N_("Cutting faces out"),
    "duplicates": N_("Looking for duplicates"),
}  # fmt: skip


def job_folders(data: Path) -> dict[str, list[Path]]:
    """List the folders that hold records of background jobs: one of the library, one each run and comparison."""
    return {
        "library": [data / "library" / "jobs"],
        "training": list((data / "runs").glob(f"*/{ATTEMPTS}")),
        "comparison": list(comparison_store.root_of(data).glob(f"*/{comparison_store.JOB}")),
    }


@dataclass(frozen=True)
class Report:
    """What became of the files of a job that adds pictures."""

    outcomes: dict[str, int]  # number of files by outcome
    refused: tuple[tuple[str, str], ...]  # name and sentence of what was not taken, at most `REFUSED_SHOWN`

    def sentence(self) -> str:
        """The numbers in words."""
        words = {
            "added": _("added"),
            "known": _("known already"),
            "refused": _("refused"),
            "deleted": _("deleted for good earlier"),
            "failed": _("to be tried again"),
        }
        parts = [f"{self.outcomes[key]:,} {text}" for key, text in words.items() if self.outcomes.get(key)]
        return ", ".join(parts) + "." if parts else ""


def read_report(output: Path) -> Report:
    """Read a job's answers as far as they are written."""
    outcomes: Counter[str] = Counter()
    refused: list[tuple[str, str]] = []
    for answer in read_json_lines(output):
        if "outcome" not in answer:
            continue
        outcomes[str(answer["outcome"])] += 1
        if answer["outcome"] in ("refused", "failed", "deleted") and len(refused) < REFUSED_SHOWN:
            refused.append((str(answer.get("name", "")), translate_sentence(answer.get("sentence", ""))))
    return Report(dict(outcomes), tuple(refused))


def read_rates(root: Path) -> list[float]:
    """Photos a second of the latest jobs that have judged more than a handful."""
    done = [job for job in jobs.jobs(root) if job.kind in ("add", "judge") and job.state == "done"]
    judged = [line.get("judged", line) for job in done[:RATES_READ] for line in read_json_lines(job.output)]
    return [
        one["photos_per_second"]
        for one in judged
        if one.get("examined", 0) >= FEW and one["photos_per_second"]
    ]


def split_sentence(output: Path) -> str:
    """What a job that splits group pictures has added, once it is known."""
    found = next((line["summary"] for line in read_json_lines(output) if "summary" in line), None)
    return SplitSummary(**found).sentence() if found else ""


def title_of(job: Job) -> str:
    """What the job is about, in a few words."""
    if job.kind == "add":
        if "--demo" in job.arguments:
            return _("Demo heap")
        if "--source" in job.arguments:
            source = _after(job.arguments, "--source")
            return {"upload": _("Upload"), "url": _("Addresses")}.get(source, _("Adding"))
    if job.kind == "export" and job.arguments:
        return _("Export of {version}", version=job.arguments[0])
    return _(KINDS.get(job.kind, job.kind))


# Of a job's time, about: where each of its phases begins and ends.
SHARES = {
    "add": {"adding": (0.0, 0.35), "judging": (0.35, 0.95), "duplicates": (0.95, 1.0)},
    "split": {"splitting": (0.0, 0.5), "judging": (0.5, 0.95), "duplicates": (0.95, 1.0)},
    "judge": {"judging": (0.0, 0.95), "duplicates": (0.95, 1.0)},
}
NOT_DONE = 0.99  # a job that runs never has a full bar


def share_of(job: Job) -> float:
    """How much of a whole running job is done, over all its phases."""
    phases = SHARES.get(job.kind, {})
    if job.kind == "add" and "--judge" not in job.arguments:
        phases = {}
    begin, end = phases.get(job.phase, (0.0, 0.0 if phases else 1.0))
    part = min(1.0, job.done / job.total) if job.total else 0.0
    return min(NOT_DONE, begin + (end - begin) * part)


def state_text(job: Job) -> str:
    """One line on how far it is or how it ended."""
    if job.state == "running":
        phase = _(PHASES.get(job.phase, job.phase.capitalize() or N_("Starting")))
        if not job.total:
            return f"{phase} …"
        if job.done >= job.total:
            return _("{phase}: {total:,} looked at, finishing …", phase=phase, total=job.total)
        return _("{phase}: {done:,} of {total:,}", phase=phase, done=job.done, total=job.total)
    if job.state == "failed":
        return (
            _("It stopped: {message}", message=translate_sentence(job.message))
            if job.message
            else _("It stopped with an error.")
        )
    if job.state == "interrupted":
        return _("It was interrupted. Start it again: what is done stays done.")
    return _("Stopped.") if job.state == "stopped" else _("Done.")


def _after(arguments: tuple[str, ...], name: str) -> str:
    position = arguments.index(name)
    return arguments[position + 1] if position + 1 < len(arguments) else ""


SHOWN = 5
POLL_S = 1.0


def show_jobs(root: Path, kinds: Sequence[str], *, most: int = SHOWN) -> None:
    """The latest jobs of these kinds; followed as long as one is running."""
    before = _phases(_latest(root, kinds, most))

    @st.fragment(run_every=POLL_S if before else None)
    def follow() -> None:
        found = _latest(root, kinds, most)
        if before and _phases(found) != before:
            st.rerun()  # the page's numbers are new
        for job in found:
            _show(root, job)

    follow()


def _phases(found: Sequence[Job]) -> dict[str, str]:
    """What each job that runs is at."""
    return {job.id: job.phase for job in found if job.state == "running"}


def _latest(root: Path, kinds: Sequence[str], most: int) -> list[Job]:
    return [job for job in jobs.jobs(root) if job.kind in kinds][:most]


def _show(root: Path, job: Job) -> None:
    with st.container(border=True, key=f"job_{job.id}"):
        line = st.container(horizontal=True, vertical_alignment="center")
        report = read_report(job.output) if job.kind == "add" else None
        text = f"**{as_text(title_of(job))}** · {as_text(state_text(job))}"
        result = report.sentence() if report is not None else ""
        if job.kind == "split":
            result = split_sentence(job.output)
        if result:
            text += f" {result}" if text.endswith((".", "…")) else f" · {result}"
        # What is done stays done, and an upload is still in its spool folder.
        again: Any = partial(jobs.start, job.kind, job.arguments, library=root)
        stop: Any = partial(jobs.stop, root, job.id)
        with line:
            st.markdown(text, width="stretch")
            if job.state == "running":
                st.button(_("Stop"), key=f"stop_{job.id}", on_click=stop, type="tertiary")
            elif job.state != "done":
                st.button(_("Start again"), key=f"again_{job.id}", on_click=again)
        if job.state == "running":
            st.progress(share_of(job))
        if report is not None and report.refused:
            with st.expander(_("Not taken ({count})", count=len(report.refused))):
                rows = pd.DataFrame(report.refused, columns=[_("File"), _("Why")])
                st.dataframe(rows, hide_index=True, height=min(320, 40 + 35 * len(rows)))
