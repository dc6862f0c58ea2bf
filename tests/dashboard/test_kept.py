"""What a browser or a link brings back: the drawing and its settings, and nothing that anybody else thought up."""

import base64
import io
import json
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.conversion.settings import ConversionSettings, PartSettings
from core.errors import UnsafeImage
from core.strokes import picture_of
from dashboard.shared.resources import examples
from dashboard.views.draw import actions, kept
from dashboard.views.draw.actions import DRAWN_FRAMES, SIDE, drawn_pages, make_replay
from dashboard.views.draw.drawing import (
    MAX_STROKES,
    digest,
    fabric_from_sketch,
    fabric_from_strokes,
    strokes_from_fabric,
)
from dashboard.views.draw.kept import (
    LINK_BYTES,
    LINK_LETTERS,
    kept_content,
    read_link,
    recall,
    settings_content,
    settings_from,
    write_link,
)
from dashboard.views.draw.state import Drawing, DrawSession, Shown, Tools, drawing_from
from tests.dashboard.fake_page import drawn

WANTED = ConversionSettings.of(
    {"nose": PartSettings(0.2, 3)}, {"mouth": 7}, t=0.3, k=4, mode="whole", stage1="parts", generator="ugatit",
    person=12, skin="dark", hair="grey",
)  # fmt: skip


def session_of(drawing: Drawing, settings: ConversionSettings = WANTED) -> DrawSession:
    return DrawSession(drawing=drawing, settings=settings, tools=Tools(brush=7, mirror=True, change=3))


def test_what_the_browser_kept_is_the_drawing_with_its_settings_and_tools():
    scan = fabric_from_sketch(np.full((512, 512), 200, np.uint8))["objects"]
    before = session_of(drawing_from({"objects": [*scan, *drawn(3).fabric["objects"]]}))
    after = DrawSession()
    recall(after, {"kept": kept_content(before)})
    assert after.drawing.digest == before.drawing.digest
    assert after.settings == WANTED
    assert after.tools == Tools(brush=7, mirror=True)
    assert after.is_back
    for left in (2, 1, 0):  # the strokes are the visitor's own, to undo one by one
        after.take_back()
        assert len(strokes_from_fabric(after.drawing.fabric)) == left


def test_what_was_drawn_before_the_browser_answered_stays_and_undo_finds_the_older_drawing():
    session = DrawSession()
    session.receive(drawn(1, offset=9))
    recall(session, {"kept": kept_content(session_of(drawn(3)))})
    assert session.drawing.digest == drawn(1, offset=9).digest
    while session.can_take_back:
        session.take_back()
        if session.drawing.digest == drawn(3).digest:
            return
    pytest.fail("the older drawing is lost")


def test_a_link_lies_over_what_the_browser_kept_and_undo_goes_back_to_that():
    session = DrawSession()
    recall(session, {"kept": kept_content(session_of(drawn(3))), "link": write_link(session_of(drawn(5)))})
    assert len(session.drawing.fabric["objects"]) == 5
    session.take_back()
    assert session.drawing.digest == drawn(3).digest


def test_a_new_stroke_is_written_and_those_before_it_are_not_written_again(monkeypatch: pytest.MonkeyPatch):
    session = session_of(drawn(3))
    before = kept_content(session), write_link(session)
    written: list[object] = []
    texts = kept._texts

    def write(item: object) -> tuple[str, str]:
        written.append(item)
        return texts(item)

    monkeypatch.setattr(kept, "_texts", write)
    items = session.drawing.fabric["objects"]
    session.drawing = drawing_from({"objects": [*items, *drawn(1, offset=9).fabric["objects"]]})
    other = session_of(session.drawing)
    assert (kept_content(session), write_link(session)) == (kept_content(other), write_link(other))
    assert len(written) == 1 + 4  # the new one, and all of a page that knows none
    session.drawing = drawing_from({"objects": items})
    assert (kept_content(session), write_link(session)) == before
    assert len(written) == 5


def test_nothing_is_kept_of_a_page_that_nobody_touched():
    assert kept_content(DrawSession()) == ""


@pytest.mark.parametrize(
    "kept",
    [
        "{", "[]", "null", "7", '"x"', '{"strokes": "x"}', '{"strokes": [[1]]}', "[" * 100_000, "\ud800", "x" * 1000,
        '{"strokes": [{"width": 1' + "0" * 400 + ', "points": [[1, 2]]}]}',
        '{"strokes": [{"width": 3, "points": [[1' + "0" * 400 + ', 2]]}]}',
        '{"strokes": [], "picture": "javascript:alert(1)"}',
    ],
)  # fmt: skip
def test_a_foreign_or_damaged_copy_is_as_if_nothing_had_been_kept(kept: str):
    session = DrawSession()
    recall(session, {"kept": kept})
    assert session.drawing.digest == Drawing().digest
    assert (session.settings, session.notice, session.is_back) == (ConversionSettings(), "", False)


@pytest.mark.parametrize("found", [None, 3, "x", [], {"kept": 3}, {"link": [1]}, {"kept": {"strokes": []}}])
def test_what_is_no_answer_changes_nothing(found: object):
    session = DrawSession()
    recall(session, found)
    assert session.drawing.digest == Drawing().digest
    assert session.is_recalled


