"""What a session remembers: replaced drawings, what the canvas reports, the strip of results."""

from types import SimpleNamespace

from core.conversion.settings import ConversionSettings
from dashboard.views.draw import state
from dashboard.views.draw.canvas import _reported
from dashboard.views.draw.drawing import MAX_STROKES, digest, fabric_from_strokes
from dashboard.views.draw.state import FACES_KEPT, HISTORY_LENGTH, Drawing, DrawSession, Shown, drawing_from
from tests.dashboard.fake_page import drawn

RESULT = SimpleNamespace(photo=None)


def shown(drawing: Drawing, wanted: ConversionSettings | None = None) -> Shown:
    return Shown(drawing, wanted or ConversionSettings(), RESULT)


def reported(drawing: Drawing) -> Drawing:
    """The drawing as the canvas sends it back: its own copy, with pixels."""
    return Drawing({"objects": list(drawing.fabric["objects"])}, drawn().sketch, drawing.digest)


def test_a_new_session_starts_blank():
    assert DrawSession().drawing.digest == digest({"objects": []})


def test_a_replaced_drawing_comes_back_with_undo_and_goes_again_with_redo():
    session = DrawSession()
    session.receive(drawn(3))
    session.put_on_paper(Drawing())
    session.receive(Drawing())
    session.take_back()
    assert session.drawing.digest == drawn(3).digest
    session.receive(reported(drawn(3)))
    session.bring_back()
    assert session.drawing.digest == Drawing().digest


def test_every_replacement_is_a_new_load_for_the_canvas():
    session = DrawSession()
    loads = []
    for count in (1, 2, 1, 2):
        session.put_on_paper(drawn(count))
        loads.append(session.load["load"])
    assert loads == sorted(set(loads))


def test_putting_down_what_is_there_already_changes_nothing():
    session = DrawSession()
    session.receive(drawn(3))
    session.put_on_paper(drawing_from(drawn(3).fabric))
    assert session.load["load"] == 0
    assert session.undo_loads == []


def test_a_report_from_before_a_load_does_not_undo_the_load():
    session = DrawSession()
    session.receive(drawn(3))
    session.put_on_paper(drawing_from(drawn(4).fabric))
    session.receive(drawn(3))
    assert session.drawing.digest == drawn(4).digest
    session.receive(reported(drawn(4)))
    assert session.drawing.sketch is not None


def test_a_stroke_on_top_of_a_load_is_taken_even_when_the_load_itself_was_never_reported():
    session = DrawSession()
    session.receive(drawn(1))
    session.put_on_paper(drawing_from(drawn(4).fabric))
    session.receive(drawn(5))
    assert session.drawing.digest == drawn(5).digest
    session.receive(drawn(1))
    assert session.drawing.digest == drawn(1).digest


def test_a_stroke_of_ones_own_ends_the_redo():
    session = DrawSession()
    session.receive(drawn(3))
    session.put_on_paper(Drawing())
    session.receive(Drawing())
    session.take_back()
    session.receive(reported(drawn(3)))
    assert session.redo_loads
    session.receive(drawn(4))
    assert not session.redo_loads


def test_the_strip_holds_the_last_results_newest_first():
    session = DrawSession()
    drawings = [drawn(3, offset=i) for i in range(HISTORY_LENGTH + 3)]
    for drawing in drawings:
        session.remember(shown(drawing))
    expected = [drawing.digest for drawing in reversed(drawings)][:HISTORY_LENGTH]
    assert [entry.drawing.digest for entry in session.history] == expected


def test_the_strip_holds_a_drawing_once_and_no_step_on_the_way_to_it():
    session = DrawSession()
    session.remember(shown(drawn(5, offset=7)))
    for count in range(1, 6):
        session.remember(shown(drawn(count)))
    session.remember(shown(drawn(4)))  # a stroke undone: what it was taken from stays
    kept = [entry.drawing.digest for entry in session.history]
    assert kept == [drawn(4).digest, drawn(5).digest, drawn(5, offset=7).digest]


def test_the_same_drawing_with_another_look_is_another_result():
    session = DrawSession()
    session.remember(shown(drawn()))
    session.remember(shown(drawn(), ConversionSettings(t=0.1)))
    assert len(session.history) == 2


def test_of_one_drawing_the_latest_faces_are_kept():
    """Every other person that is asked for is a face of a megabyte."""
    session = DrawSession(drawing=drawn())
    for person in range(FACES_KEPT + 5):
        session.keep(shown(drawn(), ConversionSettings(person=person)))
    assert len(session.faces) == FACES_KEPT
    found = [session.find(ConversionSettings(person=person)) is not None for person in (4, 5, FACES_KEPT + 4)]
    assert found == [False, True, True]


