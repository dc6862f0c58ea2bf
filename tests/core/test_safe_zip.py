"""Names in a zip: what says that it is UTF-8 is, what says nothing is read by what it looks like."""

import io
import struct
import unicodedata
import zipfile
import zlib

import pytest

from core.safe_zip import list_entries
from tests.core.legacy_zip import legacy_zip


def names_of(data: bytes) -> list[str]:
    return [entry.name for entry in list_entries(io.BytesIO(data), max_entries=10)]


@pytest.mark.parametrize(
    ("page", "name"), [("cp949", "사진/김철수.jpg"), ("cp932", "表.jpg"), ("utf-8", "표.jpg")]
)
def test_a_name_without_a_flag_is_read_in_its_code_page(page: str, name: str) -> None:
    assert names_of(legacy_zip({name: b"x"}, page)) == [name]


def test_a_flagged_name_of_a_mac_is_whole() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(unicodedata.normalize("NFD", "표준.jpg"), b"x")
    assert names_of(buffer.getvalue()) == ["표준.jpg"]


def test_the_field_for_the_unicode_name_is_believed_if_it_is_of_this_name() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, known in (("a__.jpg", b"a__.jpg"), ("b__.jpg", b"other")):
            entry = zipfile.ZipInfo(name)
            content = struct.pack("<BI", 1, zlib.crc32(known)) + "표준.jpg".encode()
            entry.extra = struct.pack("<HH", 0x7075, len(content)) + content
            archive.writestr(entry, b"x")
    assert names_of(buffer.getvalue()) == ["표준.jpg", "b__.jpg"]


def test_backslashes_of_windows_part_folders() -> None:
    assert names_of(legacy_zip({"사진\\김철수.jpg": b"x"}, "cp949")) == ["사진/김철수.jpg"]
