"""Making faces within a run of the page: the one that is asked for, and those beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from core.conversion.settings import ConversionSettings
from core.errors import AssetMissing
from dashboard.shared import networks, resources
from dashboard.shared.conversion_queue import Superseded
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import ghost_url
from dashboard.shared.texts import _
from dashboard.views.draw.decisions import is_misplaced, misfit_px, missing_text, undrawn_parts, unusable_text
from dashboard.views.draw.drawing import data_url, photo_url
from dashboard.views.draw.result import show_place, show_waiting
from dashboard.views.draw.state import Drawing, DrawSession, Shown
from dashboard.views.draw.variants import OTHERS, variants_of

logger = logging.getLogger(__name__)


def run_again() -> None:
    """Run the studio again at once: what was just made is in the session's memory."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is running
        st.rerun()


def get_ready(session: DrawSession, wanted: ConversionSettings, line: DeltaGenerator) -> bool:
    """Wait for the networks; a newer stroke breaks in at every round, because each one talks to the browser."""
    try:
        for _round in networks.until_ready(wanted):
            show_waiting(line, wanted)
    except (AssetMissing, networks.NetworksDamaged) as error:
        logger.warning("no usable weights: %s", error)
        line.error(as_text(missing_text(error)), icon=":material/cloud_off:")
        return False
    except networks.GeneratorUnusable as error:
        logger.warning("generator %s, stage 1 %s: %s", wanted.generator, wanted.stage1, error)
        if not session.refuse(wanted, unusable_text(wanted, error)):
            line.error(as_text(missing_text(error)), icon=":material/broken_image:")
            return False
        run_again()
    return True


def make_face(
    session: DrawSession, wanted: ConversionSettings, line: DeltaGenerator, busy: DeltaGenerator
) -> bool:
    """Call the networks; the face is kept before anything is drawn, so that a newer stroke cannot lose it."""
    known = session.find(wanted)
    if known is not None:
        session.remember(known)
        return True
    if session.drawing.sketch is None or not get_ready(session, wanted, line):
        return False
    try:
        with busy, st.spinner(_("Making the photo")):  # seen only when it takes long
            made = _face(session.drawing, wanted, on_wait=partial(show_place, line))
    except Superseded:
        return False
    if made.result.is_blank:
        session.shown = made
    else:
        session.remember(made)
    return True


def make_missing(session: DrawSession, ways: Iterable[ConversionSettings], line: DeltaGenerator) -> None:
    """Make the first of these faces that is missing, and run again, until none is."""
    for wanted in ways:
        if session.trouble_with(wanted) or session.find(wanted) or session.drawing.sketch is None:
            continue
        if not get_ready(session, wanted, line):
            return
        with suppress(Superseded):
            made = _face(session.drawing, wanted)
            if not made.result.is_blank:
                session.keep(made)
                run_again()
        return


def make_variants(session: DrawSession, wanted: ConversionSettings, line: DeltaGenerator) -> None:
    """Choose whom the drawing may become, once for each drawing, and make the first of these faces that is missing."""
    sketch, digest = session.drawing.sketch, session.drawing.digest
    if session.people[0] != digest and sketch is not None and get_ready(session, wanted, line):
        with suppress(Superseded):
            session.people = digest, tuple(networks.people(sketch, OTHERS))
            run_again()
        return
    make_missing(session, variants_of(session), line)


def make_samples(session: DrawSession, names: Sequence[str], line: DeltaGenerator) -> None:
    """Let each generator paint the first example, for who chooses one before drawing anything."""
    sketch = resources.sample_sketch()
    for name in names:
        if sketch is None or name in session.refused or networks.sample_url(name):
            continue
        if not get_ready(session, ConversionSettings(generator=name), line):
            return
        with suppress(Superseded):
            networks.make_sample(name, sketch)
            run_again()
        return


def make_ghost(session: DrawSession, wanted: ConversionSettings, line: DeltaGenerator) -> str:
    """The picture behind the pen, made once for each drawing; empty where there is none."""
    sketch = session.drawing.sketch
    if not session.tools.ghost or sketch is None or not session.drawing.fabric.get("objects"):
        return ""
    key = (session.drawing.digest, wanted.k, wanted.stage1)
    if session.ghost[0] != key and get_ready(session, wanted, line):
        with suppress(Superseded):
            ghost = networks.ghost(sketch, wanted)
            session.ghost = key, "" if ghost is None else ghost_url(ghost)
    return session.ghost[1]


def _face(
    drawing: Drawing, wanted: ConversionSettings, *, on_wait: Callable[[int], None] | None = None
) -> Shown:
    from eval.metrics.sketch_agreement import lines_of
    from eval.metrics.unpainted import unpainted_features

    assert drawing.sketch is not None
    result = networks.generate(drawing.sketch, wanted, on_wait=on_wait)
    if result.photo is None or result.refined_sketch is None:
        return Shown(drawing, wanted, result)
    lines = lines_of(drawing.sketch)
    return Shown(
        drawing,
        wanted,
        result,
        photo_url=photo_url(result.photo),
        refined_url=data_url(result.refined_sketch),
        # Who chose a person has not chosen the faces nearest to the drawing.
        misfit_px=misfit_px(lines, result.neighbours) if wanted.person is None else None,
        is_misplaced=is_misplaced(drawing.sketch),
        undrawn=undrawn_parts(drawing.sketch),
        unpainted=unpainted_features(drawing.sketch, result.refined_sketch, result.photo, lines=lines),
    )
