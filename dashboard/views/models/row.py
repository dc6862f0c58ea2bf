"""Show one model: facts, trial, actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from core.config import settings
from core.errors import AssetMissing
from core.models.conventions import (
    BORDERS,
    COLOURS,
    MAX_IMAGE_SIZE,
    POLARITIES,
    RANGES,
    STATISTICS,
    Conventions,
)
from core.models.families import ModelInfo, build_config
from core.models.folder import ModelFile, models_folder
from core.models.model_store import change_model, check_name, remove_model, rename_model
from core.models.speed import MEASURABLE, Speed, kept_speed
from dashboard.shared import audit
from dashboard.shared.formatting import size_text
from dashboard.shared.gallery import Picture, show_pictures
from dashboard.shared.links import compare_model, draw_with
from dashboard.shared.networks import family_title
from dashboard.shared.plain_text import as_code, as_text
from dashboard.shared.resources import examples
from dashboard.shared.texts import _, ngettext, translate_sentence
from dashboard.views.models.formatting import (
    POLARITY_WORDS,
    RANGE_WORDS,
    STATISTICS_WORDS,
    architecture_line,
    card_text,
    conventions_rows,
    facts_line,
    model_title,
    speed_details,
)
from dashboard.views.models.painting import Painted, measure, paint
from dashboard.views.models.state import DONE, PROBLEM, ModelsSession
from eval.comparison.comparison_store import entries, root_of
from eval.comparison.request import GeneratorSource


def show_trial(
    path: Path, fingerprint: tuple[int, int], conventions: Conventions, session: ModelsSession, *, key: str
) -> None:
    """Sketch and photo side by side, and the examples to choose from."""
    place = st.container()
    found = {example.name: example for example in examples()}

    def pick(name: str) -> None:
        session.example = name

    show_pictures(
        [Picture(e.name, e.thumbnail, _("Try on: {title}", title=_(e.title))) for e in found.values()],
        key=f"{key}_examples",
        on_pick=pick,
        selected=session.example,
    )
    with place:
        painted = try_painting(path, fingerprint, conventions, session.example)
        if painted is not None:
            _show(painted)


def try_painting(
    path: Path, fingerprint: tuple[int, int], conventions: Conventions, example: str
) -> Painted | None:
    """Paint, or say why that cannot be done."""
    try:
        with st.spinner(_("Painting …")):
            return paint(path, fingerprint, conventions, example)
    except (AssetMissing, ValueError) as error:
        st.error(as_text(error))
    except RuntimeError as error:
        first = (str(error).strip().splitlines() or [_("no reason given")])[0]
        reason = as_text(first[:200])
        st.error(
            _("The network does not run with these settings: {reason}. Try another size.", reason=reason)
        )
    return None


def _show(painted: Painted) -> None:
    pictures = [(_("as the network sees it"), painted.sketch), (_("its photo"), painted.photo)]
    figures = "".join(
        f'<figure><img src="{url}" alt="{label}"><figcaption>{label}</figcaption></figure>'
        for label, url in pictures
    )
    st.html(f'<div class="model-trial">{figures}</div>')


def ask_conventions(current: Conventions, family: str, config: Mapping[str, Any], *, key: str) -> Conventions:
    """Widgets for all that the weights do not tell; gives what they say now."""
    multiple = build_config(ModelInfo(family, dict(config), {}, "")).multiple
    is_fixed = family == "ugatit" and not config.get("light")
    polarity = st.segmented_control(
        _("Lines of the sketches"), POLARITIES, default=current.polarity, key=f"{key}_polarity", required=True,
        format_func=lambda value: _(POLARITY_WORDS[value]).capitalize(),
    )  # fmt: skip
    left, right = st.columns(2)
    size = left.number_input(
        _("Side in pixels"), multiple, MAX_IMAGE_SIZE - MAX_IMAGE_SIZE % multiple, current.image_size, multiple,
        key=f"{key}_size", disabled=is_fixed,
        help=_("This network works at this size only.") if is_fixed else _("What it was trained at; other sizes "
        "work, but look worse. Multiples of {multiple}.", multiple=multiple),
    )  # fmt: skip
    colour = right.segmented_control(
        _("Colours of the photo"), COLOURS, default=current.colour, key=f"{key}_colour", required=True,
        format_func=lambda value: value.upper(), help=_("BGR where the project wrote its photos with OpenCV."),
    )  # fmt: skip
    statistics, border = current.statistics, current.border
    if config.get("norm") == "batch":
        statistics = st.segmented_control(
            _("BatchNorm goes by"), STATISTICS, default=statistics, key=f"{key}_statistics", required=True,
            format_func=lambda value: _(STATISTICS_WORDS[value]),
            help=_("The projects' test scripts go by each image unless they are given --eval; "
                   "take what looks better."),
        )  # fmt: skip
    if config.get("padding") == "reflect" and not config.get("patch", 1) > 1:
        border = st.segmented_control(
            _("Borders of its blocks"), BORDERS, default=border, key=f"{key}_border", required=True,
            help=_("replicate where it was trained with --padding_type replicate: its weights do not tell."),
        )  # fmt: skip
    with st.expander(_("Ranges of values")):
        sides = st.columns(2)
        ranges: dict[str, Any] = {}
        for side, name, label in zip(
            sides, ("input_range", "output_range"), (_("Sketch"), _("Photo")), strict=True
        ):
            ranges[name] = side.selectbox(
                label, RANGES, RANGES.index(getattr(current, name)), key=f"{key}_{name}",
                format_func=lambda value: _(RANGE_WORDS[value]),
            )  # fmt: skip
        st.caption(_("Channels of the sketch: {n}, from the weights.", n=current.input_channels))
    return replace(
        current,
        image_size=max(multiple, int(size) - int(size) % multiple),
        polarity=polarity,
        colour=colour,
        statistics=statistics,
        border=border,
        **ranges,
    )


def show_actions(model: ModelFile, session: ModelsSession, *, is_damaged: bool = False) -> None:
    """What may be done to a model that is not shipped."""
    width: Literal["content", "stretch"] = "content" if is_damaged else "stretch"
    with st.container(horizontal=True, key=f"actions_{model.name}", width=width):
        if not is_damaged:
            _show_rename(model, session)
            if model.info is not None and model.info.conventions is not None:
                _show_change(model, model.info.conventions)
        if st.button(_("Delete"), icon=":material/delete:", key=f"removing_{model.name}"):
            st.dialog(_("Delete this model?"))(_ask_to_remove)(model, session)


def _ask_to_remove(model: ModelFile, session: ModelsSession) -> None:
    st.markdown(
        _(
            "**{name}** ({size}) is deleted for good, with its card.",
            name=as_text(model.name),
            size=size_text(model.size_bytes),
        )
        + f" {_named_by(model.name)}"
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        keeps = st.button(_("Keep it"), key=f"keep_{model.name}")
        deletes = st.button(
            _("Delete for good"), type="primary", key=f"remove_{model.name}", on_click=_remove,
            args=(model.name, session),
        )  # fmt: skip
    if keeps or deletes:
        st.rerun()


def _named_by(name: str) -> str:
    """How many comparisons a model was drawn for, in a sentence."""
    asked = [one.request.fakes.values() for one in entries(root_of(settings().data)) if one.request]
    count = sum(
        any(isinstance(source, GeneratorSource) and source.generator == name for source in sources)
        for sources in asked
    )
    if not count:
        return _("No comparison names it.")
    return ngettext(
        "{n} comparison names it: it stays, but cannot be repeated without the model.",
        "{n} comparisons name it: they stay, but cannot be repeated without the model.",
        count,
    )


def _show_rename(model: ModelFile, session: ModelsSession) -> None:
    with st.popover(_("Rename"), icon=":material/edit:", key=f"renaming_{model.name}"):
        new = st.text_input(_("New name"), model.name, key=f"new_name_{model.name}", max_chars=60)
        st.button(
            _("Rename"),
            key=f"rename_{model.name}",
            type="primary",
            disabled=new.strip() in ("", model.name),
            on_click=_rename,
            args=(model.name, new, session),
        )


def _show_change(model: ModelFile, conventions: Conventions) -> None:
    assert model.info is not None
    with st.popover(_("Settings"), icon=":material/tune:", key=f"changing_{model.name}"):
        chosen = ask_conventions(
            conventions, model.info.family, model.info.config, key=f"change_{model.name}"
        )
        licence = st.text_input(_("Licence of the weights"), model.info.licence, key=f"licence_{model.name}")
        is_same = chosen == conventions and licence == model.info.licence
        st.button(
            _("Save"),
            key=f"save_{model.name}",
            type="primary",
            disabled=is_same,
            on_click=_change,
            args=(model, chosen, licence),
        )


def _change(model: ModelFile, conventions: Conventions, licence: str) -> None:
    info = model.info
    assert info is not None
    with PROBLEM.keeping(ValueError, RuntimeError, OSError):
        change_model(model.path, conventions=conventions, licence=licence, provenance=info.provenance)
        DONE.keep(_("{name} is changed.", name=model.name))


def _rename(name: str, new: str, session: ModelsSession) -> None:
    with PROBLEM.keeping(ValueError, RuntimeError, OSError):
        free = check_name(new, settings().weights, models_folder())
        rename_model(models_folder(), name, free)
        audit.record("rename model", name, f"to {free}")
        DONE.keep(_("{name} is called {free} now.", name=name, free=free))
        session.opened = free


def _remove(name: str, session: ModelsSession) -> None:
    with PROBLEM.keeping(ValueError, RuntimeError, OSError):
        remove_model(models_folder(), name)
        audit.record("delete model", name)
        DONE.keep(_("{name} is deleted.", name=name))
        session.opened = ""


def show_row(model: ModelFile, session: ModelsSession) -> None:
    """Name, facts and speed; below them what was opened."""
    with st.container(border=True, key=f"model_{model.name}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", key=f"model_head_{model.name}"):
            st.markdown(_headline(model), width="stretch")
            if not model.problem:
                if model.is_generator:
                    _show_next(model)
                _show_speed(model, session)
                is_open = session.opened == model.name
                st.button(
                    _("Close") if is_open else _("Open"),
                    key=f"open_{model.name}",
                    on_click=session.toggle,
                    args=(model.name,),
                    icon=":material/expand_less:" if is_open else ":material/expand_more:",
                    icon_position="right",
                    type="tertiary",
                )
            elif not model.is_shipped:
                show_actions(model, session, is_damaged=True)
        if model.problem:
            st.error(as_text(_with_way_out(model)), icon=":material/broken_image:")
        elif session.opened == model.name:
            _show_details(model, session)


def _show_next(model: ModelFile) -> None:
    """What a generator is for: to draw with it, and to compare it."""
    if st.button(_("Draw with it"), key=f"draw_{model.name}", icon=":material/draw:", type="tertiary"):
        draw_with(model.name)
    if st.button(
        _("Compare it"), key=f"compare_{model.name}", icon=":material/leaderboard:", type="tertiary"
    ):
        compare_model(model.name)


def _headline(model: ModelFile) -> str:
    badge = f":gray-badge[{_('shipped')}]" if model.is_shipped else f":violet-badge[{_('yours')}]"
    title = family_title(model.info.family) if model.info else _("unreadable")
    facts = f":small[:gray[{as_text(facts_line(model))}]]"
    name = model_title(model.name)
    named = f"**{as_text(name)}**" + ("" if name == title else f" &nbsp;{as_text(title)}")
    return f"{named} &nbsp;{badge}  \n{facts}"


def _with_way_out(model: ModelFile) -> str:
    way = _("Restore it from the repository.") if model.is_shipped else _("Delete it and import it again.")
    return f"{translate_sentence(model.problem).rstrip('.')}. {way}"


def _show_speed(model: ModelFile, session: ModelsSession) -> None:
    assert model.info is not None
    if model.info.family not in MEASURABLE:
        return
    speed = kept_speed(models_folder(), model.name, model.fingerprint)
    place = st.empty()
    label = _("Measure") if speed is None else f"{speed.milliseconds:,.0f} ms"
    pressed = place.button(
        label,
        key=f"measure_{model.name}",
        icon=":material/speed:",
        help=_("How long one image takes on this machine; about ten seconds of work.")
        if speed is None
        else _("{measured}. Press to measure again.", measured=as_text(speed_details(speed))),
        type="secondary" if speed is None else "tertiary",
    )
    if problem := session.measured.get(model.name):
        st.caption(f":material/error: {as_text(problem)}")
    if pressed:
        place.markdown(":material/hourglass_top: " + _("measuring …"), width="content")
        _measure(model, session)
        st.rerun()


def _measure(model: ModelFile, session: ModelsSession) -> Speed | None:
    session.measured.pop(model.name, None)
    try:
        return measure(model, session.example)
    except (AssetMissing, ValueError, RuntimeError) as error:
        session.measured[model.name] = translate_sentence(error)
    except OSError as error:
        session.measured[model.name] = _("The figure cannot be kept: {error}.", error=error.strerror or error)
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
        st.caption(f"{as_code(model.path)} · {size_text(model.size_bytes)}")
        if not model.is_shipped:
            show_actions(model, session)
    with st.expander(_("Model card"), expanded=not model.is_generator):
        st.markdown(card_text(model) or _("No card."))
