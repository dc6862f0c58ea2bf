"""What takes how much of the disk, and how old runs, caches and what a restore has put aside are removed."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from core.config import settings
from core.models.folder import models_folder
from core.training.run_control import remove
from core.training.runs import RunError, runs, runs_folder, size_on_disk
from dashboard.restore import REPLACED
from dashboard.shared import audit
from dashboard.shared.formatting import size_text
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import N_, _, ngettext, translate_sentence
from dashboard.shared.uploads import FOLDER as UPLOADS
from dashboard.shared.uploads import SPOOL
from eval.comparison.comparison_store import cache_of, entries, root_of

KEPT_S = 600.0  # a million files take seconds to count
PICTURES, CACHES, TEMPORARY, OTHER = N_("Crops and sketches"), N_("Caches"), N_("Temporary"), N_("Other")
_PROBLEMS = "disk_problems"
_OF_LIBRARY = {
    "originals": N_("Originals"), "exports": N_("Exports"),
    **dict.fromkeys(("crops", "sketches", "thumbs", "identities"), PICTURES),
}  # fmt: skip
_TOP = {
    "runs": N_("Trainings"), "models": N_("Models"), "comparisons": N_("Comparisons"), "assets": CACHES,
    UPLOADS: TEMPORARY,
}  # fmt: skip


@dataclass(frozen=True)
class Removable:
    """Something that may be deleted here.

    Attributes
    ----------
    used_by
        What names it, in words; empty where nothing does.
    """

    label: str
    size_bytes: int
    used_by: str
    remove: Callable[[], None]


def disk_use(data: Path) -> dict[str, int]:
    """Bytes in a data folder by kind; every file counts once, links count as themselves."""
    found: dict[str, int] = {}
    for entry in _scan(data):
        for path, size in _files(entry):
            kind = _kind_of(Path(path).relative_to(data).parts)
            found[kind] = found.get(kind, 0) + size
    return found


def _kind_of(parts: tuple[str, ...]) -> str:
    top, below = parts[0], parts[1] if len(parts) > 1 else ""
    if top.startswith(REPLACED):
        return N_("Put aside by restores")
    if parts[:2] == ("comparisons", ".cache"):
        return CACHES
    if any(part.startswith(".") or part.startswith(f"{SPOOL}-") for part in parts):
        return TEMPORARY
    if top == "library":
        return N_("Database") if below.startswith("library.sqlite") else _OF_LIBRARY.get(below, OTHER)
    return _TOP.get(top, OTHER)


def _scan(folder: str | Path) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as found:  # gone meanwhile, or not ours to read
        return list(found)
    return []


def _files(entry: os.DirEntry[str]) -> Iterable[tuple[str, int]]:
    if entry.is_dir(follow_symlinks=False):
        for below in _scan(entry.path):
            yield from _files(below)
        return
    with suppress(OSError):
        yield entry.path, entry.stat(follow_symlinks=False).st_size


@st.cache_data(ttl=KEPT_S, show_spinner=False)
def _counted(data: Path) -> tuple[dict[str, int], float]:
    return disk_use(data), time.time()


def removables(data: Path) -> list[Removable]:
    """What may be deleted now: runs that have ended, caches that nobody reads, what restores have put aside."""
    found = []
    for run in runs(runs_folder()):
        if not run.is_alive:
            label, users = _("Training {name}", name=run.name), _users_of(data, run.folder)
            found.append(
                Removable(label, size_on_disk(run.folder), users, partial(remove, runs_folder(), run.name))
            )
    cache = cache_of(root_of(data))
    if cache.is_dir() and not _is_comparing(data):
        label, users = _("Cache of comparisons"), _("the next comparisons take longer")
        found.append(Removable(label, size_on_disk(cache), users, partial(_remove_cache, data)))
    for folder in sorted(data.glob(f"{REPLACED}*")):
        label = _("Put aside by the restore of {date}", date=folder.name.removeprefix(REPLACED)[:15])
        used_by = _("nothing else keeps what was replaced then")
        found.append(Removable(label, size_on_disk(folder), used_by, partial(shutil.rmtree, folder)))
    return sorted(found, key=lambda one: -one.size_bytes)


def _is_comparing(data: Path) -> bool:
    return any(entry.state == "running" for entry in entries(root_of(data)))


def _remove_cache(data: Path) -> None:
    if _is_comparing(data):
        raise OSError(_("a comparison has started meanwhile and reads it"))
    shutil.rmtree(cache_of(root_of(data)), ignore_errors=True)


def _users_of(data: Path, run: Path) -> str:
    """Which runs and comparisons name a run's folder, and which models were made of it."""
    path = re.compile(re.escape(str(run)) + r"(?![\w.-])")
    users = [
        file.parent.name
        for file in [*data.glob("runs/*/config.yaml"), *data.glob("comparisons/*/request.json")]
        if file.parent != run and path.search(_text(file))
    ]
    made = [card.stem for card in models_folder().glob("*.md") if f"as run *{run.name}*" in _text(card)]
    parts = [_("{users} began with it or shows it", users=", ".join(users))] if users else []
    parts += [_("{models} was made of it and stays", models=", ".join(made))] if made else []
    return "; ".join(parts)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def show_disk() -> None:
    """What is used and free, a row for each kind of file, and what may be deleted below it."""
    data = settings().data.absolute()
    with st.spinner(_("Counting files …"), show_time=True):
        counted, when = _counted(data)
    free = shutil.disk_usage(data if data.exists() else Path("/")).free
    line = st.container(horizontal=True, vertical_alignment="center")
    used = size_text(sum(counted.values()))
    line.markdown("#### " + _("Disk: {used} used here, {free} free", used=used, free=size_text(free)))
    if line.button(_("Count again"), type="tertiary", icon=":material/refresh:", key="disk_again"):
        _counted.clear()
        st.rerun()
    if minutes := int((time.time() - when) / 60):
        line.caption(ngettext("counted {n} minute ago", "counted {n} minutes ago", minutes))
    sizes = [(kind, size) for kind, size in sorted(counted.items(), key=lambda pair: -pair[1]) if size]
    share, most = _("Share"), max(1, sum(counted.values()))
    rows = [{_("Kind"): _(kind), _("Size"): size_text(size), share: size / most} for kind, size in sizes]
    bar = st.column_config.ProgressColumn(share, format="percent")
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch", column_config={share: bar})
    _show_removables(data)


