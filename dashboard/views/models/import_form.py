"""Importing a checkpoint: choose it, look at what it is, say how it was trained, name it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import streamlit as st

from core.checkpoint_import.architecture import PROJECTS
from core.checkpoint_import.reading import ENDINGS
from core.config import settings
from core.models.conventions import Conventions
from core.models.folder import models_folder
from core.models.model_store import check_name
from dashboard.shared import audit
from dashboard.shared.networks import family_title
from dashboard.shared.plain_text import as_text
from dashboard.shared.server_paths import ask_server_path
from dashboard.shared.texts import N_, _, translate_sentence
from dashboard.shared.uploads import StagedFile, take_staged
from dashboard.views.models.drafts import (
    accept_draft,
    drop_draft,
    make_draft,
    server_file,
    spool_upload,
    take_other_network,
)
from dashboard.views.models.formatting import architecture_line, count_words
from dashboard.views.models.row import ask_conventions, show_trial
from dashboard.views.models.state import DONE, PROBLEM, UPLOAD_LIMIT_MB, Draft, ModelsSession

WAYS = (N_("Upload"), N_("On the server's disk"))
BY_WEIGHTS = N_("By its weights")


def show_import(session: ModelsSession) -> None:
    """The panel, at its first or at its second step."""
    with st.container(border=True, key="model_import"):
        if session.draft is not None and not session.draft.path.is_file():
            session.draft = None
            st.warning(_("What was read is gone from the server's disk. Choose the file again."))
        if session.draft is None:
            _show_choice(session)
        else:
            _show_draft(session.draft, session)


def _show_choice(session: ModelsSession) -> None:
    number = session.imports
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control(
            _("Checkpoint"), WAYS, default=WAYS[0], key=f"import_way_{number}", required=True, format_func=_
        )
        family = st.selectbox(
            _("Family"), (BY_WEIGHTS, *PROJECTS), key=f"import_family_{number}", width=220,
            format_func=lambda name: _(name) if name == BY_WEIGHTS else family_title(name),
        )  # fmt: skip
    uploaded, text = None, ""
    if way == WAYS[1]:
        text = ask_server_path(
            _("Full path on the server"),
            key=f"import_path_{number}",
            placeholder="/…/latest_net_G.pth",
            endings=ENDINGS,
        )
    else:
        uploaded = st.file_uploader(
            _(
                "Weights of Pix2PixHD, CycleGAN or U-GAT-IT, or a model of ours; up to {gb:g} GB",
                gb=UPLOAD_LIMIT_MB / 1000,
            ),
            type=[ending.removeprefix(".") for ending in ENDINGS],
            max_upload_size=UPLOAD_LIMIT_MB,
            key=f"import_file_{number}",
        )
    files = take_staged(uploaded, limit_mb=UPLOAD_LIMIT_MB)
    with st.container(horizontal=True):
        pressed = st.button(
            _("Read it"), type="primary", disabled=not (files or text.strip()), key=f"import_read_{number}"
        )
        st.button(
            _("Cancel"), type="tertiary", on_click=_cancel, args=(session,), key=f"import_cancel_{number}"
        )
    if pressed:
        with st.spinner(_("Reading …")):
            problem = _read(session, files, text, None if family == BY_WEIGHTS else family)
        if problem:
            st.error(as_text(problem), icon=":material/error:")
        else:
            st.rerun()
    st.caption(
        _(
            "Only weights are opened, never programs. What the weights do not tell, such as the colour of the lines, "
            "you say at the next step, beside an image of what comes of it."
        )
    )


def _read(session: ModelsSession, files: Sequence[StagedFile], text: str, project: str | None) -> str:
    """Make the draft; empty, or why that cannot be done."""
    try:
        if files:
            session.draft = make_draft(spool_upload(files[0]), files[0].name, project, is_spooled=True)
        else:
            path = server_file(text)
            session.draft = make_draft(path, path.name, project, is_spooled=False)
    except (ValueError, RuntimeError) as error:
        return translate_sentence(error)
    except OSError as error:
        return _(
            "The file cannot be read or kept: {error}. Free some space and try again.",
            error=error.strerror or error,
        )
    return ""


def _show_draft(draft: Draft, session: ModelsSession) -> None:
    number = session.imports
    st.markdown(
        _(
            "**{name}** is {architecture} · {count} parameters",
            name=as_text(draft.shown_name),
            architecture=as_text(architecture_line(draft.info.family, draft.info.config)),
            count=count_words(draft.parameters),
        )
    )
    if notes := draft.info.provenance.get("notes"):
        st.caption(as_text("; ".join(map(translate_sentence, notes))))
    form, trial = st.columns([2, 3], gap="large")
    with form:
        if draft.networks:
            st.selectbox(
                _("Network of the file"), draft.networks, draft.networks.index(draft.network),
                key=f"import_network_{number}_{draft.path.stem}", on_change=_take_other, args=(draft, session),
            )  # fmt: skip
        conventions = ask_conventions(
            draft.conventions, draft.info.family, draft.info.config, key=f"import_{draft.path.stem}"
        )
        name = st.text_input(_("Name"), _suggested(draft), key=f"import_name_{number}", max_chars=60)
        licence = st.text_input(
            _("Licence of the weights"), "" if draft.info.licence == "unknown" else draft.info.licence,
            key=f"import_licence_{number}", placeholder=_("unknown"), max_chars=200,
        )  # fmt: skip
        note = st.text_input(
            _("Note"), key=f"import_note_{number}", max_chars=500, placeholder=_("where it is from")
        )
        with st.container(horizontal=True):
            st.button(
                _("Import"), type="primary", key=f"import_do_{number}", disabled=not name.strip(),
                on_click=_accept, args=(draft, session, name, conventions, licence, note),
            )  # fmt: skip
            st.button(
                _("Cancel"), type="tertiary", on_click=_cancel, args=(session,), key=f"import_drop_{number}"
            )
    with trial:
        show_trial(draft.path, draft.fingerprint, conventions, session, key=f"import_try_{number}")
        st.caption(
            _(
                "A face that looks like a negative, or blue skin, says that lines or colours are the other way."
            )
        )


def _suggested(draft: Draft) -> str:
    stem = Path(draft.shown_name).stem
    plain = "".join(c if c.isalnum() or c in "_.-" else "-" for c in normalize("NFC", stem)).strip("-._")
    return plain[:60] or draft.info.family


def _take_other(draft: Draft, session: ModelsSession) -> None:
    network = st.session_state[f"import_network_{session.imports}_{draft.path.stem}"]
    try:
        session.draft = take_other_network(draft, network)
    except (ValueError, RuntimeError, OSError) as error:
        session.draft = None
        PROBLEM.keep(error)


def _accept(
    draft: Draft, session: ModelsSession, name: str, conventions: Conventions, licence: str, note: str
) -> None:
    try:
        free = check_name(name, settings().weights, models_folder())
        accept_draft(draft, free, conventions, licence, note)
    except (ValueError, RuntimeError) as error:
        PROBLEM.keep(error)
        return
    except OSError as error:
        PROBLEM.keep(
            _("It cannot be kept: {error}. Free some space and try again.", error=error.strerror or error)
        )
        return
    audit.record("import model", free, licence)
    session.draft, session.is_importing = None, False
    session.imports += 1
    session.opened = free
    DONE.keep(_("{free} is imported; it can be chosen on the Draw page.", free=free))


def _cancel(session: ModelsSession) -> None:
    if session.draft is not None:
        drop_draft(session.draft)
    session.draft, session.is_importing = None, False
    session.imports += 1
