"""Our PNG files are read by everybody else as the picture that they were made of."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curation.png_files import encode_png_quickly


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), in_colour=st.booleans(), seed=st.integers(0, 999))
def test_two_other_readers_see_the_same_pixels(height: int, width: int, in_colour: bool, seed: int) -> None:
    shape = (height, width, 3) if in_colour else (height, width)
    image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    data = encode_png_quickly(image)
    with Image.open(io.BytesIO(data)) as opened:
        opened.verify()
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.mode == ("RGB" if in_colour else "L")
        np.testing.assert_array_equal(np.asarray(opened), image)
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(seen[..., ::-1] if in_colour else seen, image)


def test_a_view_into_another_array_is_fine() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert encode_png_quickly(image[::2, ::-1]) == encode_png_quickly(image[::2, ::-1].copy())


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)]
)
def test_anything_else_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a"):
        encode_png_quickly(image)
