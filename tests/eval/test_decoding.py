"""The FID tools' pixels against what a person sees, and files that are no pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import UnsafeImage
from eval.decoding import DECODINGS, decode_as_tools


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rgb(width: int = 12, height: int = 8) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Image.fromarray(pixels)


def sideways() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(rgb(), "JPEG", exif=exif)


def see_through() -> bytes:
    image = rgb()
    image.putalpha(0)
    return encoded(image)


ODD_FILES = {
    "cmyk": encoded(rgb().convert("CMYK"), "JPEG"),
    "16 bit": encoded(Image.fromarray(np.full((8, 12), 4000, np.uint16))),
    "palette": encoded(rgb().quantize(16)),
    "sideways": sideways(),
    "transparent": see_through(),
    "grey": encoded(rgb().convert("L")),
    "one bit": encoded(rgb().convert("1")),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_the_tools_pixels_are_pillows(name: str) -> None:
    expected = np.asarray(Image.open(io.BytesIO(ODD_FILES[name])).convert("RGB"))
    assert np.array_equal(decode_as_tools(ODD_FILES[name]), expected)


def test_only_a_person_sees_a_photo_upright() -> None:
    assert decode_as_tools(sideways()).shape == (8, 12, 3)
    assert DECODINGS["seen"](sideways()).shape == (12, 8, 3)


def test_only_a_person_sees_paper_behind_transparency() -> None:
    assert (DECODINGS["seen"](see_through()) == 255).all()
    assert np.array_equal(decode_as_tools(see_through()), np.asarray(rgb()))


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize(
    "data", [b"", b"text", encoded(rgb())[:60], encoded(rgb(300, 300), "JPEG")[:9000]], ids=str
)
def test_what_is_no_whole_picture_is_refused(decoding: str, data: bytes) -> None:
    with pytest.raises(UnsafeImage):
        DECODINGS[decoding](data)


def test_a_bomb_is_refused_from_its_header() -> None:
    with pytest.raises(UnsafeImage, match="too large"):
        decode_as_tools(encoded(Image.new("1", (9000, 9000))))


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "photo.JPG").write_bytes(encoded(rgb()))
    assert DECODINGS["tools"](tmp_path / "photo.JPG").shape == (8, 12, 3)
