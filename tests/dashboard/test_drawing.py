"""Strokes, their canvas form and their pixels."""

import base64
import io
import json
import tomllib

import numpy as np
import pytest
from PIL import Image

from core.config import ROOT
from core.errors import UnsafeImage
from dashboard.views.draw import drawing
from dashboard.views.draw.drawing import (
    EMPTY,
    MAX_POINTS,
    MAX_SCAN_LETTERS,
    MAX_STROKES,
    bounded_fabric,
    digest,
    fabric_from_file,
    fabric_from_sketch,
    fabric_from_strokes,
    has_ink,
    is_sparse,
    scan_of,
    sketch_from_canvas,
    sketch_from_png,
    strokes_file,
    strokes_from_fabric,
)

LINE = {"width": 3, "points": [[10, 10], [50, 60], [90, 40], [120, 100]]}
RUBBED = {"width": 20, "points": [[10, 10], [90, 90]], "erase": True}
DOT = {"width": 5, "points": [[30, 30]]}


def test_a_stroke_keeps_width_ends_and_whether_it_erases_on_the_way_through_the_canvas():
    back = strokes_from_fabric(fabric_from_strokes([LINE, RUBBED]))
    assert [stroke["width"] for stroke in back] == [3, 20]
    assert back[0]["points"][0] == [10, 10]
    assert back[0]["points"][-1] == [120, 100]
    assert [stroke.get("erase", False) for stroke in back] == [False, True]


def test_a_dot_is_a_stroke():
    assert has_ink(fabric_from_strokes([DOT]))


def test_a_stroke_without_points_is_left_out():
    assert fabric_from_strokes([{"width": 3, "points": []}]) == EMPTY


def test_the_digest_does_not_change_when_the_canvas_adds_its_own_fields():
    fabric = fabric_from_strokes([LINE, RUBBED])
    reported = {
        "version": "7",
        "objects": [item | {"left": 12.5, "angle": 0, "opacity": 1} for item in fabric["objects"]],
    }
    assert digest(reported) == digest(fabric)


@pytest.mark.parametrize(
    "changed",
    [LINE | {"width": 4}, LINE | {"points": LINE["points"][:3]}, LINE | {"erase": True}],
)
def test_the_digest_changes_with_every_visible_change(changed):
    assert digest(fabric_from_strokes([changed])) != digest(fabric_from_strokes([LINE]))


def test_the_eraser_alone_leaves_a_blank_page():
    assert not has_ink(fabric_from_strokes([RUBBED]))
    assert not has_ink(EMPTY)


def test_few_strokes_are_sparse_but_a_scanned_drawing_is_not():
    assert is_sparse(fabric_from_strokes([LINE, LINE]))
    assert not is_sparse(fabric_from_strokes([LINE] * 4))
    assert not is_sparse(fabric_from_sketch(np.zeros((512, 512), np.uint8)))


def test_a_scanned_drawing_lies_on_the_paper_pixel_for_pixel():
    sketch = np.random.default_rng(0).integers(0, 256, (512, 512), dtype=np.uint8)
    item = fabric_from_sketch(sketch)["objects"][0]
    picture = Image.open(io.BytesIO(base64.b64decode(item["src"].split(",")[1])))
    assert np.array_equal(sketch_from_canvas(np.asarray(picture)), sketch)


@pytest.mark.parametrize("bad", [np.zeros((256, 256), np.uint8), np.zeros((512, 512), np.float32)])
def test_only_a_sketch_of_the_papers_size_is_laid_on_it(bad):
    with pytest.raises(ValueError, match="512"):
        fabric_from_sketch(bad)


def test_a_transparent_canvas_is_white_paper_and_white_strokes_erase():
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[0] = (0, 0, 0, 255)
    rgba[1] = (255, 255, 255, 255)
    sketch = sketch_from_canvas(rgba)
    assert (sketch[0] == 0).all()
    assert (sketch[1:] == 255).all()


