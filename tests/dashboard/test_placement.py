"""Where a drawing's face was put, by hand or by the fit; undo takes each back."""

import numpy as np
import pytest

from core.face_frame import alignment_targets
from core.images import encode_png
from dashboard.views.draw.drawing import fabric_from_strokes, fabric_moved, strokes_from_fabric
from dashboard.views.draw.placement import fit_to_guide, place_by_hand
from dashboard.views.draw.start import take_upload
from dashboard.views.draw.state import Drawing, DrawSession, drawing_from
from tests.core.test_scan_cleanup import assert_is_clean_framed_face, draw_face


@pytest.fixture
def session() -> DrawSession:
    """With a face uploaded that stands far off the middle."""
    session = DrawSession()
    assert take_upload(session, encode_png(draw_face((1000, 1000), offset=(400, 60)))) == ""
    return session


def test_an_upload_is_known_with_its_points_until_it_is_replaced(session: DrawSession):
    placed = session.placed
    assert placed is not None
    assert np.abs(placed.anchors - (alignment_targets() + np.array((400, 60)))).max() < 30
    session.put_on_paper(Drawing())
    assert session.placed is None
    session.take_back()
    assert session.placed is placed


def test_points_put_by_hand_move_the_scan_and_undo_takes_it_back(session: DrawSession):
    before = session.drawing.digest
    place_by_hand(session, (alignment_targets() + np.array((400, 60))).tolist())
    assert session.placed is not None
    assert session.placed.placed_by == "hand"
    assert_is_clean_framed_face(session.placed.sketch)
    session.take_back()
    assert session.drawing.digest == before


def test_strokes_drawn_over_an_upload_survive_its_placing(session: DrawSession):
    stroke = fabric_from_strokes([{"width": 3, "points": [[1, 2], [30, 40]]}])["objects"]
    session.receive(drawing_from({"objects": [*session.drawing.fabric["objects"], *stroke]}))
    place_by_hand(session, (alignment_targets() + np.array((390, 70))).tolist())
    assert len(strokes_from_fabric(session.drawing.fabric)) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        None, [], [[1, 2]], [[1, 2], [3, 4], ["a", 5]], [[0, 0], [1, 1], [2, 2]], {}, [[5, 5]] * 3,
        [[0, 0], [9e5, 0], [4e5, 9e5]], [[0, 0], [10**400, 0], [4, 9]], [[0, 0], [9, 0], [4, float("nan")]],
    ],
)  # fmt: skip
def test_points_that_make_no_face_leave_all_as_it_was(session: DrawSession, nonsense):
    before = session.drawing.digest
    place_by_hand(session, nonsense)
    assert session.drawing.digest == before
    assert "make no face" in session.notice


def test_a_small_drawing_off_the_middle_is_fitted_to_the_guide():
    session = DrawSession()
    sketch = draw_face(offset=(20, 40), scale=0.4, width=5)[..., 0]
    fabric = fabric_from_strokes([{"width": 2, "points": [[20 + 0.4 * 186, 40 + 0.4 * 244], [60, 60]]}])
    session.receive(Drawing(fabric, sketch, drawing_from(fabric).digest))
    fit_to_guide(session)
    (stroke,) = strokes_from_fabric(session.drawing.fabric)
    assert np.abs(np.array(stroke["points"][0]) - alignment_targets()[0]).max() < 26
    assert stroke["width"] > 4
    assert "Undo" in session.notice


def test_a_moved_drawing_keeps_strokes_erasers_and_their_order():
    strokes = [
        {"width": 4, "points": [[10, 20], [30, 40]]},
        {"width": 8, "points": [[5, 5], [9, 9]], "erase": True},
    ]
    moved = fabric_moved(fabric_from_strokes(strokes), np.array([[2.0, 0, 1], [0, 2, 3]]))
    assert strokes_from_fabric(moved) == [
        {"width": 8, "points": [[21, 43], [61, 83]]},
        {"width": 16, "points": [[11, 13], [19, 21]], "erase": True},
    ]
