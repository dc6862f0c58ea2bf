"""What a photo leaves out of a drawing is named, and nothing else."""

import cv2
import numpy as np
import pytest

from eval.metrics.unpainted import unpainted_features

HEAD = (256, 275)
SKIN, BACKGROUND, DARK = (196, 150, 128), (205, 205, 205), (60, 40, 35)


def face(picture: np.ndarray, ink: tuple[int, ...], *features: str, gaze: int = 0) -> np.ndarray:
    """Draw features over a picture (512, 512, 3), in lines of one colour."""
    for side in (-1, 1):
        x = 256 + 70 * side
        if "ears" in features:
            cv2.ellipse(picture, (256 + 152 * side, 280), (30, 48), 0 if side > 0 else 180, -80, 80, ink, 3)
        if "glasses" in features:
            cv2.ellipse(picture, (x, 250), (54, 46), 0, 0, 360, ink, 4)
            cv2.line(picture, (238, 244), (274, 244), ink, 4)
        if "eyes" in features:
            cv2.ellipse(picture, (x, 244), (34, 16), 0, 0, 360, ink, 2)
            cv2.circle(picture, (x + gaze, 244), 9, ink, -1)
    if "mouth" in features:
        cv2.ellipse(picture, (256, 360), (104, 40), 0, 20, 160, ink, 4)
    if "word" in features:
        cv2.putText(picture, "Mum", (410, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.3, ink, 3)
    return picture


def sketch(*features: str, gaze: int = 0) -> np.ndarray:
    drawn = np.full((512, 512, 3), 255, np.uint8)
    cv2.ellipse(drawn, HEAD, (147, 192), 0, 0, 360, (0, 0, 0), 3)
    return np.ascontiguousarray(face(drawn, (0, 0, 0), "eyes", *features, gaze=gaze)[..., 0])


def photo(*features: str) -> np.ndarray:
    picture = np.full((512, 512, 3), BACKGROUND, np.uint8)
    if "ears" in features:
        for side in (-1, 1):
            cv2.ellipse(picture, (256 + 152 * side, 280), (32, 50), 0, 0, 360, SKIN, -1)
    cv2.ellipse(picture, HEAD, (147, 192), 0, 0, 360, SKIN, -1)
    return cv2.GaussianBlur(face(picture, DARK, "eyes", *features), (0, 0), 1)


@pytest.mark.parametrize(
    ("drawn", "name"), [("ears", "ears"), ("glasses", "glasses"), ("mouth", "mouth"), ("word", "right")]
)
def test_a_feature_is_named_where_the_photo_has_none(drawn: str, name: str):
    lines = sketch(drawn)
    assert unpainted_features(lines, lines, photo()) == (name,)
    assert unpainted_features(lines, lines, photo(drawn)) == ()


@pytest.mark.parametrize(("gaze", "name"), [(-12, "gaze_left"), (12, "gaze_right")])
def test_a_gaze_that_was_straightened_is_named_by_its_side(gaze: int, name: str):
    averted = sketch(gaze=gaze)
    assert unpainted_features(averted, sketch(), photo()) == (name,)
    assert unpainted_features(averted, averted, photo()) == ()


@pytest.mark.parametrize("left_undrawn", [photo("ears", "glasses", "mouth", "word"), photo()])
def test_nothing_is_said_of_what_was_not_drawn(left_undrawn: np.ndarray):
    blank = np.full((512, 512), 255, np.uint8)
    assert unpainted_features(sketch(), sketch(), left_undrawn) == ()
    assert unpainted_features(blank, blank, left_undrawn) == ()


def test_glasses_are_missed_though_their_rims_cross_the_shade_beside_the_nose():
    lines, shaded = sketch("glasses"), photo()
    for side in (-1, 1):
        cv2.line(shaded, (256 + 16 * side, 258), (256 + 24 * side, 290), DARK, 3)
    assert unpainted_features(lines, lines, shaded) == ("glasses",)


def test_glasses_up_to_the_outline_of_the_head_are_no_ears():
    lines = np.full((512, 512), 255, np.uint8)
    cv2.ellipse(lines, (256, 280), (138, 186), 0, 0, 360, 0, 4)
    for side in (-1, 1):
        cv2.ellipse(lines, (256 + 70 * side, 250), (56, 46), 0, 0, 360, 0, 4)
        cv2.line(lines, (256 + 126 * side, 244), (256 + 160 * side, 236), 0, 4)
    backdrop = np.full((512, 512, 3), BACKGROUND, np.uint8)
    cv2.ellipse(backdrop, (256, 280), (118, 166), 0, 0, 360, SKIN, -1)
    assert "ears" not in unpainted_features(lines, lines, backdrop)


def test_one_ear_alone_is_only_something_beside_the_head():
    lines = sketch("ears")
    lines[:, :110] = 255
    assert unpainted_features(lines, lines, photo()) == ("right",)