def test_a_file_of_strokes_over_a_scan_comes_back_whole():
    sketch = np.full((512, 512), 255, np.uint8)
    sketch[100:300, 200:210] = np.arange(200, dtype=np.uint8)[:, None]
    whole = {
        "objects": [*fabric_from_sketch(sketch)["objects"], *fabric_from_strokes([LINE, RUBBED])["objects"]]
    }
    assert digest(fabric_from_file(strokes_file(whole))) == digest(whole)


@pytest.mark.parametrize(
    "data",
    [
        b"{", b"{}", b'{"strokes": 3}', b'{"strokes": [3]}', b'{"strokes": [{"width": 0, "points": [[1, 2]]}]}',
        b'{"strokes": [{"width": 3, "points": [[1, NaN]]}]}', b'{"strokes": [{"width": 3, "points": [[1, 2, 3]]}]}',
        b'{"strokes": [{"width": 3, "points": [["a", "b"]]}]}', b'{"strokes": [{"width": 3, "points": [[1, 1e9]]}]}',
        b'{"strokes": [], "picture": 5}', b'{"strokes": [], "picture": "https://example.org/a.png"}',
        b'{"strokes": ' + b"[" * 100_000, b'{"strokes": [], "picture": "data:image/png;base64,AAAA"}',
    ],
)  # fmt: skip
def test_a_file_that_holds_no_strokes_is_refused_with_one_sentence(data: bytes):
    with pytest.raises(UnsafeImage) as refusal:
        fabric_from_file(data)
    assert str(refusal.value).endswith(".")


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("data", [png(11_000, 11_000), png(512, 2049), b"", b"GIF89a", png(512, 512)[:100]])
def test_a_canvas_of_another_size_is_not_decoded(data: bytes, monkeypatch: pytest.MonkeyPatch):
    """121 megapixels in one message took 2.3 GB and 81 s."""
    monkeypatch.setattr("dashboard.views.draw.drawing.sketch_from_canvas", None)
    assert sketch_from_png(data) is None


@pytest.mark.parametrize("data", [png(11_000, 11_000), png(512, 511), b"GIF89a"])
def test_a_scan_that_is_none_of_ours_is_not_decoded(data: bytes, monkeypatch: pytest.MonkeyPatch):
    """A browser names the picture beneath its strokes, and asks for a fit or a replay of it."""
    monkeypatch.setattr(Image.Image, "load", None)
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    scan = scan_of({"objects": [{"type": "Image", "src": url}]})
    assert scan is not None and (scan == 255).all() and scan.shape == (512, 512)


def test_a_canvas_on_a_sharp_screen_is_a_sketch():
    sketch = sketch_from_png(png(1024, 1024))
    assert sketch is not None
    assert sketch.shape == (1024, 1024)


def drawn_by_canvas(strokes: int, points: int = 4) -> dict:
    """A drawing with the fields that a canvas adds."""
    item = fabric_from_strokes([{"width": 3, "points": [[10 + i % 400, 20] for i in range(points)]}])[
        "objects"
    ][0]
    return {
        "version": "7",
        "objects": [{**item, "left": 12.5, "strokeDashArray": None, "version": "7"}] * strokes,
    }


def test_a_drawing_within_the_limits_is_taken_as_it_is_reported():
    sketch = np.full((512, 512), 128, np.uint8)
    scan = fabric_from_sketch(sketch)["objects"][0] | {"filters": []}
    reported = {"objects": [scan, *drawn_by_canvas(50)["objects"]]}
    fabric, is_whole = bounded_fabric(reported)
    assert is_whole and digest(fabric) == digest(reported)
    assert fabric["objects"][1] == reported["objects"][1]


