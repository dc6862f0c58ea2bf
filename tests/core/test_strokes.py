"""Drawings as strokes: the JSON form and its rendering."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.strokes import (
    Drawing,
    Stroke,
    drawing_to_json,
    load_drawing,
    parse_drawing,
    render_strokes,
)

CONTENT: dict[str, Any] = {
    "name": "two_lines",
    "title": "Two lines",
    "strokes": [
        {"width": 3, "points": [[10, 20], [200.5, 20.25]]},
        {"width": 1.5, "points": [[256, 256]]},
    ],
}


def stroke(*points: tuple[float, float], width: float = 4.0) -> Stroke:
    return Stroke(width=width, points=np.array(points, dtype=np.float32))


def ink(picture: np.ndarray) -> float:
    return float((255.0 - picture).sum() / 255.0)


def test_no_strokes_leave_the_paper_white() -> None:
    assert (render_strokes([], 64) == 255).all()


def test_a_rendering_is_black_on_white_with_grey_edges() -> None:
    picture = render_strokes([stroke((100, 100), (400, 300))])
    assert picture.shape == (512, 512)
    assert picture.dtype == np.uint8
    assert picture.min() == 0
    assert picture.max() == 255
    assert ((picture > 0) & (picture < 255)).any()


@pytest.mark.parametrize("width", [1.0, 2.5, 4.0, 7.5])
def test_a_line_covers_its_length_times_its_width(width: float) -> None:
    picture = render_strokes([stroke((100, 200), (400, 200), width=width)])
    round_ends = np.pi * (width / 2) ** 2
    assert ink(picture) == pytest.approx(300 * width + round_ends, rel=0.12)


def test_a_line_lies_where_it_was_drawn() -> None:
    picture = render_strokes([stroke((100, 200.5), (400, 200.5), width=3.0)])
    rows = (255.0 - picture)[:, 200:300].sum(axis=1)
    assert (rows * np.arange(512)).sum() / rows.sum() == pytest.approx(200.5, abs=0.15)


def test_a_line_moved_by_a_part_of_a_pixel_changes_the_picture() -> None:
    here = render_strokes([stroke((100, 200), (400, 200))])
    there = render_strokes([stroke((100, 200.4), (400, 200.4))])
    assert (here != there).any()


def test_a_single_point_is_a_dot_of_the_pens_size() -> None:
    assert ink(render_strokes([stroke((256, 256), width=8.0)])) == pytest.approx(np.pi * 16, rel=0.12)


@pytest.mark.parametrize("size", [64, 128, 256, 1024])
def test_another_size_shows_the_same_drawing(size: int) -> None:
    strokes = [stroke((100, 100), (300, 420), (420, 150), width=12.0)]
    share = ink(render_strokes(strokes)) / 512**2
    assert ink(render_strokes(strokes, size)) / size**2 == pytest.approx(
        share, rel=0.08
    )  # widths come in steps


def test_a_stroke_outside_the_frame_leaves_nothing() -> None:
    assert (render_strokes([stroke((-900, -900), (-100, -50)), stroke((1e9, 1e9))]) == 255).all()


def test_joints_are_round_not_pointed() -> None:
    sharp = render_strokes([stroke((100, 400), (256, 100), (412, 400), width=20.0)])
    assert (sharp[:89] == 255).all()


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        render_strokes([], 0)


def test_a_drawing_is_read_with_widths_and_points() -> None:
    drawing = parse_drawing(CONTENT)
    assert (drawing.name, drawing.title) == ("two_lines", "Two lines")
    assert [line.width for line in drawing.strokes] == [3.0, 1.5]
    np.testing.assert_array_equal(drawing.strokes[0].points, np.float32([[10, 20], [200.5, 20.25]]))


def test_a_drawing_survives_writing_and_reading(tmp_path: Path) -> None:
    drawing = Drawing("a_face", 'Umlaut "ä"', (stroke((1.04, 2.06), (3, 4), width=2.345),))
    path = tmp_path / "a_face.json"
    path.write_text(drawing_to_json(drawing), encoding="utf-8")
    again = load_drawing(path)
    assert (again.name, again.title) == (drawing.name, drawing.title)
    np.testing.assert_allclose(again.strokes[0].points, drawing.strokes[0].points, atol=0.051)
    assert again.strokes[0].width == pytest.approx(2.345, abs=0.006)


def changed(path: tuple[Any, ...], value: Any) -> Any:
    content = copy.deepcopy(CONTENT)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be an object"),
        (changed(("colour",), "red"), "must have the keys"),
        ({"name": "a"}, "must have the keys"),
        (changed(("name",), "../a"), "name must be"),
        (changed(("name",), 7), "name must be"),
        (changed(("title",), " "), "title of"),
        (changed(("strokes",), []), "at least one stroke"),
        (changed(("strokes", 0), "line"), "stroke 0 of two_lines must be an object"),
        (changed(("strokes", 0, "width"), 0), "width of stroke 0"),
        (changed(("strokes", 1, "width"), True), "width of stroke 1"),
        (changed(("strokes", 1, "width"), float("inf")), "width of stroke 1"),
        (changed(("strokes", 0, "points"), []), "at least one point"),
        (changed(("strokes", 0, "points"), [[1, 2, 3]]), "two finite numbers"),
        (changed(("strokes", 0, "points"), [[1, float("nan")]]), "two finite numbers"),
        (changed(("strokes", 0, "points"), [["1", 2]]), "two finite numbers"),
        (changed(("strokes", 0, "points"), [[1, 2]] * 100_001), "at most 100000"),
    ],
)
def test_what_is_no_drawing_is_refused_with_a_reason(content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_drawing(content)


def test_a_file_must_carry_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(CONTENT))
    with pytest.raises(ValueError, match=r"other\.json is not a drawing.*expected 'other'"):
        load_drawing(path)


def test_a_file_that_is_no_json_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"broken\.json is not a drawing"):
        load_drawing(path)
