"""Where a drawing can come from: an example, a picture of paper, an earlier result."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import UnsafeImage
from dashboard.shared.gallery import Picture, show_pictures
from dashboard.shared.networks import Abilities
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import examples
from dashboard.shared.texts import _, translate_sentence
from dashboard.shared.uploads import drop_staged, staged_files
from dashboard.views.draw.drawing import fabric_from_file
from dashboard.views.draw.state import EXAMPLES, RECENT, UPLOAD, UPLOAD_MENU, DrawSession, drawing_from

MAX_UPLOAD_MB = 12  # a drawing photographed by a phone fits
PICTURES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif",
)  # fmt: skip


def show_examples(session: DrawSession) -> None:
    """Drawings to start from, one click each."""
    found = {example.name: example for example in examples()}
    if not found:
        return
    show_pictures(
        [Picture(e.name, e.thumbnail, _("Start from: {title}", title=_(e.title))) for e in found.values()],
        key=EXAMPLES,
        on_pick=lambda name: session.put_on_paper(found[name].drawing),
    )


def show_upload(session: DrawSession) -> None:
    """A drawing on paper or from another program; what cannot be read is said and changes nothing."""
    menu = st.popover(
        _("Upload"),
        icon=":material/add_photo_alternate:",
        key=UPLOAD_MENU,
        type="tertiary",
        on_change="rerun",
    )
    with menu:
        # Any name: what a file is, its content says. Phones save HEIC and .jfif, and pictures without an ending.
        st.file_uploader(
            _("A photo or scan of a drawing, a picture file, or strokes that were downloaded"),
            max_upload_size=MAX_UPLOAD_MB,
            key=_upload_key(session),
            on_change=take_chosen,
            args=(session, _upload_key(session)),
        )
        if session.upload_error:
            st.error(as_text(session.upload_error))


def _upload_key(session: DrawSession) -> str:
    """The uploader's key: a new number empties it."""
    return f"{UPLOAD}_{session.uploads}"


def take_chosen(session: DrawSession, key: str) -> None:
    """Take the file that was chosen in the uploader of this key, once.

    A stroke or a slow browser may send the uploader's value again when its file is on the paper and gone from the disk.
    """
    if key != _upload_key(session):
        return
    file = st.session_state[key]
    files, problems = staged_files([file] if file is not None else [], limit_mb=MAX_UPLOAD_MB)
    session.upload_error = problems[0] if problems else ""
    if files:
        session.upload_error = take_upload(session, files[0].read_bytes(), files[0].name)
        drop_staged([file])
    if file is not None and not session.upload_error:
        session.uploads += 1
        st.session_state[UPLOAD_MENU] = False


def take_upload(session: DrawSession, data: bytes, name: str = "") -> str:
    """Lay an uploaded drawing on the paper; where it cannot be read, say why and leave all as it was."""
    from core.scan_cleanup import read_drawing

    try:
        if data.lstrip()[:1] == b"{":
            session.put_on_paper(drawing_from(fabric_from_file(data)))
        else:
            session.put_upload(read_drawing(data))
    except UnsafeImage as error:
        ending = Path(name).suffix.lower()
        if ending in ("", ".json", *PICTURES):
            return translate_sentence(error)
        return _("Files ending in {ending} are not allowed. {error}", ending=ending, error=error)
    return ""


def show_recent(session: DrawSession, abilities: Abilities) -> None:
    """The last results; a click brings drawing and settings back."""
    if not session.history:
        return

    def bring_back(position: str) -> None:
        entry = session.history[int(position)]
        session.set_settings(entry.settings)
        session.shown = entry
        session.put_on_paper(entry.drawing)

    current = next((str(i) for i, e in enumerate(session.history) if e is session.shown), "")
    pictures = [
        Picture(
            str(i),
            entry.thumbnail,
            _("Result {n}, {title}", n=i + 1, title=abilities.card(entry.settings.generator).title),
        )
        for i, entry in enumerate(session.history)
    ]
    show_pictures(pictures, key=RECENT, on_pick=bring_back, selected=current)