def test_undo_goes_on_stroke_by_stroke_through_what_was_replaced():
    session = DrawSession()
    for count in (1, 2, 3):
        session.receive(drawn(count))
    session.put_on_paper(drawing_from(drawn(5, offset=7).fabric))
    session.receive(reported(drawn(5, offset=7)))
    seen = []
    while session.can_take_back:
        session.take_back()
        session.receive(reported(session.drawing))
        seen.append(session.drawing.digest)
    assert seen == [drawn(3).digest, drawn(2).digest, drawn(1).digest, Drawing().digest]
    for expected in (1, 2, 3):
        session.bring_back()
        session.receive(reported(session.drawing))
        assert session.drawing.digest == drawn(expected).digest
    session.bring_back()
    assert session.drawing.digest == drawn(5, offset=7).digest
    session.take_back()
    assert session.drawing.digest == drawn(3).digest


def test_strokes_that_the_canvas_undid_come_back_after_a_whole_drawing_was_undone():
    session = DrawSession()
    session.receive(drawn(1))
    session.put_on_paper(Drawing())
    session.receive(Drawing())
    for drawing in (drawn(1, offset=9), drawn(2, offset=9), Drawing()):  # two strokes, undone at once
        session.receive(drawing)
    session.take_back()
    assert session.drawing.digest == drawn(1).digest
    session.receive(reported(session.drawing))
    for expected in (Drawing(), drawn(1, offset=9), drawn(2, offset=9)):
        session.bring_back()
        session.receive(reported(session.drawing))
        assert session.drawing.digest == expected.digest


def test_a_visit_elsewhere_leaves_every_stroke_to_undo():
    session = DrawSession()
    session.receive(drawn(2))
    session.come_back()
    session.take_back()
    assert session.drawing.digest == drawn(1).digest


def tiny(count: int, *, y: int = 20) -> dict:
    """A drawing of that many short strokes."""
    return fabric_from_strokes([{"width": 3, "points": [[10, y], [20, y]]}] * count)


def test_strokes_beyond_the_limit_are_taken_off_the_paper_once_and_all_before_them_stay():
    session = DrawSession()
    session.receive(drawing_from(tiny(MAX_STROKES)))
    report = SimpleNamespace(json_data=tiny(MAX_STROKES + 1), image_bytes=None)
    for _ in range(3):  # the page runs again before the canvas has taken the drawing up that is laid back
        session.receive(_reported(report, session))
    assert len(session.drawing.fabric["objects"]) == MAX_STROKES
    assert session.load["load"] == 1 and len(session.load["objects"]) == MAX_STROKES
    assert session.drawing.sketch is None  # the pixels were those of the larger one
    assert "10,000 strokes" in session.notice
    whole = SimpleNamespace(json_data={"objects": list(session.load["objects"])}, image_bytes=None)
    session.receive(_reported(whole, session))
    session.receive(_reported(report, session))
    assert session.load["load"] == 2


def test_undo_and_strip_remember_few_of_very_large_drawings(monkeypatch):
    """Twenty of them, each a gigabyte for every ten, would be for one visitor's browser to have remembered."""
    monkeypatch.setattr(state, "POINTS_KEPT", 25)
    session = DrawSession()
    for number in range(5):
        session.put_on_paper(drawing_from(tiny(5, y=number)))
        session.remember(shown(session.drawing))
    assert [drawing.points for drawing, _ in session.undo_loads] == [10, 10]
    assert [entry.drawing.points for entry in session.history] == [10, 10]
    session.put_on_paper(drawing_from(tiny(50)))
    session.put_on_paper(Drawing())
    assert [drawing.points for drawing, _ in session.undo_loads] == [100]


def test_a_canvas_that_undoes_very_many_strokes_at_once_keeps_all_of_them_to_redo():
    session = DrawSession()
    session.receive(drawing_from(tiny(5000)))
    session.receive(drawing_from(tiny(1)))
    assert len(session.redo_loads) == 1 + state.LOADS_KEPT
    for _ in range(1 + state.LOADS_KEPT):
        session.bring_back()
        session.receive(reported(session.drawing))
    assert session.drawing.digest == digest(tiny(5000))


def test_what_is_undone_is_remembered_for_so_many_steps_and_then_at_once():
    session = DrawSession()
    session.receive(drawing_from(tiny(400)))
    for _ in range(400):
        session.take_back()
        session.receive(reported(session.drawing))
    assert len(session.redo_loads) == 1 + state.STEPS_KEPT
    assert session.redo_loads[0][0].digest == digest(tiny(400))


def test_what_a_browser_says_it_kept_does_not_pile_up():
    session = DrawSession()
    session.receive(drawn(1))
    for number in range(50):
        session.restore(drawing_from(tiny(1, y=number)))
    assert len(session.undo_loads) == state.LOADS_KEPT
