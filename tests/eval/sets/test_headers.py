"""What is known of a picture without decoding it."""

import pytest

from core.errors import UnsafeImage
from eval.sets.contents import read_header
from tests.eval.sets.pictures_material import packed, picture


@pytest.mark.parametrize("quality", [20, 50, 75, 90, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality: int) -> None:
    assert read_header(packed(picture(), "JPEG", quality=quality)).quality == pytest.approx(quality, abs=1)


def test_size_and_format_are_those_of_the_file() -> None:
    header = read_header(packed(picture(0, (30, 20)), "BMP"))
    assert (header.format, header.width, header.height, header.quality) == ("BMP", 30, 20, None)


@pytest.mark.parametrize(
    ("kind", "how", "is_lossy"),
    [
        ("PNG", {}, False),
        ("JPEG", {}, True),
        ("WEBP", {"lossless": True}, False),
        ("WEBP", {"quality": 80}, True),
    ],
)
def test_lossy_packing_is_told_from_lossless(kind: str, how: dict[str, object], is_lossy: bool) -> None:
    assert read_header(packed(picture(), kind, **how)).is_lossy == is_lossy


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnsafeImage):
        read_header(data)


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.sets.contents.MAX_PIXELS", 100)
    with pytest.raises(UnsafeImage, match="24 x 24 pixels"):
        read_header(packed(picture()))
