"""The Draw page: a canvas, and the photo that follows the pen."""

from __future__ import annotations

import logging

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import AssetMissing
from dashboard import resources
from dashboard.components.actions import show_convert, show_downloads
from dashboard.components.canvas import show_canvas
from dashboard.components.look import show_look
from dashboard.components.result import show_faces, show_photo, show_refined, show_status, show_waiting
from dashboard.components.start import show_examples, show_recent, show_upload
from dashboard.components.toolbar import show_toolbar
from dashboard.decisions import Step, missing_text, next_step
from dashboard.drawing import data_url
from dashboard.state import CANVAS, DrawSession, Look, Shown, draw_session

logger = logging.getLogger(__name__)


def show_page() -> None:
    """The whole page; only the fragment within runs again after a stroke."""
    st.html(f"<style>{resources.asset_text('studio.css')}</style>")
    if CANVAS not in st.session_state:
        draw_session().come_back()
    show_studio()


@st.fragment
def show_studio() -> None:
    """Canvas left, photo right, settings beside them; the networks run last, when all else is up."""
    session = draw_session()
    paper, photo, side = st.columns([20, 20, 11], gap="medium")
    with paper:
        show_toolbar(session)
        session.receive(show_canvas(session.tools, session.load, session.drawing))
    with photo:
        actions = st.container(key="actions", horizontal=True, vertical_alignment="center")
        with actions:
            is_live, is_asked = show_convert()
            st.space("stretch")
            busy = st.container(key="busy", width="content")
        picture = st.container(key="photo")
        status = st.container(key="status").empty()
    with side:
        st.html('<p class="studio-label studio-tall">Refined sketch</p>')
        refined = st.container(key="refined")
        look, more = show_look(session)
    start, recent, _ = st.columns([20, 20, 11], gap="medium")
    with start, st.container(gap="xsmall"):
        with st.container(key="start", horizontal=True, vertical_alignment="center"):
            st.html('<p class="studio-label">Start from a drawing</p>')
            show_upload(session)
        show_examples(session)

    step = next_step(session, look, is_live=is_live, is_asked=is_asked)
    if step is Step.EMPTY:
        session.shown = None
    is_ready = step is not Step.GENERATE or _make_face(session, look, status, busy)
    with picture:
        show_photo(session.shown)
    if is_ready:
        show_status(status, session.shown, step)
    with actions:
        show_downloads(session.drawing, session.shown)
    with refined:
        show_refined(session.shown)
    with more:
        show_faces(session.shown)
    with recent, st.container(gap="xsmall"):
        with st.container(key="recent_title", horizontal=True, vertical_alignment="center"):
            st.html(f'<p class="studio-label">{"Recent" if session.history else "&nbsp;"}</p>')
        show_recent(session)
    if step is Step.EMPTY and _get_ready(status):  # so that the first stroke is answered at once
        show_status(status, None, step)


def _make_face(session: DrawSession, look: Look, status: DeltaGenerator, busy: DeltaGenerator) -> bool:
    """Call the networks; the face is kept before anything is drawn, so that a newer stroke cannot lose it."""
    if session.drawing.sketch is None or not _get_ready(status):
        return False
    with busy, st.spinner("Making the photo"):  # seen only when it takes long
        result = resources.generate(session.drawing.sketch, look)
    if result.photo is None:
        session.shown = Shown(session.drawing, look, result)
    else:
        urls = data_url(result.photo), data_url(result.refined_sketch), resources.thumbnail(result.photo)
        session.remember(Shown(session.drawing, look, result, *urls))
    return True


def _get_ready(status: DeltaGenerator) -> bool:
    """Wait for the networks; a newer stroke breaks in at every round, because each one talks to the browser."""
    try:
        for _ in resources.until_ready():
            show_waiting(status)
    except AssetMissing as error:
        logger.warning("no weights: %s", error)
        status.error(missing_text(error), icon=":material/cloud_off:")
        return False
    return True
