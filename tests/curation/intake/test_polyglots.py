"""One file that is two things: refused where another program would find the second."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from curation.intake.picture import RejectedFile, check_picture
from tests.curation.intake import pictures
from tests.curation.intake.pictures import KINDS, encode, plain

FOREIGN = {
    "zip": pictures.zip_of({"a.class": b"\xca\xfe\xba\xbe" * 8}),
    "rar": b"Rar!\x1a\7\0" + b"\x22" * 40,
    "7z": b"7z\xbc\xaf\x27\x1c\0\4" + b"\x22" * 40,
    "html": b"<html><script>alert(1)</script></html>",
    "php": b"<?php system($_GET['c']); ?>",
    "pdf": b"%PDF-1.4\n1 0 obj\n",
}
HARMLESS = {
    "padding": bytes(5000),
    "another picture": encode("JPEG", pictures.photo(32, 24)),
    "a film": pictures.film(),
    "a camera's blocks": pictures.samsung_trailer(b"\0\0\1\x0aImage_UTC_Data1700000000000", pictures.film()),
    "a newsroom's records": b"\x1c\x02\xd8\0\1\0" * 12 + struct.pack(">I", 72) + b"cbipcbbl",
}


def code_of(data: bytes) -> str:
    with pytest.raises(RejectedFile) as caught:
        check_picture(data)
    return caught.value.code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FOREIGN)
def test_what_follows_a_picture_refuses_it(kind: str, name: str) -> None:
    data = plain(kind)
    assert check_picture(data)
    assert code_of(data + FOREIGN[name]) == "polyglot"
    assert code_of(data + bytes(64) + FOREIGN[name]) == "polyglot"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HARMLESS)
def test_what_cameras_and_editors_append_is_harmless(kind: str, name: str) -> None:
    assert check_picture(plain(kind) + HARMLESS[name])
    assert code_of(plain(kind) + HARMLESS[name] + FOREIGN["zip"]) == "polyglot"


def test_the_second_picture_of_a_stereo_pair_is_harmless() -> None:
    pair = encode("MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    found = check_picture(pair)
    assert (found.format, found.width) == ("JPEG", 64)


def test_a_zip_inside_the_metadata_is_found_from_the_back_as_unpackers_do() -> None:
    hidden = pictures.zip_of({"x.html": b"<b>hi</b>"})
    data = encode("JPEG", comment=hidden)
    assert data.endswith(b"\xff\xd9")
    assert code_of(data) == "polyglot"


@pytest.mark.parametrize(
    "text", [b"<?php echo 1; ?>", b"<ScRiPt >alert(1)</script>", b"x<html>y", b"%PDF-1.5"]
)
def test_active_text_in_a_comment_is_refused(text: bytes) -> None:
    assert code_of(encode("JPEG", comment=text)) == "polyglot"


@pytest.mark.parametrize(
    "text", ["a < b > c", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", "the PDF- of 2024", "<phpbb>"]
)
def test_harmless_text_in_a_comment_is_let_through(text: str) -> None:
    assert check_picture(encode("JPEG", comment=text.encode()))


def test_a_header_that_doubles_as_a_script_is_refused() -> None:
    data = bytearray(encode("GIF"))
    data[6:8] = b"/*"  # makes the width 10 799, and all up to the next */ a comment
    assert code_of(bytes(data)) in ("polyglot", "damaged")
