"""The demo drawings and the guide that the dashboard shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.face_frame import EYE_LEFT, EYE_RIGHT, MOUTH
from core.strokes import render_strokes
from data.demo.make_drawings import drawing_to_json, load_strokes

DEMO = Path(__file__).resolve().parent.parent / "data" / "demo"
FILES = sorted((DEMO / "drawings").glob("*.json"))
NAMES = [path.stem for path in FILES]


def test_there_are_enough_drawings_and_each_has_its_picture() -> None:
    assert len(FILES) >= 10
    assert sorted(path.stem for path in (DEMO / "drawings").glob("*.png")) == NAMES


def test_the_files_are_what_the_command_makes() -> None:
    from data.demo.faces import DRAWINGS

    assert sorted(name for name, _, _ in DRAWINGS) == NAMES
    for name, title, draw in DRAWINGS:
        made = drawing_to_json(name, title, draw().strokes)
        assert (DEMO / "drawings" / f"{name}.json").read_text(encoding="utf-8") == made, name


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_drawings_picture_is_its_rendering(path: Path) -> None:
    with Image.open(path.with_suffix(".png")) as image:
        assert image.mode == "L"
        picture = np.asarray(image)
    np.testing.assert_array_equal(picture, render_strokes(load_strokes(path)))


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_drawing_lies_in_the_frame_and_is_drawn_with_a_pen_one_can_choose(path: Path) -> None:
    strokes = load_strokes(path)
    points = np.concatenate([stroke.points for stroke in strokes])
    assert points.min() > -10
    assert points.max() < 525  # hair and neck run out at the bottom edge
    assert all(0.6 <= stroke.width <= 12 for stroke in strokes)
    assert len({stroke.width for stroke in strokes}) > 3


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_drawing_has_begun_with_an_eye_at_its_place(path: Path) -> None:
    with Image.open(path.with_suffix(".png")) as image:
        picture = np.asarray(image)
    x, y = (int(value) for value in EYE_LEFT)
    around = picture[y - 45 : y + 45, x - 60 : x + 60]
    assert (around < 128).mean() > 0.01
    assert (picture < 128).mean() < 0.3


@pytest.fixture(scope="module")
def guide() -> np.ndarray:
    with Image.open(DEMO / "guide.png") as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


def test_the_guide_is_light_lines_on_nothing(guide: np.ndarray) -> None:
    alpha = guide[..., 3]
    assert guide.shape == (512, 512, 4)
    assert 0.005 < (alpha > 128).mean() < 0.06
    inked = guide[alpha > 128][:, :3].astype(int)
    assert inked.mean() > 120
    assert (inked[:, 2] > inked[:, 0]).all()


@pytest.mark.parametrize(("centre", "half"), [(EYE_LEFT, (45, 25)), (EYE_RIGHT, (45, 25)), (MOUTH, (70, 30))])
def test_the_guides_features_are_centred_on_the_template(
    guide: np.ndarray, centre: tuple[float, float], half: tuple[int, int]
) -> None:
    x, y = (int(value) for value in centre)
    box = guide[y - half[1] : y + half[1] + 1, x - half[0] : x + half[0] + 1, 3] > 128
    rows, columns = np.nonzero(box)
    assert abs((columns.min() + columns.max()) / 2 - half[0]) <= 4
    assert abs((rows.min() + rows.max()) / 2 - half[1]) <= 6


def test_the_guide_is_a_whole_head_in_the_frame(guide: np.ndarray) -> None:
    rows, columns = np.nonzero(guide[..., 3] > 128)
    assert 10 <= rows.min() <= 110
    assert 460 <= rows.max() <= 500
    assert 85 <= columns.min() <= 115
    assert 397 <= columns.max() <= 427


def test_the_guide_is_symmetrical(guide: np.ndarray) -> None:
    ink = guide[..., 3] > 128
    mirrored = np.roll(ink[:, ::-1], 1, axis=1)  # x becomes 512 - x
    assert (ink & ~mirrored).sum() < 0.1 * ink.sum()
