"""Paths that people type or pick: below the data folder and the folders of ``STUDIO_ROOTS``, nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st

from core.config import settings
from dashboard import access
from dashboard.roles import Role
from dashboard.shared.plain_text import as_code, as_text, writable
from dashboard.shared.texts import N_, _

SHOWN = 200  # sub-folders and files of a folder

REFUSED = N_(
    "There is nothing to read under this path. Give the full path of a file or folder in the studio's data folder; "
    "other folders are opened by the operator with STUDIO_ROOTS."
)


class PathRefused(ValueError):
    """A typed path is not taken; the message never tells whether anything lies there."""


def roots() -> tuple[Path, ...]:
    """Folders that typed paths may lie in."""
    chosen = settings()
    return (chosen.data.absolute(), *map(Path, chosen.roots))


def server_path(text: str) -> Path:
    """Resolve a typed path to a plain file or folder below `roots`.

    Outside, missing and special are one answer, given before the disk is asked about anything outside: a stranger
    learns nothing about the rest of the server.

    Returns
    -------
    path
        Full, without links.

    Raises
    ------
    PathRefused
        If it is no full path, holds ``..``, leads out of the roots (by a link as well), is not there, or is
        neither a plain file nor a folder; or if the visitor is no owner.
    """
    if not access.may(Role.OWNER):
        raise PathRefused(_("Only owners name files and folders of the server."))
    try:
        path = Path(text.strip().strip("'\"")).expanduser()
        if not path.is_absolute() or ".." in path.parts or not _is_inside(path, also_given=True):
            raise PathRefused(_(REFUSED))
        found = path.resolve(strict=True)
        mode = found.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:  # no such user, loops of links, null characters
        raise PathRefused(_(REFUSED)) from error
    if not _is_inside(found) or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise PathRefused(_(REFUSED))
    return found


def ask_path(label: str, **field: Any) -> Path | PathRefused | None:
    """Ask as `ask_server_path` does and resolve the answer; where it is not taken, show why, and give that.

    An empty field gives None.
    """
    text = ask_server_path(label, **field)
    try:
        return server_path(text) if text else None
    except PathRefused as error:
        st.error(as_text(f"{label}: {error}"), icon=":material/folder_off:")
        return error


def _is_inside(path: Path, *, also_given: bool = False) -> bool:
    """Whether a path lies below a root, as it is on the disk or (``also_given``) as it is written."""
    return any(
        path.is_relative_to(root.resolve()) or (also_given and path.is_relative_to(root)) for root in roots()
    )


def places_in(folder: Path, endings: Collection[str] = ()) -> list[Path]:
    """List what may be picked in a folder: its sub-folders first, then files with these endings.

    Raises
    ------
    PathRefused
        As for `server_path`, of the folder; what leads out of the roots by a link is left out, and so is a name
        that is no UTF-8, which no field can hold.
    """
    folder = server_path(str(folder))
    found = []
    with suppress(OSError), os.scandir(folder) as entries:  # not ours to read: nothing to pick
        for entry in entries:
            is_folder = entry.is_dir()
            is_hidden = entry.name.startswith(".") or entry.name != writable(entry.name)
            if is_hidden or not (is_folder or entry.name.lower().endswith(tuple(endings))):
                continue
            with suppress(PathRefused):
                server_path(entry.path)
                found.append((not is_folder, Path(entry.path)))
    return [path for _, path in sorted(found, key=lambda one: (one[0], one[1].name.casefold()))[:SHOWN]]


def ask_server_path(
    label: str,
    *,
    key: str,
    value: str = "",
    placeholder: str = "",
    help: str | None = None,
    endings: Collection[str] = (),
) -> str:
    """Ask for a path of the server: a text field, and beside it a button that browses the roots.

    Parameters
    ----------
    value
        What it holds at first.
    endings
        Of files that may be picked as well, such as ``.zip``; folders always may.

    Returns
    -------
    text
        What stands in the field, for `server_path` to resolve.
    """
    if value:
        st.session_state.setdefault(key, value)
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}_ask"):
        text = st.text_input(label, key=key, placeholder=placeholder, help=help)
        if st.button(
            "", icon=":material/folder_open:", key=f"{key}_browse", help=_("Browse the folders of the server")
        ):
            st.session_state[_at(key)] = _first_place(text)
            st.dialog(_("Folders of the server"), width="medium")(_browse)(key, tuple(endings))
    return text.strip()


def _at(key: str) -> str:
    return f"{key}_at"


def _first_place(text: str) -> Path | None:
    """Where browsing begins: at what is typed, else at the one root there is, else at the choice of roots."""
    with suppress(PathRefused):
        if text.strip():
            found = server_path(text)
            return found if found.is_dir() else found.parent
    return roots()[0].resolve() if len(roots()) == 1 else None


def _browse(key: str, endings: tuple[str, ...]) -> None:
    folder: Path | None = st.session_state.get(_at(key))
    try:
        there = [server_path(str(root)) for root in roots() if root.is_dir()]
        found = there if folder is None else places_in(folder, endings)
    except PathRefused as error:
        st.error(as_text(error), icon=":material/folder_off:")
        return
    if folder is not None:
        _show_way(key, folder)
    for number, place in enumerate(found):
        is_folder = place.is_dir()
        picked = st.button(
            as_text(place if folder is None else place.name),
            icon=":material/folder:" if is_folder else ":material/draft:",
            type="tertiary",
            key=f"{key}_place_{number}",
            on_click=_go if is_folder else _take,
            args=(key, place),
        )
        if picked and not is_folder:
            st.rerun()
    if not found:
        st.caption(_("No folders in here."))
    if len(found) == SHOWN:
        st.caption(_("The first {n:,}; type the path of another one.", n=SHOWN))
    if folder is not None:
        taken = st.button(
            _("Take this folder"), type="primary", key=f"{key}_take", on_click=_take, args=(key, folder)
        )
        if taken:
            st.rerun()


def _show_way(key: str, folder: Path) -> None:
    """The folders that lead here, each a button, and where that is in full."""
    root = next(root.resolve() for root in roots() if folder.is_relative_to(root.resolve()))
    way = [
        root,
        *reversed([up for up in (folder, *folder.parents) if up != root and up.is_relative_to(root)]),
    ]
    with st.container(horizontal=True, gap="small", key=f"{key}_way_here"):
        if len(roots()) > 1:
            st.button("", icon=":material/home:", type="tertiary", key=f"{key}_up_home", on_click=_go, args=(key, None),
                      help=_("All places"))  # fmt: skip
        for number, up in enumerate(way):
            st.button(
                as_text(up.name), key=f"{key}_up_{number}", on_click=_go, args=(key, up), disabled=up == folder,
                icon=":material/chevron_right:" if number else None, type="tertiary",
            )  # fmt: skip
    st.caption(as_code(folder))


def _go(key: str, place: Path | None) -> None:
    st.session_state[_at(key)] = place


def _take(key: str, path: Path) -> None:
    st.session_state[key] = str(path)
