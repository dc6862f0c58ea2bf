"""Thousands of damaged and made-up files: nothing gets in that is no picture, and nothing crashes."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.images import can_read_heif
from curation.intake.picture import CODES, PICTURES, RejectedFile, check_picture, sniff
from tests.curation.intake.pictures import KINDS, plain

PER_KIND = 300
HEADER = 64
INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def mutations(kind: str, count: int) -> Iterator[bytes]:
    """Damaged copies of a picture, always the same ones."""
    rng = np.random.default_rng(KINDS.index(kind))
    whole = [plain(kind, 24, 20), plain(kind, 40, 24, 1)]
    other = [plain(each, 24, 20) for each in KINDS]
    ways = (_flip_bits, _truncate, _splice, _edit_header, _cut_out, _repeat, _edit_number)
    for number in range(count):
        data = bytearray(whole[number % len(whole)])
        for _ in range(1 + number % 3):
            ways[int(rng.integers(len(ways)))](data, rng, other)
        yield bytes(data)


def _flip_bits(data: bytearray, rng: np.random.Generator, _other: list[bytes]) -> None:
    for at in rng.integers(0, max(1, len(data)), int(rng.integers(1, 12))):
        if data:
            data[at % len(data)] ^= 1 << int(rng.integers(8))


def _truncate(data: bytearray, rng: np.random.Generator, _other: list[bytes]) -> None:
    del data[int(rng.integers(0, len(data) + 1)) :]


def _splice(data: bytearray, rng: np.random.Generator, other: list[bytes]) -> None:
    donor = other[int(rng.integers(len(other)))]
    start = int(rng.integers(len(donor)))
    at = int(rng.integers(0, len(data) + 1))
    data[at : at + int(rng.integers(0, 40))] = donor[start : start + int(rng.integers(1, 200))]


def _edit_header(data: bytearray, rng: np.random.Generator, _other: list[bytes]) -> None:
    for _ in range(int(rng.integers(1, 5))):
        if data:
            data[int(rng.integers(0, min(HEADER, len(data))))] = int(rng.choice(INTERESTING))


def _cut_out(data: bytearray, rng: np.random.Generator, _other: list[bytes]) -> None:
    at = int(rng.integers(0, len(data) + 1))
    del data[at : at + int(rng.integers(1, 60))]


def _repeat(data: bytearray, rng: np.random.Generator, _other: list[bytes]) -> None:
    at = int(rng.integers(0, len(data) + 1))
    data[at:at] = data[at : at + int(rng.integers(1, 60))] * int(rng.integers(1, 4))


def _edit_number(data: bytearray, rng: np.random.Generator, _other: list[bytes]) -> None:
    if len(data) > 8:
        at = int(rng.integers(0, min(4 * HEADER, len(data)) - 4))
        value = int(rng.choice([0, 1, 16, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
        data[at : at + 4] = value.to_bytes(4, "little" if rng.integers(2) else "big")


def pillow_decodes(data: bytes) -> bool:
    """Whether Pillow by itself takes it for a picture, without any of our code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.width >= 1


def check(data: bytes) -> str:
    """The code of the refusal, or ``taken`` for what Pillow decodes as well; all else fails the test."""
    try:
        found = check_picture(data)
    except RejectedFile as refused:
        assert refused.code in CODES
        assert refused.sentence
        return refused.code
    assert pillow_decodes(data)
    assert found.data == data
    assert min(found.width, found.height) >= 16
    return "taken"


@pytest.mark.parametrize("kind", KINDS)
def test_of_damaged_files_only_those_get_in_that_are_pictures_still(kind: str) -> None:
    if kind == "HEIF" and not can_read_heif():
        pytest.skip("pillow-heif is not installed")
    outcomes = Counter(check(data) for data in mutations(kind, PER_KIND))
    assert outcomes.total() == PER_KIND
    assert outcomes["damaged"] > PER_KIND // 10  # the mutations do hurt


@settings(max_examples=300, deadline=None)
@given(magic=st.sampled_from([magic for _, magic in PICTURES]), rest=st.binary(max_size=400))
def test_random_bytes_after_a_magic_number_are_no_picture(magic: bytes, rest: bytes) -> None:
    check(magic + rest)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
@example(data=b"RIFF\0\0\0\0WEBPVP8 ")
@example(data=b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif")
@example(data=b"II+\0\x08\0\0\0" + b"\xff" * 40)
def test_random_bytes_are_refused_with_a_code(data: bytes) -> None:
    check(data)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(KINDS), at=st.integers(0, 10_000), new=st.binary(max_size=12), cut=st.integers(0, 12)
)
def test_any_edit_gives_a_picture_or_a_refusal(kind: str, at: int, new: bytes, cut: int) -> None:
    data = plain(kind, 24, 20)
    at %= len(data)
    check(data[:at] + new + data[at + cut :])


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=64))
def test_sniffing_names_a_format_or_refuses(data: bytes) -> None:
    try:
        assert sniff(data) in KINDS
    except RejectedFile as refused:
        assert refused.code in CODES
