"""Hair that is only outlined gets a tone within the figure; hatched hair and the face stay as they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.face_frame import face_mask
from core.outlined_hair import figure_mask, fill_outlined_hair

SIZE = 256


def outlined() -> np.ndarray:
    """A head with hair around it, both outlined, the hair open at the shoulders."""
    drawing = np.full((SIZE, SIZE), 255, np.uint8)
    cv2.ellipse(drawing, (128, 140), (66, 88), 0, 0, 360, 0, 2)
    cv2.ellipse(drawing, (128, 120), (95, 105), 0, 150, 390, 0, 2)
    return drawing.astype(np.float32) / 127.5 - 1


def refined() -> np.ndarray:
    """What stage 1 makes of it: grey hair, wider than it was drawn, and grey in the face."""
    grey = np.full((SIZE, SIZE), 255, np.uint8)
    cv2.ellipse(grey, (128, 128), (120, 120), 0, 0, 360, 150, -1)
    return grey.astype(np.float32) / 127.5 - 1


def test_outlined_hair_gets_the_refined_grey_within_the_figure_alone() -> None:
    drawing, grey = outlined(), refined()
    filled = fill_outlined_hair(drawing, drawing, grey)
    assert filled[40, 128] == pytest.approx(grey[40, 128], abs=1e-3)  # hair
    assert filled[128, 10] == 1  # beside it, where stage 1 saw hair too
    assert (filled <= drawing).all() and filled.min() >= -1


def test_hatched_hair_stays_as_it_was_drawn() -> None:
    drawing, grey = outlined(), refined()
    drawing[20:128:3, 34:222] = -1
    assert np.array_equal(fill_outlined_hair(drawing, drawing, grey), drawing)


def test_the_face_stays_as_it_is() -> None:
    sketch, inside = np.zeros((SIZE, SIZE), np.float32), face_mask(SIZE) == 1
    assert np.array_equal(fill_outlined_hair(sketch, outlined(), refined())[inside], sketch[inside])


@pytest.mark.parametrize("size", [64, 256, 512])
def test_hair_is_inside_the_figure_though_its_outline_is_open_below(size: int) -> None:
    drawing = np.ones((size, size), np.float32)
    quarter, width = size // 4, max(1, size // 128)
    drawing[quarter : quarter + width, quarter : 3 * quarter] = -1  # the top of the hair
    drawing[quarter : 3 * quarter, quarter : quarter + width] = -1
    drawing[quarter : 3 * quarter, 3 * quarter : 3 * quarter + width] = -1
    drawing[2 * quarter : 2 * quarter + size // 32] = 1  # a gap
    inside = figure_mask(drawing)
    assert inside[2 * quarter, 2 * quarter] > 0.99
    assert inside[3 * quarter - size // 16, 2 * quarter] > 0.99
    assert inside[:, : quarter - size // 16].max() == 0
    assert inside[-size // 8 :].max() == 0


def test_an_empty_drawing_has_no_figure() -> None:
    assert figure_mask(np.ones((64, 64), np.float32)).max() == 0
