"""Lists of URLs in three formats, with the mistakes that people make in them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.intake.url_lists import UrlEntry, UrlListError, read_url_list

ROWS = [
    {"url": "https://a.example/1.jpg", "licence": "CC0", "author": "Ann", "page": "https://a.example/1"},
    {"url": "https://a.example/2.jpg", "licence": "", "author": "Bö, jr.", "page": ""},
]
ENTRIES = tuple(UrlEntry(**row) for row in ROWS)


def as_csv(delimiter: str = ",", columns: tuple[str, ...] = ("url", "licence", "author", "page")) -> bytes:
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(f'"{value}"' for value in row.values()) for row in ROWS]
    return ("\r\n".join(lines) + "\r\n").encode()


def as_jsonl() -> bytes:
    return "\n".join(json.dumps(row | {"width": 10, "error": "none"}) for row in ROWS).encode()


def as_parquet(tmp_path: Path) -> bytes:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([row | {"similarity": 0.3} for row in ROWS])
    pyarrow.parquet.write_table(table, tmp_path / "list.parquet")
    return (tmp_path / "list.parquet").read_bytes()


@pytest.mark.parametrize(
    "kind", ["csv", "semicolons", "tabs", "excel", "sep", "utf-16", "powershell", "array", "jsonl", "parquet"]
)
def test_every_format_gives_the_same_entries(tmp_path: Path, kind: str) -> None:
    data = {
        "csv": as_csv,
        "semicolons": lambda: as_csv(";"),
        "tabs": lambda: as_csv("\t"),
        "excel": lambda: b"\xef\xbb\xbf" + as_csv(columns=(" URL", "License", "Author ", "PAGE")),
        "sep": lambda: b"sep=;\r\n" + as_csv(";"),
        "utf-16": lambda: as_csv("\t").decode().encode("utf-16"),
        "powershell": lambda: as_csv().decode().encode("utf-16-le"),
        "array": lambda: json.dumps(ROWS, indent=2).encode(),
        "jsonl": as_jsonl,
        "parquet": lambda: as_parquet(tmp_path),
    }[kind]()
    path = tmp_path / "list.dat"
    path.write_bytes(data)
    found = read_url_list(path)
    assert found.entries == ENTRIES == read_url_list(data).entries
    assert (found.blank, found.duplicates) == (0, 0)


def test_blank_and_repeated_urls_are_counted_and_left_out() -> None:
    found = read_url_list(b"url,licence\nhttp://a/1,CC0\n,CC0\nhttp://a/1,BY\n  ,\nhttp://a/2\n")
    assert [entry.url for entry in found.entries] == ["http://a/1", "http://a/2"]
    assert found.entries[0].licence == "CC0"
    assert (found.blank, found.duplicates) == (2, 1)


def test_one_url_a_line_needs_no_header() -> None:
    assert [entry.url for entry in read_url_list(b"http://a/1\n\nhttps://a/2,3\n").entries] == [
        "http://a/1",
        "https://a/2,3",
    ]


def test_both_spellings_of_licence_may_be_there() -> None:
    assert read_url_list(b"url,licence,license\nhttp://a/1,,CC0\n").entries[0].licence == "CC0"


@pytest.mark.parametrize(("page", "author"), [("cp949", "김철수"), ("cp932", "山田さくら")])
def test_a_csv_of_an_east_asian_excel_is_read(page: str, author: str) -> None:
    assert read_url_list(f"url,author\r\nhttp://a/1,{author}\r\n".encode(page)).entries[0].author == author


def test_addresses_may_stand_in_a_json_array_as_they_are() -> None:
    assert [entry.url for entry in read_url_list(b'["http://a/1", "http://a/2"]').entries] == [
        "http://a/1",
        "http://a/2",
    ]


def test_missing_values_in_json_and_parquet_are_empty_texts(tmp_path: Path) -> None:
    assert read_url_list(b'{"url": "http://a/1", "author": null}\n').entries[0] == UrlEntry("http://a/1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no column 'url'"),
        (b"link,licence\nhttp://a/1,CC0\n", "Its columns: link, licence"),
        (b"url,licence\nhttp://a/1,CC0\nhttp://a/2,CC0,surplus\n", "row 3 has 3 cells for 2 columns"),
        (b'url,licence\nhttp://a/1,"CC0\n', "from row 2 on"),
        (b"http://a/1\nhttp://a/2 CC0\n", "row 2 has more than a URL"),
        (b'{"url": "http://a/1"}\n{"url": \n', "row 2 is no JSON"),
        (b'{"url": "http://a/1"}\n\n["http://a/2"]\n', "row 3 is no JSON object"),
        (b'{"url": "http://a/1"}\n{"url": 5}\n', "row 2 has url that is no text"),
        (b'{"link": "http://a/1"}\n', "No row of the list has a 'url'"),
        (b"url\nhttp://a/1\nhttp://a/\xff\n", "Row 3 is no UTF-8"),
        (b"url\0\n", "binary"),
        (b"sep=;\nurl;licence\nhttp://a/1;CC0;x\n", "row 3 has 3 cells"),
        (b'[{"url": "http://a/1"}, 5]', "row 2 is no JSON object and no address"),
        (b'[{"link": "http://a/1"}]', "No entry of the JSON array has a 'url'"),
        (b'[{"url": ', "begins like a JSON array"),
        (b"PAR1 and nothing more", "Parquet file is damaged"),
    ],
)
def test_a_list_that_cannot_be_read_names_the_row(data: bytes, words: str) -> None:
    with pytest.raises(UrlListError, match=words):
        read_url_list(data)


def test_many_bad_rows_are_summed_up() -> None:
    with pytest.raises(UrlListError, match="and 5 more"):
        read_url_list(b'{"url": "http://a/1"}\n' + b"nonsense\n" * 10)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_url_list(tmp_path / "none.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_refused(data: bytes) -> None:
    for start in (b"", b"url\n", b'{"url": "http://a/1"}\n', b"PAR1"):
        try:
            found = read_url_list(start + data)
        except UrlListError:
            continue
        assert all(entry.url for entry in found.entries)


def test_one_long_text_that_a_parquet_file_repeats_is_not_unpacked(tmp_path: Path) -> None:
    """A megabyte of file for four gigabytes of rows."""
    import pyarrow
    import pyarrow.parquet

    long = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 4000, pyarrow.int32()), ["x" * 1_000_000])
    pyarrow.parquet.write_table(pyarrow.table({"url": long}), tmp_path / "list.parquet")
    assert (tmp_path / "list.parquet").stat().st_size < 3_000_000
    with pytest.raises(UrlListError, match="no address or name"):
        read_url_list(tmp_path / "list.parquet")
