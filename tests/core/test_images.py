"""Pictures at the boundary: every kind of file gives an upright 8-bit RGB photo or one clear error."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from core import images
from core.errors import UnsafeImage

EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A smooth picture whose four corners differ."""
    ys, xs = np.mgrid[0:48, 0:64]
    return np.stack([xs * 3, ys * 4, 255 - xs - ys], axis=-1).astype(np.uint8)


def encode(photo: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, kind, **options)
    return buffer.getvalue()


def png_header_only(width: int, height: int) -> bytes:
    """What a decompression bomb looks like: a huge size and next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


@pytest.mark.parametrize("kind", images.FORMATS)
def test_every_named_format_is_read(photo: np.ndarray, kind: str) -> None:
    found = images.read_photo(encode(photo, kind))
    assert (found.shape, found.dtype) == (photo.shape, np.uint8)
    assert found.flags.c_contiguous
    tolerance = 12 if kind == "GIF" else 4  # a palette of 256 colours
    assert np.abs(found.astype(int) - photo).mean() < tolerance


def test_a_file_of_several_jpegs_gives_its_first(photo: np.ndarray) -> None:
    data = encode(photo, "MPO", save_all=True, append_images=[Image.fromarray(255 - photo)])
    assert np.abs(images.read_photo(data).astype(int) - photo).mean() < 4


def test_the_content_decides_about_the_format_not_the_name(photo: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(photo, "PNG"))
    np.testing.assert_array_equal(images.read_photo(path), photo)


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, lambda upright: upright),
        (2, lambda upright: upright[:, ::-1]),
        (3, lambda upright: upright[::-1, ::-1]),
        (4, lambda upright: upright[::-1]),
        (5, lambda upright: upright.transpose(1, 0, 2)),
        (6, lambda upright: np.rot90(upright, 1)),
        (7, lambda upright: np.rot90(upright, 2).transpose(1, 0, 2)),
        (8, lambda upright: np.rot90(upright, -1)),
    ],
)
def test_exif_orientation_is_applied(photo: np.ndarray, orientation: int, stored) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    data = encode(np.ascontiguousarray(stored(photo)), "PNG", exif=exif)
    np.testing.assert_array_equal(images.read_photo(data), photo)


def test_16_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = images.read_photo(encode(ramp, "PNG"))
    assert found.shape == (64, 64, 3)
    np.testing.assert_allclose(found[..., 0], ramp / 257.0, atol=1)


def test_a_grey_picture_becomes_three_equal_channels(photo: np.ndarray) -> None:
    found = images.read_photo(encode(photo[..., 0].copy(), "PNG"))
    np.testing.assert_array_equal(found, np.repeat(photo[..., :1], 3, axis=2))


def test_transparency_is_laid_over_white(photo: np.ndarray) -> None:
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[:, 32:] = 255
    found = images.read_photo(encode(np.dstack([photo, alpha]), "PNG"))
    assert (found[:, :32] == 255).all()
    np.testing.assert_array_equal(found[:, 32:], photo[:, 32:])


def test_an_srgb_profile_changes_nothing(photo: np.ndarray) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = images.read_photo(encode(photo, "PNG", icc_profile=profile))
    assert np.abs(found.astype(int) - photo).max() <= 1


def test_a_broken_colour_profile_does_not_lose_the_photo(photo: np.ndarray) -> None:
    np.testing.assert_array_equal(images.read_photo(encode(photo, "PNG", icc_profile=b"junk" * 50)), photo)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("part", [0.3, 0.7])
def test_a_truncated_file_is_refused(photo: np.ndarray, kind: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(noise, kind)
    with pytest.raises(UnsafeImage):
        images.read_photo(data[: int(len(data) * part)])


@pytest.mark.parametrize("data", [b"hello", b"\xff\xd8\xff", b"%PDF-1.7", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnsafeImage):
        images.read_photo(data)


def test_an_empty_file_is_refused_by_name() -> None:
    with pytest.raises(UnsafeImage, match="0 bytes"):
        images.read_photo(b"")


@pytest.mark.parametrize("side", [8_000, 20_000])
def test_a_huge_picture_is_refused_from_its_header(side: int) -> None:
    with pytest.raises(UnsafeImage, match="too large"):
        images.read_photo(png_header_only(side, side))


def test_the_pixel_cap_is_the_callers(photo: np.ndarray) -> None:
    data = encode(photo, "PNG")
    assert images.read_photo(data, max_pixels=64 * 48).shape == photo.shape
    with pytest.raises(UnsafeImage, match="64 x 48"):
        images.read_photo(data, max_pixels=64 * 48 - 1)


def test_a_missing_file_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        images.read_photo(tmp_path / "none.png")


def test_photos_survive_the_way_to_tensors_and_back(photo: np.ndarray) -> None:
    tensor = images.photo_to_tensor(photo)
    assert tensor.shape == (1, 3, 48, 64)
    assert tensor.dtype == torch.float32
    assert -1 <= tensor.min() <= tensor.max() <= 1
    np.testing.assert_array_equal(images.tensor_to_photo(tensor), photo)


def test_sketches_survive_the_way_to_tensors_and_back() -> None:
    sketch = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tensor = images.sketch_to_tensor(sketch)
    assert (tensor[0, 0, 0, 0], tensor[0, 0, -1, -1]) == (-1, 1)  # a line is -1, paper +1
    np.testing.assert_array_equal(images.tensor_to_sketch(tensor), sketch)


@pytest.mark.parametrize("wrong", [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)])
def test_another_kind_of_array_is_no_photo(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a photo"):
        images.photo_to_tensor(wrong)


def test_png_text_says_what_was_written(photo: np.ndarray) -> None:
    data = images.encode_png(photo, {"Software": "Studio", "Comment": "ein Gesicht, größer"})
    with Image.open(io.BytesIO(data)) as image:
        assert image.text == {"Software": "Studio", "Comment": "ein Gesicht, größer"}
