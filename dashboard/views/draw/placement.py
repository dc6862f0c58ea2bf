"""Where the face of a drawing was put: said, corrected by hand, or fitted to the guide on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shared.resources import component
from dashboard.shared.sent_values import three_points
from dashboard.shared.texts import N_, _
from dashboard.views.draw.drawing import fabric_moved, has_ink, tile_url
from dashboard.views.draw.state import FIT, PLACEMENT, PLACEMENT_MENU, DrawSession, drawing_from

if TYPE_CHECKING:
    from core.scan_cleanup import PaperDrawing

SAID = {
    "face": N_("Placed by its eyes and mouth."),
    "hand": N_("Placed by hand."),
    "ink": N_("No face was found: placed by its outline."),
    "frame": N_("Kept where it was."),
}


def show_placement(session: DrawSession) -> DeltaGenerator:
    """One line under the paper: what was done with an upload, its handles, the fit of any drawing.

    Return the place in it for a link to the drawing.
    """
    with st.container(key="placement_row", horizontal=True, vertical_alignment="center"):
        link = st.container(key="kept_place", width="content")
        if not has_ink(session.drawing.fabric):
            return link
        placed = session.placed
        if placed is not None:
            st.html(f'<p class="studio-label">{_(SAID[placed.placed_by])}</p>')
            menu = st.popover(_("Adjust"), icon=":material/open_with:", key=PLACEMENT_MENU, type="tertiary")
            with menu.container(key="handles"):
                _show_handles(session, placed)
        st.space("stretch")
        shown = session.shown
        is_advised = (
            shown is not None and shown.is_misplaced and shown.drawing.digest == session.drawing.digest
        )
        st.button(
            _("Fit to the guide"),
            icon=":material/center_focus_strong:",
            key=FIT,
            type="secondary" if is_advised else "tertiary",
            on_click=lambda: fit_to_guide(session),
            disabled=session.drawing.sketch is None,
        )
    return link


def _show_handles(session: DrawSession, placed: PaperDrawing) -> None:
    def dragged() -> None:
        anchors = st.session_state[PLACEMENT].get("anchors")
        if anchors is not None:
            place_by_hand(session, anchors)

    height, width = placed.source.shape[:2]
    data = {
        "src": tile_url(placed.source),
        "size": [width, height],
        "anchors": placed.anchors.round(1).tolist(),
    }
    component("views/draw/placement")(
        key=PLACEMENT, data=data, on_anchors_change=dragged, width="stretch", height="content"
    )


def place_by_hand(session: DrawSession, anchors: Any) -> None:
    """Put the upload anew by three points that were dragged; strokes drawn over it stay where they are."""
    points, placed = three_points(anchors), session.placed
    moved = placed.moved(np.array(points)) if placed is not None and points is not None else None
    if moved is None:
        session.notice = _("These three points make no face: put one ring on each eye and one on the mouth.")
        return
    session.put_upload(moved, strokes=session.drawing.fabric["objects"][1:])


def fit_to_guide(session: DrawSession) -> None:
    """Move the drawing so that its eyes and mouth, or else its outline, lie where the guide has them."""
    from core.scan_cleanup import find_fit

    sketch = session.drawing.sketch
    if sketch is None or np.mean(sketch < 180) < 1e-3:
        session.notice = _("Draw a little more first: there is hardly anything to fit.")
        return
    matrix, placed_by = find_fit(sketch.astype(np.float32) / np.float32(255), sketch.shape[0])
    session.put_on_paper(drawing_from(fabric_moved(session.drawing.fabric, matrix)))
    session.notice = {
        "face": _("Fitted by eyes and mouth. Undo takes it back."),
        "ink": _("No face was found: fitted by the outline. Undo takes it back."),
    }[placed_by]
