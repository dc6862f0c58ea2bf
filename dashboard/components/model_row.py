"""One model of the Models page: a line, and its details when it is opened."""

from __future__ import annotations

import streamlit as st

from core.errors import AssetMissing
from core.models.folder import models_folder
from core.models.listing import ModelFile
from core.models.speed import MEASURABLE, Speed, kept_speed
from dashboard.components.model_deeds import show_deeds
from dashboard.components.model_trial import show_trial
from dashboard.models.painting import measure
from dashboard.models.state import ModelsSession
from dashboard.models.words import (
    architecture_line,
    card_text,
    conventions_rows,
    facts_line,
    family_title,
    size_words,
    speed_details,
    speed_words,
)
from dashboard.plain_text import as_code, as_text


def show_row(model: ModelFile, session: ModelsSession) -> None:
    """Name, facts and speed; below them what was opened."""
    with st.container(border=True, key=f"model_{model.name}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"model_head_{model.name}"):
            st.markdown(_headline(model), width="stretch")
            if not model.problem:
                _show_speed(model, session)
                is_open = session.opened == model.name
                st.button(
                    "Close" if is_open else "Open",
                    key=f"open_{model.name}",
                    on_click=session.toggle,
                    args=(model.name,),
                    icon=":material/expand_less:" if is_open else ":material/expand_more:",
                    icon_position="right",
                    type="tertiary",
                )
            elif not model.is_shipped:
                show_deeds(model, session, is_damaged=True)
        if model.problem:
            st.error(as_text(_with_way_out(model)), icon=":material/broken_image:")
        elif session.opened == model.name:
            _show_details(model, session)


def _headline(model: ModelFile) -> str:
    badge = ":gray-badge[shipped]" if model.is_shipped else ":violet-badge[yours]"
    title = family_title(model.info.family) if model.info else "unreadable"
    facts = f":small[:gray[{as_text(facts_line(model))}]]"
    return f"**{as_text(model.name)}** &nbsp;{as_text(title)} &nbsp;{badge}  \n{facts}"


def _with_way_out(model: ModelFile) -> str:
    way = "Restore it from the repository." if model.is_shipped else "Remove it and import it again."
    return f"{model.problem.rstrip('.')}. {way}"


def _show_speed(model: ModelFile, session: ModelsSession) -> None:
    assert model.info is not None
    if model.info.family not in MEASURABLE:
        return
    speed = kept_speed(models_folder(), model.name, model.fingerprint)
    place = st.empty()
    label = "Measure" if speed is None else speed_words(speed)
    pressed = place.button(
        label,
        key=f"measure_{model.name}",
        icon=":material/speed:",
        help="How long one picture takes on this machine; about ten seconds of work."
        if speed is None
        else f"{as_text(speed_details(speed))}. Press to measure again.",
        type="secondary" if speed is None else "tertiary",
    )
    if problem := session.measured.get(model.name):
        st.caption(f":material/error: {as_text(problem)}")
    if pressed:
        place.markdown(":material/hourglass_top: measuring …", width="content")
        _measure(model, session)
        st.rerun()


def _measure(model: ModelFile, session: ModelsSession) -> Speed | None:
    session.measured.pop(model.name, None)
    try:
        return measure(model, session.example)
    except (AssetMissing, ValueError, RuntimeError) as error:
        session.measured[model.name] = str(error)
    except OSError as error:
        session.measured[model.name] = f"The figure cannot be kept: {error.strerror or error}."
    return None


def _show_details(model: ModelFile, session: ModelsSession) -> None:
    assert model.info is not None
    if model.is_generator and model.info.conventions is not None:
        trial, facts = st.columns([3, 2], gap="large")
        with trial:
            show_trial(
                model.path, model.fingerprint, model.info.conventions, session, key=f"try_{model.name}"
            )
    else:
        facts = st.container()
    with facts:
        st.caption(as_text(architecture_line(model.info.family, model.info.config)))
        if model.info.conventions is not None:
            rows = conventions_rows(model.info.conventions)
            st.markdown("| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows))
        st.caption(f"{as_code(model.path)} · {size_words(model.size_bytes)}")
        if not model.is_shipped:
            show_deeds(model, session)
    with st.expander("Model card", expanded=not model.is_generator):
        st.markdown(card_text(model) or "No card.")
