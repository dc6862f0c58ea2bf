"""Strokes as a picture."""

import numpy as np
import pytest

from core.strokes import Stroke, render_strokes


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
