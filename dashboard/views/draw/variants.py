"""Nine people from one drawing: other training faces to lean on, other tones; a click keeps one of them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.conversion.settings import HAIR_TONES, SKIN_TONES, ConversionSettings, HairTone, SkinTone
from dashboard.shared.gallery import Picture, show_pictures
from dashboard.shared.texts import N_, _
from dashboard.views.draw.state import HAIR, PEOPLE, SKIN, VARIANTS, DrawSession, Shown

TONES: tuple[tuple[SkinTone, HairTone], ...] = (
    ("light", "blond"), ("dark", "black"), ("medium", "brown"), ("light", "red"),
    ("brown", "black"), ("light", "grey"), ("medium", "black"), ("brown", "brown"),
)  # fmt: skip
OTHERS = len(TONES)
TONE_TITLES = {
    "": N_("As painted"),
    "light": N_("Light"),
    "medium": N_("Medium"),
    "brown": N_("Brown"),
    "dark": N_("Dark"),
    "black": N_("Black"),
    "blond": N_("Blond"),
    "red": N_("Red"),
    "grey": N_("Grey"),
}


def show_variants(session: DrawSession, *, is_drawn: bool) -> bool:
    """Show the button and its menu: the people, and below them the tones of all; return whether it is open."""
    menu = st.popover(_("Variants"), icon=":material/groups:", key=VARIANTS, on_change="rerun")
    if not menu.open:
        return False
    with menu.container(key="variants_menu"):
        if is_drawn:
            _show_people(session)
        else:
            st.caption(_("Draw a face, and here are nine people that it may be."))
        with st.container(horizontal=True):
            _show_tones(session)
    return True


def _show_people(session: DrawSession) -> None:
    ways = variants_of(session)
    made = [session.find(way) for way in ways]

    def picked(number: str) -> None:
        keep_variant(session, ways[int(number)])
        st.session_state[VARIANTS] = False

    there = sum(face is not None for face in made)
    is_done = session.people[0] == session.drawing.digest and there == len(ways)
    coming = _("{n} of nine people are here …", n=there)
    st.html(f'<p class="studio-label">{_("Click the one to go on with.") if is_done else coming}</p>')
    show_pictures(
        [
            Picture(str(number), "" if face is None else face.tile_url, _label(number, way))
            for number, (way, face) in enumerate(zip(ways, made, strict=True))
        ],
        key=PEOPLE,
        on_pick=picked,
        selected=str(ways.index(session.settings)) if session.settings in ways else "",
        columns=3,
    )


def _show_tones(session: DrawSession) -> None:
    wanted, loads = session.settings, session.settings_loads

    def chosen() -> None:
        skin, hair = (st.session_state[f"{key}_{loads}"] or None for key in (SKIN, HAIR))
        session.settings = replace(session.settings, skin=skin, hair=hair)

    tones = (SKIN, _("Skin"), SKIN_TONES, wanted.skin), (HAIR, _("Hair"), HAIR_TONES, wanted.hair)
    for key, title, names, now in tones:
        st.selectbox(
            title,
            ["", *names],
            ["", *names].index(now or ""),
            key=f"{key}_{loads}",
            format_func=lambda tone: _(TONE_TITLES[tone]),
            on_change=chosen,
        )


def variants_of(session: DrawSession) -> tuple[ConversionSettings, ...]:
    """Settings that make different people of the drawing; tones that are chosen hold for all of them.

    The first leans on the faces nearest to the drawing. By parts, what is not drawn is made up, for each another way.
    """
    wanted = session.settings
    digest, people = session.people
    ways = [replace(wanted, person=None)]
    missing = _missing(session.shown)
    for row, (skin, hair) in zip(people if digest == session.drawing.digest else (), TONES, strict=False):
        way = replace(wanted, person=row, skin=wanted.skin or skin, hair=wanted.hair or hair)
        for name in missing:
            way = way.with_fill(name, row)
        ways.append(way)
    return tuple({way.effective(): way for way in reversed(ways)}.values())[::-1]


def keep_variant(session: DrawSession, way: ConversionSettings) -> None:
    """Go on with one of the people: who it is becomes part of the settings. Only in a callback."""
    session.set_settings(way)
    made = session.find(way)
    if made is not None:
        session.remember(made)


def _missing(shown: Shown | None) -> list[str]:
    return [] if shown is None else [part.name for part in shown.result.parts if not part.is_drawn]


def _label(number: int, way: ConversionSettings) -> str:
    if way.person is None:
        return _("As drawn")
    skin, hair = _(TONE_TITLES[way.skin or ""]), _(TONE_TITLES[way.hair or ""])
    return _("Person {n}: skin {skin}, hair {hair}", n=number, skin=skin.lower(), hair=hair.lower())
