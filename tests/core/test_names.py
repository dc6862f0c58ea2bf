"""Names are one name however a system writes them, and old ones are read in the code page they were written in."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.names import decode_names, decode_text, find_file, normal_name, search_key


def test_a_name_in_pieces_and_a_whole_one_are_the_same() -> None:
    assert normal_name(unicodedata.normalize("NFD", "표준_é")) == "표준_é"


@pytest.mark.parametrize(
    ("text", "other"), [("Straße", "STRASSE"), ("표준", unicodedata.normalize("NFD", "표준"))]
)
def test_case_and_composition_do_not_matter_in_a_search(text: str, other: str) -> None:
    assert search_key(text) == search_key(other)


NAMES = {
    "utf-8": ["얼굴.jpg", "顔.jpg", "Zoë.jpg"],
    "cp949": ["사진/김철수 (1).jpg", "뷁.jpg", "IMG_0001.jpg"],
    "cp932": ["表示.jpg", "予定表\\顔写真.png", "ソ.jpg", "テスト.jpg"],
    "gbk": ["照片/张伟.jpg", "王芳.png"],
    "big5": ["照片/王小明.jpg", "臉.png"],
    "cp866": ["Фото/Иванов.jpg"],
    "cp437": ["Müller/José.jpg", "Zoë.png"],
}


@pytest.mark.parametrize("page", NAMES)
def test_names_of_an_old_zip_are_read_in_their_code_page(page: str) -> None:
    assert decode_names([name.encode(page) for name in NAMES[page]]) == NAMES[page]


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_any_bytes_become_some_name(raw: list[bytes]) -> None:
    assert len(decode_names(raw)) == len(raw)


@pytest.mark.parametrize("page", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949", "cp932"])
def test_a_list_is_read_as_the_usual_programs_save_it(page: str) -> None:
    text = "url,author\nhttps://a.example/1.jpg,{}\n".format("山田さくら" if page == "cp932" else "김철수")
    assert decode_text(text.encode(page)) == text


def test_bytes_of_no_code_page_are_no_text() -> None:
    with pytest.raises(UnicodeDecodeError, match="utf-8"):
        decode_text(b"url\nhttp://a/\xff\n")


@pytest.mark.parametrize(
    "listed", ["deep\\표준.png", unicodedata.normalize("NFD", "deep/표준.png"), "deep/표준.png"]
)
def test_a_file_is_found_as_another_system_has_listed_it(tmp_path: Path, listed: str) -> None:
    there = tmp_path / "images" / "deep" / "표준.png"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"")
    assert find_file([tmp_path, tmp_path / "images"], listed) == there