def test_a_copy_is_cleaned_of_what_no_drawing_holds():
    hostile = json.dumps(
        {
            "strokes": [{"width": "3", "points": [[1, 2], [3, 4]], "stroke": "url(x)", "onload": "x"}],
            "settings": {"t": 9, "k": 1e9, "mode": "x", "stage1": [], "generator": "../../x", "parts": {"nose": [1]}},
            "tools": {"brush": 1e9, "tool": "<b>"}, "live": "no",
        }
    )  # fmt: skip
    session = DrawSession()
    recall(session, {"kept": hostile})
    clean = fabric_from_strokes([{"width": 3.0, "points": [[1.0, 2.0], [3.0, 4.0]]}])
    assert json.dumps(session.drawing.fabric) == json.dumps(clean)
    assert session.settings == ConversionSettings()
    assert session.tools == Tools()


@pytest.mark.parametrize("example", [0, 3, 9])
def test_a_link_holds_an_example_to_half_a_pixel(example: int):
    drawing = examples()[example].drawing
    link = write_link(session_of(drawing))
    assert len(link) <= LINK_LETTERS
    fabric, wanted = read_link(link)
    for one, other in zip(strokes_from_fabric(fabric), strokes_from_fabric(drawing.fabric), strict=True):
        assert one["width"] == other["width"]
        assert np.abs(np.array(one["points"]) - np.array(other["points"])).max() <= 0.26
    assert settings_from(wanted, ConversionSettings()) == WANTED


def test_the_eraser_stays_an_eraser_in_a_link():
    rubbed = fabric_from_strokes([{"width": 20, "points": [[10, 10], [90, 90]], "erase": True}])
    fabric, _wanted = read_link(write_link(session_of(drawing_from(rubbed))))
    assert digest(fabric) == digest(rubbed)


def folded(content: object) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(content).encode(), 9)).decode().rstrip("=")


@pytest.mark.parametrize(
    "link",
    [
        "x", "%%%", "é", "A" * 100_000, folded(3), folded({}), folded({"s": [[3]]}), folded({"s": [3]}),
        folded({"s": [[3, 0, 1]]}), folded({"s": [["a", 0, 1, 2]]}), folded({"s": [[3, 0, "a", 2]]}),
        folded({"s": [[3, 0, 10**400, 2]]}), folded({"s": [[3, 0, 1e9, 2]]}), folded("0" * (LINK_BYTES + 1)),
        folded({"s": [[3, 0, 1, 2]]})[:-8],
    ],
)  # fmt: skip
def test_a_link_that_holds_no_drawing_is_told_in_one_sentence_and_changes_nothing(link: str):
    session = DrawSession()
    session.receive(drawn(3))
    recall(session, {"link": link})
    assert session.drawing.digest == drawn(3).digest
    assert session.notice.startswith("The link holds no drawing that can be read")
    with pytest.raises(UnsafeImage):
        read_link(link)


def test_a_link_of_more_strokes_than_a_drawing_may_have_is_refused_by_their_number(
    monkeypatch: pytest.MonkeyPatch,
):
    unfolded: list[object] = []
    monkeypatch.setattr(kept.np, "cumsum", lambda points, axis: unfolded.append(points) or points)
    with pytest.raises(UnsafeImage):
        read_link(folded({"s": [[1, 0]] * (MAX_STROKES + 1)}))
    assert not unfolded


@pytest.mark.parametrize("wanted", [ConversionSettings(), WANTED, ConversionSettings(mode="none")])
def test_settings_come_back_as_they_were(wanted: ConversionSettings):
    content = json.loads(json.dumps(settings_content(wanted)))
    assert settings_from(content, ConversionSettings()) == wanted


def test_a_replay_draws_the_strokes_in_order_and_ends_with_the_photo():
    photo = np.full((64, 64, 3), (200, 120, 90), np.uint8)
    shown = Shown(drawn(5), ConversionSettings(), SimpleNamespace(photo=photo))
    steps: list[int] = []
    with Image.open(io.BytesIO(make_replay(shown, lambda n, of: steps.append(n)))) as replay:
        pages = []
        for number in range(replay.n_frames):
            replay.seek(number)
            pages.append(np.asarray(replay.convert("RGB"), np.int16))
    ink = [float((page < 128).any(axis=2).mean()) for page in pages]
    assert pages[0].shape == (SIDE, SIDE, 3)
    assert ink[0] == 0
    drawing_time = ink[: len(ink) - 12]
    assert drawing_time == sorted(drawing_time)
    assert np.abs(pages[-1] - photo[0, 0]).mean() < 4
    assert steps == sorted(steps)
    assert steps


def test_a_replay_of_thousands_of_strokes_looks_at_the_paper_no_more_often_than_one_of_few(
    monkeypatch: pytest.MonkeyPatch,
):
    """Making a picture of the paper is what costs; each stroke by itself is a line on it."""
    looked: list[int] = []

    def look(canvas: np.ndarray) -> np.ndarray:
        looked.append(1)
        return picture_of(canvas)

    monkeypatch.setattr(actions, "picture_of", look)
    monkeypatch.setattr("core.strokes.picture_of", look)
    strokes = [
        {
            "width": 3,
            "points": [[x % 500, 5 + x // 5], [x % 500 + 9, x // 5]],
            **({"erase": True} if x % 2 else {}),
        }
        for x in range(2000)
    ]
    pages = list(drawn_pages(fabric_from_strokes(strokes)))
    assert len(pages) == len(looked) <= 2 * DRAWN_FRAMES + 2


def test_the_last_page_of_a_replay_is_the_drawing_with_what_was_erased():
    strokes = [
        {"width": 9, "points": [[50, 100], [450, 100]]},
        {"width": 30, "points": [[256, 60], [256, 140]], "erase": True},
        {"width": 5, "points": [[256, 300]]},
    ]
    *_, last = drawn_pages(fabric_from_strokes(strokes))
    assert last[75, 75] == last[75, 300] == last[225, 192] == 0
    assert last[75, 192] == 255
