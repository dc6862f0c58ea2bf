"""Background jobs with their progress; they go on when the page is closed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard.job_reports import read_report, split_sentence, state_text, title_of
from dashboard.plain_text import as_text

if TYPE_CHECKING:
    from curation.jobs import Job

SHOWN = 5
POLL_S = 1.0


def show_jobs(root: Path, kinds: Sequence[str], *, most: int = SHOWN) -> None:
    """The latest jobs of these kinds; followed as long as one is running."""
    running = any(job.state == "running" for job in _latest(root, kinds, most))

    @st.fragment(run_every=POLL_S if running else None)
    def follow() -> None:
        found = _latest(root, kinds, most)
        for job in found:
            _show(root, job)
        if running and not any(job.state == "running" for job in found):
            st.rerun()  # the page's numbers are new

    follow()


def _latest(root: Path, kinds: Sequence[str], most: int) -> list[Job]:
    from curation.jobs import jobs

    return [job for job in jobs(root) if job.kind in kinds][:most]


def _show(root: Path, job: Job) -> None:
    with st.container(border=True, key=f"job_{job.id}"):
        line = st.container(horizontal=True, vertical_alignment="center")
        report = read_report(job.output) if job.kind == "add" else None
        text = f"**{as_text(title_of(job))}** · {as_text(state_text(job))}"
        result = report.sentence() if report is not None else ""
        if job.kind == "split":
            result = split_sentence(job.output)
        if result:
            text += f" {result}"
        with line:
            st.markdown(text, width="stretch")
            if job.state == "running":
                st.button("Stop", key=f"stop_{job.id}", on_click=_stop, args=(root, job.id), type="tertiary")
            elif job.state != "done":
                st.button("Start again", key=f"again_{job.id}", on_click=_start_again, args=(root, job))
        if job.state == "running":
            st.progress(min(1.0, job.done / job.total) if job.total else 0.0)
        if report is not None and report.refused:
            with st.expander(f"Not taken ({len(report.refused)})"):
                rows = pd.DataFrame(report.refused, columns=["File", "Why"])
                st.dataframe(rows, hide_index=True, height=min(320, 40 + 35 * len(rows)))


def _start_again(root: Path, job: Job) -> None:
    """The same command once more: what is done stays done, and an upload is still in its spool folder."""
    from curation.jobs import start

    start(job.kind, job.arguments, library=root)


def _stop(root: Path, job_id: str) -> None:
    from curation.jobs import stop

    stop(root, job_id)
