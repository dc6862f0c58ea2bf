"""Strokes, their canvas form and their pixels."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.errors import UnsafeImage
from dashboard.views.draw.drawing import (
    EMPTY,
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