def _show_removables(data: Path) -> None:
    for problem in st.session_state.pop(_PROBLEMS, []):
        st.error(as_text(problem), icon=":material/error:")
    found = {one.label: one for one in removables(data)}
    if not found:
        return
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    chosen = left.multiselect(
        _("Free some: trainings that have ended, caches, what restores put aside"), list(found), key="disk_chosen",
        format_func=lambda label: f"{label} ({size_text(found[label].size_bytes)})",
        placeholder=_("Choose what to delete"),
    )  # fmt: skip
    picked = [found[label] for label in chosen if label in found]
    total = size_text(sum(one.size_bytes for one in picked))
    text = _("Delete {size} …", size=total) if picked else _("Delete …")
    if right.button(text, disabled=not picked, icon=":material/delete:", width="stretch", key="disk_delete"):
        st.dialog(_("Delete for good?"))(_confirm)(picked, total)


def _confirm(picked: list[Removable], total: str) -> None:
    for one in picked:
        used = f" — {as_text(one.used_by)}" if one.used_by else ""
        st.markdown(f"- **{as_text(one.label)}**, {size_text(one.size_bytes)}{used}")
    st.caption(_("This frees {size} and cannot be undone.", size=total))
    pressed = st.button(
        _("Delete {size}", size=total), type="primary", key="disk_confirm", on_click=_free, args=(picked,)
    )
    if pressed:
        st.rerun()


def _free(picked: list[Removable]) -> None:
    problems = []
    for one in picked:
        try:
            one.remove()
        except (OSError, RunError) as error:
            problems.append(f"{one.label}: {translate_sentence(error)}")
        else:
            audit.record("free disk", one.label, size_text(one.size_bytes))
    _counted.clear()
    st.session_state[_PROBLEMS] = problems
