"""The photo and what belongs to it: empty state, refined sketch, hint, training faces."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.conversion.settings import ConversionSettings
from dashboard.shared.networks import cards
from dashboard.shared.resources import component, face_url, heat_url
from dashboard.shared.texts import N_, _, ngettext
from dashboard.views.draw.decisions import Step, status_text, timing_text, waiting_text
from dashboard.views.draw.settings import PART_TITLES
from dashboard.views.draw.state import ATTENTION, CANVAS, LINES_OVER, Shown

if TYPE_CHECKING:
    from core.conversion.request import Neighbour

EMPTY_TEXT = N_("Draw a face.<br>Its photo appears here.")
FACES_SHOWN = 10


def show_photo(place: DeltaGenerator, shown: Shown | None) -> DeltaGenerator:
    """Put the photo, or the friendly blank where one will be, into a container or over what this gave before."""
    if shown is None or not shown.photo_url:
        return place.html(
            f'<div class="studio-blank studio-empty" data-testid="empty"><p>{_(EMPTY_TEXT)}</p></div>'
        )
    count = len(shown.drawing.fabric.get("objects", []))
    made_from = ngettext(
        "Photo made from your drawing of {n} stroke", "Photo made from your drawing of {n} strokes", count
    )
    return place.image(shown.photo_url, width="stretch", alt=made_from)


def show_status(line: DeltaGenerator, shown: Shown | None, step: Step) -> None:
    """One quiet line: what could be better or what to do next, and how long it took."""
    whole, steps = timing_text(shown.result.timings) if shown is not None else ("", "")
    state = "studio-status studio-waits" if step is Step.WAIT else "studio-status"
    line.html(
        f'<p class="{state}"><span>{status_text(shown, step)}</span><span title="{steps}">{whole}</span></p>'
    )


def show_waiting(line: DeltaGenerator, wanted: ConversionSettings) -> None:
    """The same line while networks are loaded, each once after the server's start."""
    (card,) = cards([wanted.generator])
    _show_wait(line, waiting_text(wanted, card.title))


def show_place(line: DeltaGenerator, before: int) -> None:
    """The same line while other visitors' drawings come first."""
    _show_wait(line, ngettext("One drawing comes before yours …", "{n} drawings come before yours …", before))


def _show_wait(line: DeltaGenerator, text: str) -> None:
    line.html(f'<p class="studio-status studio-loads"><span>{html.escape(text)}</span></p>')


def show_attention(shown: Shown | None) -> None:
    """A switch on the photo that lays the generator's attention over it, where the generator has any."""
    attention = shown.result.attention if shown is not None else None
    if attention is None:
        return
    if st.toggle(_("Attention"), key=ATTENTION, persist_state="session"):
        st.html(f'<div class="studio-attention" style="background-image: url({heat_url(attention)})"></div>')


def show_refined(shown: Shown | None) -> None:
    """The sketch that the photo was made from, and a slider that lays the drawing over both."""
    if shown is None or not shown.refined_url:
        st.html('<div class="studio-blank studio-small"></div>')
    else:
        st.image(shown.refined_url, width="stretch", alt=_("Refined sketch"))
        places = {"paper": f".st-key-{CANVAS}", "refined": ".st-key-refined", "photo": ".st-key-photo"}
        component("views/draw/lines_over")(key=LINES_OVER, data=places, height="content")


def show_faces(shown: Shown | None) -> None:
    """The training faces that the refined lines lean on, as sketches with their shares."""
    figures = "".join(
        f'<figure><img src="{face_url(near.sketch)}" alt="{html.escape(_("Sketch of {name}", name=near.name))}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, near in nearest_faces(shown)
        if near.sketch is not None
    )
    if not figures:
        return
    title = _("Nearest training faces")
    st.html(f'<p class="studio-label">{title}</p><div class="studio-faces">{figures}</div>')


def nearest_faces(shown: Shown | None) -> list[tuple[str, Neighbour]]:
    """The training faces with their shares; by parts, the nearest one of each part with the part's name."""
    if shown is None:
        return []
    if shown.result.parts:
        return [
            (_(PART_TITLES[part.name]), part.neighbours[0]) for part in shown.result.parts if part.neighbours
        ]
    return [(f"{near.weight:.0%}", near) for near in shown.result.neighbours[:FACES_SHOWN]]
