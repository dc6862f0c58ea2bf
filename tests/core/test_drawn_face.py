"""Where the face of a drawing is: found, put by hand, or guessed from the ink."""

import cv2
import numpy as np
import pytest

from core import scan_cleanup
from core.drawn_face import find_drawn_face, is_on_template, matrix_from_anchors
from core.face_frame import alignment_targets
from core.scan_cleanup import PaperDrawing, drawing_from_picture
from tests.core.test_scan_cleanup import assert_is_clean_framed_face, draw_face, light_on

TARGETS = alignment_targets()


def turned(picture: np.ndarray, degrees: float, shape: tuple[int, int] = (900, 1000)) -> np.ndarray:
    """The picture turned about its middle and laid somewhere on a larger sheet."""
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, 0.9) + np.array([[0, 0, 310], [0, 0, 130]])
    return cv2.warpAffine(picture, matrix, shape[::-1], borderValue=(255, 255, 255), flags=cv2.INTER_AREA)


def pencil_portrait(*, paper_tone: int = 255) -> np.ndarray:
    """A face in tones: hatched hair, soft cheeks, lines that are no darker than the shading."""
    tones = np.full((700, 600), 255, np.float32)
    cv2.ellipse(tones, (300, 350), (215, 260), 0, 0, 360, 110, -1)
    cv2.ellipse(tones, (300, 400), (150, 195), 0, 0, 360, 250, -1)
    cv2.ellipse(tones, (300, 430), (148, 170), 0, 20, 160, 205, 25)
    hatching = np.random.default_rng(0).normal(0, 22, tones.shape).astype(np.float32)
    tones = cv2.GaussianBlur(tones, (0, 0), 5) + hatching * (tones < 200)
    lines = draw_face((700, 600), offset=(44, 100), width=5, ink=(70, 70, 70))[..., 0]
    grey = np.minimum(tones, cv2.GaussianBlur(lines, (0, 0), 1.2)) * (paper_tone / 255)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def patches(sketch: np.ndarray) -> float:
    """Share of the sketch that is black over areas wider than any stroke."""
    return float(np.mean(cv2.dilate(sketch, np.ones((15, 15), np.uint8)) < 128))


@pytest.mark.parametrize("paper_tone", [255, 190], ids=["white", "grey"])
def test_a_portrait_in_tones_becomes_lines_not_patches(paper_tone: int) -> None:
    drawing = drawing_from_picture(pencil_portrait(paper_tone=paper_tone))
    assert drawing.is_shaded
    assert patches(drawing.sketch) < 0.005
    assert np.mean(drawing.sketch < 128) > 0.01


@pytest.mark.parametrize("width", [2, 9])
def test_lines_under_a_lamp_are_not_taken_for_shading(width: int) -> None:
    sheet = light_on(draw_face((1200, 900), offset=(110, 150), scale=1.3, width=width, ink=(60, 60, 60)))
    assert not drawing_from_picture(sheet).is_shaded


@pytest.mark.parametrize("degrees", [-20, 15])
def test_a_turned_face_off_the_middle_is_put_upright_onto_the_template(
    landmarker_path, degrees: float
) -> None:
    drawing = drawing_from_picture(turned(draw_face(), degrees))
    assert drawing.placed_by == "face"
    assert_is_clean_framed_face(drawing.sketch)


def test_a_face_squeezed_into_a_square_gets_its_proportions_back(landmarker_path) -> None:
    squeezed = cv2.resize(draw_face((1000, 700), offset=(94, 200)), (700, 700), interpolation=cv2.INTER_AREA)
    drawing = drawing_from_picture(squeezed)
    assert drawing.placed_by == "face"
    assert_is_clean_framed_face(drawing.sketch)


def test_without_the_landmarkers_model_the_ink_places_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_cleanup, "find_drawn_face", lambda picture: None)
    drawing = drawing_from_picture(draw_face((1500, 1500), offset=(900, 40), scale=0.8))
    assert drawing.placed_by == "ink"
    assert_is_clean_framed_face(drawing.sketch)


@pytest.fixture(scope="module")
def by_ink() -> PaperDrawing:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_cleanup, "find_drawn_face", lambda picture: None)
        return drawing_from_picture(turned(draw_face(), 25))


def test_eyes_and_mouth_put_by_hand_go_exactly_onto_the_template(by_ink: PaperDrawing) -> None:
    matrix = cv2.getRotationMatrix2D((256, 256), 25, 0.9) + np.array([[0, 0, 310], [0, 0, 130]])
    by_hand = by_ink.moved(TARGETS @ matrix[:, :2].T + matrix[:, 2])
    assert by_hand is not None
    assert by_hand.placed_by == "hand"
    assert_is_clean_framed_face(by_hand.sketch)


def test_putting_the_points_where_they_are_changes_nothing(by_ink: PaperDrawing) -> None:
    again = by_ink.moved(by_ink.anchors)
    assert again is not None
    assert np.abs(again.sketch.astype(int) - by_ink.sketch).mean() < 1
    assert np.allclose(again.anchors, by_ink.anchors, atol=0.01)


@pytest.mark.parametrize(
    "anchors",
    [[(0, 0), (10, 0), (20, 0)], [(300, 200), (100, 200), (200, 400)], [(0, 0), (np.nan, 0), (5, 9)]],
    ids=["on a line", "mirrored", "no number"],
)
def test_three_points_that_make_no_face_move_nothing(by_ink: PaperDrawing, anchors) -> None:
    assert by_ink.moved(np.array(anchors, np.float32)) is None


def test_an_unlikely_stretch_becomes_a_similarity() -> None:
    matrix = matrix_from_anchors(np.array([(100, 100), (500, 100), (300, 160)], np.float32))
    assert matrix is not None
    longer, shorter = np.linalg.svd(matrix[:, :2])[1]
    assert longer == pytest.approx(shorter)


def test_a_page_without_a_face_has_none() -> None:
    assert find_drawn_face(np.full((300, 300, 3), 255, np.uint8)) is None


def test_points_near_the_template_count_as_placed() -> None:
    assert is_on_template(TARGETS + 9)
    assert not is_on_template(TARGETS + np.array([40, 0]))
