"""The Models page: what there is, how fast it is here, and a way in for other projects' checkpoints."""

from __future__ import annotations

import streamlit as st

from core.config import settings
from core.models.folder import ModelFile, list_models, models_folder
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import asset_text
from dashboard.shared.texts import N_, _, ngettext
from dashboard.views.models.import_form import show_import
from dashboard.views.models.row import show_row
from dashboard.views.models.state import DONE, PROBLEM, ModelsSession, models_session

CURATION = ("face_coverage",)
GROUPS = {
    "generators": N_("Sketch to photo"),
    "sketches": N_("Sketch to sketch, the first stage"),
    "curation": N_("Curation"),
    "unreadable": N_("Cannot be used"),
}


def show_page() -> None:
    """The whole page is a fragment: no widget of it needs the other pages' frame."""
    st.html(f"<style>{asset_text('views/models/page.css')}</style>")
    _show_models()


@st.fragment
def _show_models() -> None:
    session = models_session()
    models = list_models(settings().weights, models_folder())
    _show_head(models, session)
    _show_messages()
    if session.is_importing:
        show_import(session)
    for group, title in GROUPS.items():
        members = [model for model in models if group_of(model) == group]
        if members:
            st.html(f'<p class="studio-label model-group">{_(title)}</p>')
        for model in members:
            show_row(model, session)
    if not models:
        st.info(
            _(
                "No model is in {weights} or {folder}. Import one, or restore the weights with git.",
                weights=as_text(settings().weights),
                folder=as_text(models_folder()),
            ),
            icon=":material/info:",
        )


def group_of(model: ModelFile) -> str:
    """Which of ``GROUPS`` a model belongs to."""
    if model.info is None or (model.problem and not model.is_generator):
        return "unreadable"
    if model.is_generator:
        return "unreadable" if model.problem else "generators"
    return "curation" if model.info.family in CURATION else "sketches"


def _show_head(models: list[ModelFile], session: ModelsSession) -> None:
    generators = sum(group_of(model) == "generators" for model in models)
    yours = sum(not model.is_shipped for model in models)
    with st.container(horizontal=True, vertical_alignment="center", key="models_head"):
        st.markdown(
            f"#### {ngettext('{n} generator', '{n} generators', generators)} &nbsp;·&nbsp; "
            + (
                _("{n} models in all, {yours} of them yours", n=len(models), yours=yours)
                if yours
                else _("{n} models in all", n=len(models))
            ),
            width="stretch",
        )
        if not session.is_importing:
            st.button(
                _("Import a checkpoint"), type="primary", icon=":material/upload_file:", key="models_import",
                on_click=_open_import, args=(session,),
            )  # fmt: skip


def _open_import(session: ModelsSession) -> None:
    session.is_importing = True


def _show_messages() -> None:
    """Each in its place and in a toast, for those who have scrolled down."""
    if problem := as_text(PROBLEM.take()):
        st.toast(problem, icon=":material/error:")
        st.error(problem, icon=":material/error:")
    if done := as_text(DONE.take()):
        st.toast(done, icon=":material/check:")
        st.markdown(f":material/check: {done}")
