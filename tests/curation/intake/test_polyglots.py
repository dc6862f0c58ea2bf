"""One file that is two things: refused, unless the second is what cameras append."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curation.intake.picture import RejectedFile, check_picture
from tests.curation.intake import pictures
from tests.curation.intake.pictures import KINDS, encode, plain

FOREIGN = {
    "zip": pictures.zip_of({"a.class": b"\xca\xfe\xba\xbe" * 8}),
    "html": b"<html><script>alert(1)</script></html>",
    "php": b"<?php system($_GET['c']); ?>",
    "shell": b"\n#!/bin/sh\nid\n",
    "program": b"MZ\x90\0" + b"\x11" * 80,
    "pdf": b"%PDF-1.4\n1 0 obj\n",
    "rar": b"Rar!\x1a\7\0" + b"\x22" * 40,
    "text": b"hidden message",
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
@pytest.mark.parametrize("padding", [b"\0", b"\0" * 5000, b"\r\n", b"\xff" * 16])
def test_padding_after_a_picture_is_harmless(kind: str, padding: bytes) -> None:
    assert check_picture(plain(kind) + padding)


def test_the_second_picture_of_a_stereo_pair_is_harmless() -> None:
    pair = encode("MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    found = check_picture(pair)
    assert (found.format, found.width) == ("JPEG", 64)


def test_a_gain_map_after_a_jpeg_is_harmless() -> None:
    assert check_picture(encode("JPEG") + bytes(3) + encode("JPEG", pictures.photo(32, 24)))


def test_a_motion_photo_is_harmless_only_if_the_film_fills_the_rest() -> None:
    photo = encode("JPEG") + pictures.film()
    assert check_picture(photo)
    assert check_picture(photo + bytes(8))
    assert code_of(photo + b"something else") == "polyglot"
    assert code_of(photo[:-1]) == "polyglot"
    assert code_of(encode("JPEG") + pictures.film()[:-1008] + struct.pack(">I", 0) + b"mdatMZ") == "polyglot"


def test_a_samsung_trailer_is_harmless_only_if_its_blocks_fill_the_rest() -> None:
    trailer = pictures.samsung_trailer(b"\0\0\1\x0aImage_UTC_Data1700000000000", pictures.film())
    assert check_picture(encode("JPEG") + trailer)
    assert code_of(encode("JPEG") + FOREIGN["text"] + trailer) == "polyglot"
    assert code_of(encode("JPEG") + trailer + FOREIGN["text"]) == "polyglot"


IPTC = b"\x1c\x02\xd8\0\1\0" * 12
TRAILERS = {
    "photo mechanic": lambda _: IPTC + struct.pack(">I", len(IPTC)) + b"cbipcbbl",
    "fotostation": lambda _: (IPTC + struct.pack(">HII", 1, len(IPTC) + 10, 0xA1B2C3D4)) * 2,
    "canon": lambda _: (
        b"CANON OPTIONAL DATA\0" + struct.pack(">II", 0x10000, 300) + b"\x33" * 300
        + b"CANON OPTIONAL DATA\0" + struct.pack(">I", 300) + bytes(36) + b"\0\0\xff\xd9"
    ),
    "afcp": lambda at: (
        b"AXS!" + struct.pack(">HHI", 256, 1, 0) + b"IPTC" + struct.pack(">II", len(IPTC), at + 24) + IPTC
        + b"AXS!" + struct.pack(">II", at, 0)
    ),
    "mie": lambda _: (
        b"~\x10\4\xfe0MIE" + bytes(4) + b"~\x20\4\5Name" + IPTC
        + b"~\0\4\0zmie~\0\0\6" + struct.pack(">I", 8 + 4 + 8 + len(IPTC) + 18) + b"\x10\4"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAILERS)
def test_what_programs_of_photographers_append_is_harmless_only_if_it_fills_the_rest(name: str) -> None:
    picture = encode("JPEG")
    trailer = TRAILERS[name](len(picture))
    assert check_picture(picture + trailer)
    samsung = pictures.samsung_trailer(b"\0\0\1\x0aImage_UTC_Data1700000000000")
    if name != "afcp":  # which counts from the file's start
        assert check_picture(picture + samsung + trailer + TRAILERS["photo mechanic"](0))
    assert code_of(picture + FOREIGN["text"] + trailer) == "polyglot"
    assert code_of(picture + trailer + FOREIGN["text"]) == "polyglot"
    assert code_of(plain("PNG") + trailer) == "polyglot"


@pytest.mark.parametrize("name", ["zip", "html", "rar", "pdf"])
def test_a_trailer_with_something_else_in_it_is_refused(name: str) -> None:
    content = IPTC + FOREIGN[name] + IPTC
    trailer = content + struct.pack(">I", len(content)) + b"cbipcbbl"
    assert code_of(encode("JPEG") + trailer) == "polyglot"


def test_a_jpeg_that_a_cut_jpeg_follows_is_refused() -> None:
    assert code_of(encode("JPEG") + encode("JPEG")[:-40]) == "damaged"


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


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), tail=st.binary(min_size=1, max_size=200))
def test_nothing_that_is_appended_to_a_picture_gets_in_but_padding(kind: str, tail: bytes) -> None:
    try:
        check_picture(plain(kind) + tail)
    except RejectedFile as refused:
        assert refused.code in ("polyglot", "damaged", "bomb")
    else:
        assert set(tail) <= set(b"\0\xff\r\n\t ")