def test_strokes_that_were_reported_before_are_the_same_objects_and_are_not_checked_again():
    before = drawn_by_canvas(3)
    given, _ = bounded_fabric(before)
    known = list(zip(before["objects"], given["objects"], strict=True))
    other = before["objects"][1] | {"strokeWidth": 7}
    now = json.loads(json.dumps({"objects": [before["objects"][0], other, *drawn_by_canvas(2)["objects"]]}))
    fabric, is_whole = bounded_fabric(now, known)
    assert is_whole and (fabric, is_whole) == bounded_fabric(now)
    assert [item is old for item, old in zip(fabric["objects"], given["objects"], strict=False)] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("reported", "kept"),
    [(drawn_by_canvas(MAX_STROKES + 5), MAX_STROKES), (drawn_by_canvas(3, MAX_POINTS // 2), 2)],
    ids=["strokes", "points"],
)
def test_of_a_drawing_that_is_too_large_the_first_strokes_are_kept(reported: dict, kept: int):
    """Nothing else bounds what is remembered of it: 25 MB a message, forty of them for the undo and the strip."""
    fabric, is_whole = bounded_fabric(reported)
    assert not is_whole
    assert fabric["objects"] == reported["objects"][:kept]


PATH = fabric_from_strokes([LINE])["objects"][0]


@pytest.mark.parametrize(
    "item",
    [
        3, None, {}, [PATH], PATH | {"path": "M 1 2"}, PATH | {"path": [["M", 1, float("nan")]]},
        PATH | {"path": [["M", "1", "2"]]}, PATH | {"path": [["M", 1, 1e9]]}, PATH | {"path": [["M", [1], [2]]]},
        PATH | {"path": [[["M"], 1, 2]]}, PATH | {"path": [["M", 1, 2, 3]]}, PATH | {"path": [[]]},
        PATH | {"strokeWidth": "3"}, PATH | {"strokeWidth": float("nan")}, PATH | {"strokeWidth": 1e9},
        PATH | {"src": "x"}, PATH | {"type": "Group"}, {"type": "Image", "src": 3},
        {"type": "Image", "src": "a" * 3_000_000}, PATH | {f"x{i}": i for i in range(100)},
    ],
)  # fmt: skip
def test_what_is_no_stroke_is_left_out_of_what_a_canvas_reports(item: object):
    fabric, is_whole = bounded_fabric({"objects": [PATH, item]})
    assert fabric == {"objects": [PATH]}
    assert not is_whole


def test_what_no_canvas_says_of_a_stroke_is_not_remembered():
    noise = {"junk": ["x"] * 1000, "more": "x" * 1000, "y" * 1000: 1}
    assert bounded_fabric({"objects": [PATH | noise]}) == ({"objects": [PATH]}, True)


@pytest.mark.parametrize("reported", [None, 3, [], {"objects": 3}, {}])
def test_a_report_that_is_none_is_a_blank_page(reported: object):
    assert bounded_fabric(reported) == (EMPTY, False)


@pytest.mark.parametrize(("strokes", "points"), [(MAX_STROKES + 1, 2), (2, MAX_POINTS // 2 + 1)])
def test_a_file_with_more_strokes_than_a_drawing_may_have_is_refused(strokes: int, points: int):
    """The canvas would report it in a message that the server does not take, again and again."""
    line = {"width": 3, "points": [[1, 2]] * points}
    with pytest.raises(UnsafeImage, match=r"10,000 strokes and 100,000 points"):
        fabric_from_file(json.dumps({"strokes": [line] * strokes}).encode())


def test_strokes_beyond_the_limit_are_counted_and_not_looked_at(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drawing, "_checked_stroke", pytest.fail)
    with pytest.raises(UnsafeImage, match="too large"):
        fabric_from_file(json.dumps({"strokes": [0] * (MAX_STROKES + 1)}).encode())


def test_the_largest_drawing_fits_into_the_message_that_the_server_takes():
    """A browser whose message is refused opens the line again, and sends the same."""
    item = drawn_by_canvas(1)["objects"][0] | {f"a field of fabric {i}": 1.0 for i in range(25)}
    item["path"] = [["Q", *[123.45678901234567] * 4]] * (MAX_POINTS // MAX_STROKES)
    server = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]
    largest = MAX_STROKES * len(json.dumps(item)) + MAX_SCAN_LETTERS
    assert largest < server["maxWidgetStateSize"] * 1e6 <= server["maxMessageSize"] * 1e6 <= 50e6
