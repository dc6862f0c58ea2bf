"""The template: parts sit where they should at every size, and the mask has no seam."""

from __future__ import annotations

import numpy as np
import pytest

from core import face_frame
from core.face_frame import FRAME, PARTS, alignment_targets, face_mask


@pytest.mark.parametrize("size", [128, 256, 512, 1024])
def test_targets_scale_with_the_picture(size: int) -> None:
    np.testing.assert_allclose(alignment_targets(size) / size, alignment_targets() / FRAME, rtol=1e-6)


def test_the_image_left_eye_is_on_the_left() -> None:
    left, right, mouth = alignment_targets()
    assert left[0] < mouth[0] < right[0]
    assert left[1] == right[1] < mouth[1]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
@pytest.mark.parametrize("size", [128, 256, 512])
def test_a_part_is_a_square_inside_the_picture(part: face_frame.Part, size: int) -> None:
    left, top, right, bottom = part.box(size)
    assert 0 <= left < right <= size
    assert 0 <= top < bottom <= size
    assert right - left == bottom - top == part.side * size // FRAME


@pytest.mark.parametrize("size", [64, 256, 512])
def test_the_mask_holds_eyes_and_mouth_and_leaves_the_border(size: int) -> None:
    mask = face_mask(size)
    assert mask.dtype == np.float32
    for x, y in alignment_targets(size):
        assert mask[round(y), round(x)] > 0.9
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0


def test_the_mask_falls_without_a_step() -> None:
    mask = face_mask(512)
    assert mask.min() == 0
    assert mask.max() == 1
    assert max(np.abs(np.diff(mask, axis=0)).max(), np.abs(np.diff(mask, axis=1)).max()) < 0.12


def test_the_mask_is_symmetric_and_cannot_be_changed() -> None:
    mask = face_mask(512)
    np.testing.assert_allclose(mask[:, 1:], mask[:, :0:-1], atol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = 1
