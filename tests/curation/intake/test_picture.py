"""What counts as a picture, whatever its name, and why everything else does not."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.images import can_read_heif, read_photo
from curation.intake.picture import CODES, PictureLimits, RejectedFile, check_picture, hash_pixels
from tests.curation.intake import pictures
from tests.curation.intake.pictures import KINDS, encode, photo


def code_of(data: bytes, limits: PictureLimits | None = None) -> str:
    """Why a file is refused."""
    with pytest.raises(RejectedFile) as caught:
        check_picture(data, limits=limits or PictureLimits())
    assert caught.value.code in CODES
    assert caught.value.sentence.endswith(".")
    return caught.value.code


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_taken_with_its_bytes_untouched(kind: str) -> None:
    if kind == "HEIF" and not can_read_heif():
        pytest.skip("pillow-heif is not installed")
    data = encode(kind)
    found = check_picture(data)
    assert (found.format, found.width, found.height) == (kind, pictures.WIDTH, pictures.HEIGHT)
    assert found.data == data
    assert found.id == hashlib.sha256(data).hexdigest()
    assert found.pixel_hash == hash_pixels(read_photo(data))


def test_a_heic_is_refused_with_the_way_out_where_its_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encode("HEIF")
    monkeypatch.setattr("curation.intake.picture.can_read_heif", lambda: False)
    with pytest.raises(RejectedFile, match="pillow-heif"):
        check_picture(data)


def test_the_same_pixels_in_other_bytes_have_one_pixel_hash() -> None:
    first, second = check_picture(encode("PNG", compress_level=1)), check_picture(encode("BMP"))
    assert first.id != second.id
    assert first.pixel_hash == second.pixel_hash


def test_equal_bytes_of_another_shape_have_another_pixel_hash() -> None:
    flat = np.zeros((20, 40, 3), np.uint8)
    assert hash_pixels(flat) != hash_pixels(flat.reshape(40, 20, 3))


def test_the_size_is_that_of_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = check_picture(encode("JPEG", exif=exif))
    assert (found.width, found.height) == (pictures.HEIGHT, pictures.WIDTH)


def _animated(kind: str) -> bytes:
    frames = [Image.fromarray(photo(seed=seed)) for seed in range(3)]
    return encode(kind, frames[0], save_all=True, append_images=frames[1:])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_or_a_stack_of_pages_the_first_picture_counts(kind: str) -> None:
    found = check_picture(_animated(kind))
    assert (found.width, found.height) == (pictures.WIDTH, pictures.HEIGHT)
    np.testing.assert_allclose(read_photo(found.data).astype(int), photo(seed=0), atol=90)


def _modes() -> dict[str, bytes]:
    image = Image.fromarray(photo())
    ramp = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "cmyk": encode("JPEG", image.convert("CMYK")),
        "cmyk tiff": encode("TIFF", image.convert("CMYK")),
        "palette": encode("PNG", image.convert("P")),
        "palette with transparency": encode("PNG", image.convert("P"), transparency=3),
        "one bit": encode("PNG", image.convert("1")),
        "grey": encode("JPEG", image.convert("L")),
        "grey with alpha": encode("PNG", image.convert("LA")),
        "alpha": encode("PNG", image.convert("RGBA")),
        "16 bit": encode("PNG", Image.fromarray(ramp)),
        "16 bit tiff": encode("TIFF", Image.fromarray(ramp)),
        "float": encode("TIFF", Image.fromarray(ramp.astype(np.float32))),
        "profile": encode("JPEG", image, icc_profile=profile),
    }


@pytest.mark.parametrize("name", _modes())
def test_every_way_to_store_colours_becomes_eight_bit_rgb(name: str) -> None:
    found = check_picture(_modes()[name])
    assert (found.width, found.height) == (pictures.WIDTH, pictures.HEIGHT)
    assert read_photo(found.data).shape == (pictures.HEIGHT, pictures.WIDTH, 3)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello", "not_a_picture"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"GIF89a", "damaged"),
        (b"BM" + b"\0" * 60, "damaged"),
        (b"II*\0" + b"\xff" * 60, "damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>", "active_content"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><svg/>", "active_content"),
        ("<svg/>".encode("utf-16"), "active_content"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "active_content"),
        (b"%PDF-1.7 ...", "active_content"),
        (b"#!/bin/sh\nrm -rf /", "active_content"),
        (b"MZ\x90\0", "active_content"),
        (b"\x7fELF\2\1\1", "active_content"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "active_content"),
        (b"PK\3\4" + b"\0" * 60, "archive"),
        (b"Rar!\x1a\7\0", "archive"),
        (b"\x1f\x8b\x08" + b"\0" * 20, "archive"),
        (b"\0" * 257 + b"ustar\0", "archive"),
        (b"8BPS\0\1", "other_format"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "other_format"),
        (b"RIFF\x24\0\0\0AVI LIST", "other_format"),
        (b"P6\n64 48\n255\n", "other_format"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_by_its_kind(data: bytes, code: str) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.98])
def test_a_truncated_picture_is_refused(kind: str, part: float) -> None:
    data = encode(kind)
    assert code_of(data[: int(len(data) * part)]) == "damaged"


@pytest.mark.parametrize("side", [1, 2, 15])
def test_a_tracking_pixel_is_refused(side: int) -> None:
    assert code_of(encode("PNG", photo(side, 64))) == "too_small"
    assert code_of(encode("GIF", photo(64, side))) == "too_small"


def test_the_smallest_picture_is_the_callers_to_choose() -> None:
    data = encode("PNG", photo(16, 16))
    assert check_picture(data).width == 16
    assert code_of(data, PictureLimits(min_side_px=17)) == "too_small"


@pytest.mark.parametrize(
    ("width", "height"), [(8_000, 8_000), (200_000, 200_000), (40_000, 20), (20, 40_000)]
)
def test_a_pixel_bomb_is_refused_from_its_header(width: int, height: int) -> None:
    assert code_of(pictures.png_of_size(width, height)) == "too_many_pixels"


def test_a_small_file_of_many_pixels_is_refused_before_decoding() -> None:
    """144 megapixels in 140 KB."""
    bomb = pictures.png_of_size(12_000, 12_000, bytes(12_000 * 100))
    assert len(bomb) < 200_000
    assert code_of(bomb) == "too_many_pixels"


def test_a_jpeg_of_scans_without_end_is_refused() -> None:
    assert code_of(pictures.scan_bomb()) == "bomb"


def test_a_tiff_of_pages_without_end_is_refused() -> None:
    pages = 3_000
    folder = struct.pack("<H", 0)
    body = b"".join(folder + struct.pack("<I", 8 + 6 * (page + 1)) for page in range(pages))
    with pytest.raises(RejectedFile) as caught:
        check_picture(b"II*\0" + struct.pack("<I", 8) + body + folder + struct.pack("<I", 0))
    assert caught.value.code in ("bomb", "damaged")


def test_a_text_chunk_that_unpacks_without_end_is_refused() -> None:
    data = encode("PNG")
    text = pictures.png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))
    assert code_of(data[:33] + text + data[33:]) == "damaged"


def test_a_file_of_too_many_bytes_is_refused_with_both_numbers() -> None:
    with pytest.raises(RejectedFile, match=r"0\.0 MB.*0 MB") as caught:
        check_picture(encode("BMP"), limits=PictureLimits(max_bytes=1000))
    assert caught.value.code == "too_many_bytes"


def test_the_first_bytes_decide_about_the_format_and_not_what_follows() -> None:
    assert code_of(b"\xff\xd8\xff\xe0" + encode("PNG")) == "damaged"


def test_a_refusal_survives_the_way_between_processes() -> None:
    import pickle

    refused = pickle.loads(pickle.dumps(RejectedFile("damaged", "It is broken.")))
    assert (refused.code, refused.sentence, str(refused)) == ("damaged", "It is broken.", "It is broken.")


def test_what_is_shown_of_a_picture_carries_no_place() -> None:
    """GPS stays in the original's bytes; everything made from its pixels has none."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    exif[0x010F] = "Camera"
    found = check_picture(encode("JPEG", exif=exif))
    with Image.open(io.BytesIO(found.data)) as original:
        assert original.getexif().get_ifd(0x8825)[1] == "N"
    shown = encode("JPEG", read_photo(found.data))
    with Image.open(io.BytesIO(shown)) as picture:
        assert not picture.getexif()
        assert b"Camera" not in shown
