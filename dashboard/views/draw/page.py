"""The Draw page: a canvas, and the photo that follows the pen."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.conversion.settings import ConversionSettings
from dashboard.shared import networks
from dashboard.shared.networks import Abilities
from dashboard.shared.page_turn import PAGE_TURN
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import _
from dashboard.views.draw.actions import show_convert, show_downloads
from dashboard.views.draw.canvas import show_canvas, show_ghost, show_toolbar
from dashboard.views.draw.decisions import Step, next_step
from dashboard.views.draw.drawing import has_ink
from dashboard.views.draw.generator_menu import (
    all_ways,
    show_compare_button,
    show_comparison,
    show_generators,
)
from dashboard.views.draw.inference import (
    get_ready,
    make_face,
    make_ghost,
    make_missing,
    make_samples,
    make_variants,
    run_again,
)
from dashboard.views.draw.kept import open_query, show_kept
from dashboard.views.draw.placement import show_placement
from dashboard.views.draw.result import (
    show_attention,
    show_faces,
    show_photo,
    show_refined,
    show_status,
)
from dashboard.views.draw.settings import show_parts, show_settings
from dashboard.views.draw.start import show_examples, show_recent, show_upload
from dashboard.views.draw.state import CANVAS, DrawSession, draw_session
from dashboard.views.draw.variants import show_variants


def show_page() -> None:
    """The whole page; only the fragment within runs again after a stroke."""
    if CANVAS not in st.session_state:
        open_query(draw_session())
        draw_session().come_back()
    show_studio()


@st.fragment
def show_studio() -> None:
    """Show the studio when its turn has come."""
    with PAGE_TURN.held():
        _show_studio()


def _show_studio() -> None:
    """Canvas left, photo right, settings beside them; the networks run last, when all else is up."""
    session, abilities = draw_session(), networks.abilities()
    paper, photo, side = st.columns([20, 20, 11], gap="medium")
    with photo:
        actions = st.container(key="actions", horizontal=True, vertical_alignment="center")
        picture = st.container(key="photo")
        busy = picture.container(key="busy", width="content")
        status = st.container(key="status").empty()
    # First of all what the run before has made: a newer stroke may have ended it before it could show that.
    before = session.shown
    frame = show_photo(picture, before)
    with paper:
        show_toolbar(session, abilities)
        session.receive(show_canvas(session))
        link = show_placement(session)
    is_drawn = has_ink(session.drawing.fabric)
    with actions:
        is_live, is_asked = show_convert()
        st.space("stretch")
        is_choosing = show_generators(session, abilities, _pictures(session, abilities, is_drawn=is_drawn))
        show_compare_button(session, abilities, is_drawn=is_drawn)
    with side:
        head = st.container(key="side_title", horizontal=True, vertical_alignment="center")
        head.html(f'<p class="studio-label studio-tall">{_("Refined sketch")}</p>')
        refined = st.container(key="refined")
        wanted, more = show_settings(session, abilities)
    with head:
        is_varying = show_variants(session, is_drawn=is_drawn)
    with link:
        show_kept(session)
    start, recent, parts = st.columns([20, 20, 11], gap="medium")
    with start, st.container(gap="xsmall"):
        with st.container(key="start", horizontal=True, vertical_alignment="center"):
            st.html(f'<p class="studio-label">{_("Start from a drawing")}</p>')
            show_upload(session)
        show_examples(session)

    step = next_step(session, wanted, is_live=is_live, is_asked=is_asked)
    if step is Step.EMPTY:
        session.shown, session.is_comparing = None, False
    is_ready = step is not Step.GENERATE or make_face(session, wanted, status, busy)
    if session.shown is not before:
        show_photo(frame, session.shown)
    with picture:
        show_attention(session.shown)
    if is_ready:
        show_status(status, session.shown, step)
    with actions:
        show_downloads(session)
    with refined:
        show_refined(session.shown)
    with more:
        show_faces(session.shown)
    with recent, st.container(gap="xsmall"):
        with st.container(key="recent_title", horizontal=True, vertical_alignment="center"):
            st.html(f'<p class="studio-label">{_("Recent") if session.history else "&nbsp;"}</p>')
        show_recent(session, abilities)
    if wanted.stage1 == "parts" and abilities.has_parts:
        with parts, st.container(key="part_rows"):
            show_parts(session, is_refined=wanted.mode != "none")
    _say_once(session)
    _go_on(session, wanted, abilities, status, step=step, is_choosing=is_choosing, is_varying=is_varying)


def _go_on(
    session: DrawSession,
    wanted: ConversionSettings,
    abilities: Abilities,
    status: DeltaGenerator,
    *,
    step: Step,
    is_choosing: bool,
    is_varying: bool,
) -> None:
    """What can wait until the photo is there: the ghost, the other generators' faces, the networks themselves."""
    show_ghost(make_ghost(session, wanted, status))
    if step is Step.EMPTY:
        if get_ready(session, wanted, status):  # so that the first stroke is answered at once
            show_status(status, None, step)
            if not abilities.cards and networks.abilities().cards:
                run_again()  # now there is something to choose from
            if is_choosing:
                make_samples(session, abilities.names, status)
        return
    ways = all_ways(wanted, abilities.names, has_parts=abilities.has_parts)
    if session.is_comparing:
        show_comparison(session, abilities, ways)
        make_missing(session, ways, status)
    elif is_choosing:
        make_missing(session, [replace(wanted, generator=name) for name in abilities.names], status)
    elif is_varying:
        make_variants(session, wanted, status)
    elif not abilities.cards and networks.abilities().cards:
        run_again()


def _pictures(session: DrawSession, abilities: Abilities, *, is_drawn: bool) -> dict[str, str]:
    """A photo by each generator, as far as they are made: of the drawing, or of an example before there is one."""
    if not is_drawn:
        return {name: networks.sample_url(name) for name in abilities.names}
    made = {name: session.find(replace(session.settings, generator=name)) for name in abilities.names}
    return {name: face.tile_url for name, face in made.items() if face is not None}


def _say_once(session: DrawSession) -> None:
    """Tell what was done or had to be left, such as a generator that cannot be used."""
    if session.notice:
        st.toast(as_text(session.notice), icon=":material/info:", duration="long")
        session.notice = ""
