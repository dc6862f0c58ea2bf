"""Show which comparisons there are, and one that is running."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.training.runs import log_tail
from dashboard import access
from dashboard.roles import Role
from dashboard.shared import audit
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import _
from dashboard.views.compare.board import show_answer, show_board
from dashboard.views.compare.formatting import caption_of, sentence_of, titles_of
from dashboard.views.compare.state import LIST, NOTICE, PROBLEM, choose_new, choose_nothing, choose_result
from eval.comparison.comparison_store import Entry, cancel, remove, restart
from eval.comparison.comparison_store import entry as read
from eval.comparison.titles import with_titles

POLL_S = 1.5
LOG_LINES = 40


def show_unfinished(root: Path, entry: Entry) -> None:
    """Followed as long as it runs; the page may be closed or reloaded meanwhile."""
    st.markdown(f"#### {as_text(entry.title)}")
    is_running = entry.state == "running"

    @st.fragment(run_every=POLL_S if is_running else None)
    def follow() -> None:
        try:
            now = read(root, entry.id)
        except ValueError:
            st.rerun()
        if now.state != entry.state or (now.early is None) != (entry.early is None):
            st.rerun()
        _show_state(now)

    follow()
    with st.container(horizontal=True, key="compare_actions"):
        if not access.may(Role.OWNER):
            return
        if is_running:
            st.button(_("Cancel"), icon=":material/stop:", key="compare_cancel", on_click=_cancel,
                      args=(root, entry.id), help=_("What it has computed is kept; it can go on later."))  # fmt: skip
        else:
            st.button(_("Go on"), icon=":material/play_arrow:", type="primary", key="compare_restart",
                      on_click=_restart, args=(root, entry.id), disabled=entry.request is None)  # fmt: skip
            st.button(_("Change it"), icon=":material/edit:", key="compare_edit", on_click=choose_new,
                      args=(entry.id,), disabled=entry.request is None,
                      help=_("Opens its settings; it goes on with what it has made."))  # fmt: skip
            show_remove(root, entry)
    if is_running:
        st.caption(_("It goes on when this page is closed, and also when the server ends."))
    _show_early(entry)
    _show_log(entry)


def _show_early(entry: Entry) -> None:
    """What is known of whole sets, long before the last case is scored."""
    if entry.early is None or not entry.early.columns:
        return
    st.markdown("##### " + _("So far"))
    titled = with_titles(entry.early, _)
    show_answer(titled, titled.columns[0])
    st.caption(
        _(
            "Single cases follow, and so does the search for what makes these numbers mislead: it may turn them."
        )
    )
    show_board(titled, titled.columns[0], None, key=f"early_{entry.id}")


def show_remove(root: Path, entry: Entry) -> None:
    """Remove a comparison, after a question."""
    with st.popover(_("Delete"), icon=":material/delete:", key=f"compare_remove_{entry.id}"):
        st.markdown(
            _(
                "Deletes **{title}** with its images and votes. There is no way back.",
                title=as_text(entry.title),
            )
        )
        if st.button(_("Delete it"), type="primary", key="compare_remove_now"):
            _remove(root, entry.id)
            st.rerun()


def _show_state(entry: Entry) -> None:
    if entry.state == "running":
        st.progress(min(1.0, entry.share or 0.0))
        st.markdown(as_text(sentence_of(entry)))
    elif entry.state == "failed":
        st.error(as_text(sentence_of(entry)), icon=":material/error:")
    elif entry.state == "interrupted":
        st.warning(as_text(sentence_of(entry)), icon=":material/warning:")
    else:
        st.info(as_text(sentence_of(entry)), icon=":material/stop:")


def _show_log(entry: Entry) -> None:
    logs = sorted((entry.folder / "job").glob("*.log"))
    if not logs:
        return
    with st.expander(_("Log"), expanded=entry.state == "failed"):
        st.code(log_tail(logs[-1], LOG_LINES) or _("Nothing was said yet."), language=None, wrap_lines=True)


def _cancel(root: Path, entry_id: str) -> None:
    with PROBLEM.keeping(ValueError, OSError):
        cancel(root, entry_id)


def _restart(root: Path, entry_id: str) -> None:
    with PROBLEM.keeping(ValueError, OSError):
        restart(root, entry_id)
    choose_result(entry_id)


def _remove(root: Path, entry_id: str) -> None:
    with PROBLEM.keeping(ValueError, OSError):
        remove(root, entry_id)
        audit.record("delete comparison", entry_id)
        choose_nothing()


def show_top(found: Sequence[Entry], chosen: str | None) -> None:
    """A menu of results, a button for a new one, and a line for those that have no result yet."""
    titles = titles_of(found)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_top"):
        if found:
            st.session_state[LIST] = chosen if chosen in titles else None
            st.selectbox(
                _("Comparison"), list(titles), key=LIST, on_change=_picked, args=(tuple(titles),), width="stretch",
                placeholder=_("A new one, below. Or choose an earlier one."),
                format_func=lambda name: titles.get(name, name),
            )  # fmt: skip
        if not access.may(Role.OWNER):
            return
        st.button(
            _("New comparison"), icon=":material/add:", key="compare_new", on_click=choose_new,
            type="primary" if chosen is None else "secondary",
        )  # fmt: skip
    others = [one for one in found if one.state != "done" and one.id != chosen]
    if others:
        named = " · ".join(f"{titles[one.id]} ({caption_of(one)})" for one in others)
        st.text(_("Without a result: {named}", named=named))


def _picked(ids: Sequence[str]) -> None:
    """Choose what was picked; the browser sends an option's text, which may be of a list that has changed since."""
    picked = st.session_state.get(LIST)
    if picked in ids:
        choose_result(str(picked))
    elif picked:
        NOTICE.keep(_("The list has changed: there is no {picked} any more. Choose again.", picked=picked))
