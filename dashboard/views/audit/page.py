"""The Audit page: who did what, and when, and what takes how much of the disk, for owners."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from dashboard.shared.audit import COLUMNS, CSV_PATH, read
from dashboard.shared.links import address
from dashboard.shared.texts import N_, _
from dashboard.views.audit.disk import show_disk

SHOWN = 1000
TITLES = {
    "when": N_("When (UTC)"), "who": N_("Who"), "action": N_("Action"), "what": N_("What"), "detail": N_("Detail"),
}  # fmt: skip
ACTIONS = {
    "add": N_("Add pictures"),
    "judge": N_("Judge"),
    "apply rules": N_("Apply rules"),
    "delete images": N_("Delete images"),
    "freeze": N_("Freeze a version"),
    "export": N_("Export"),
    "train": N_("Train"),
    "train on": N_("Train further"),
    "stop training": N_("Stop a training"),
    "delete training": N_("Delete a training"),
    "publish model": N_("Publish a model"),
    "import model": N_("Import a model"),
    "rename model": N_("Rename a model"),
    "delete model": N_("Delete a model"),
    "compare": N_("Compare"),
    "delete comparison": N_("Delete a comparison"),
    "free disk": N_("Free disk space"),
}
# What the pages write beside an action; all else is a name, a path or a setting.
PHRASES = {
    "what": (
        N_("files: {n}"),
        N_("addresses: {n}"),
        N_("{n} sources"),
        N_("demo heap"),
        N_("all that waits"),
    ),
    "detail": (N_("{n} images, {hash}"), N_("of run {name}"), N_("to {name}")),
}
NAMED_BY_US = {
    "add": "what",
    "judge": "what",
    "freeze": "detail",
    "publish model": "detail",
    "rename model": "detail",
}


def show_page() -> None:
    """A table of the newest actions, filters, all of it as CSV, and the disk."""
    _show_actions()
    show_disk()


def _show_actions() -> None:
    found = pd.DataFrame(read(), columns=list(COLUMNS))
    who_side, action_side, csv_side = st.columns([2, 2, 1], vertical_alignment="bottom")
    if found.empty:
        st.info(
            _("Nothing was added, exported, deleted, trained or imported yet."), icon=":material/history:"
        )
        who, actions, chosen = [], [], found
    else:
        who = who_side.multiselect(
            _("Who"), sorted(found["who"].unique()), placeholder=_("Everybody"),
            format_func=lambda name: name or _("(no sign-in)"),
        )  # fmt: skip
        actions = action_side.multiselect(
            _("Action"),
            sorted(found["action"].unique()),
            placeholder=_("All actions"),
            format_func=_action_title,
        )
        chosen = found[
            found["who"].isin(who or found["who"].unique())
            & found["action"].isin(actions or found["action"].unique())
        ]
        st.dataframe(_as_shown(chosen.head(SHOWN)), hide_index=True, width="stretch", height="stretch")
    query = urlencode({"who": who, "action": actions}, doseq=True)
    url = address(CSV_PATH) + (f"?{query}" if query else "")
    csv_side.link_button(
        _("Download CSV"), url, width="stretch", icon=":material/download:",
        help=_("All actions that are chosen, and every decision on single images."),
    )  # fmt: skip
    if len(chosen) > SHOWN:
        st.caption(
            _("The newest {shown:,} of {count:,}; the CSV has all of them.", shown=SHOWN, count=len(chosen))
        )
    st.caption(_("Decisions on single images stand in the history of each, on Review, and in the CSV."))


def _as_shown(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines of the file under titles and in the visitor's language; names stay as they were written."""
    shown = lines.replace({"who": {"": _("(no sign-in)")}})
    shown["when"] = lines["when"].str.replace("T", " ").str.removesuffix("+00:00")
    shown["action"] = lines["action"].map(_action_title)
    for column in PHRASES:
        shown[column] = [
            phrase(text, column) if NAMED_BY_US.get(action) == column else text
            for action, text in zip(lines["action"], lines[column], strict=True)
        ]
    return shown.rename(columns={name: _(title) for name, title in TITLES.items()})


def _action_title(action: str) -> str:
    return _(ACTIONS.get(action, action))


def phrase(text: str, column: str) -> str:
    """Translate what a page has written in a column of the file; what it never writes stays as it is."""
    for pattern in PHRASES[column]:
        own = re.split(r"\{\w+\}", pattern)
        found = re.fullmatch("(.+)".join(map(re.escape, own)), text)
        if found is not None:
            return _(pattern, **dict(zip(re.findall(r"\{(\w+)\}", pattern), found.groups(), strict=True)))
    return text
