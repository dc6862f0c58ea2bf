"""Zip files from strangers: no name, number or size in them is believed."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from core import safe_zip
from core.safe_zip import ZipEntry
from curation.intake.archives import ArchiveLimits, list_entries, read_entry, take_archive
from curation.intake.ingestion import summarise
from curation.intake.picture import PictureLimits, RejectedFile
from curation.library.library import Library
from curation.library.records import Provenance
from tests.core.legacy_zip import legacy_zip
from tests.curation.intake.pictures import encode, photo, plain, zip_of


@pytest.fixture
def library(tmp_path: Path):
    with Library.open(tmp_path / "library") as opened:
        yield opened


def refused_as_a_whole(data: bytes, limits: ArchiveLimits | None = None) -> str:
    with pytest.raises(RejectedFile) as caught:
        list_entries(io.BytesIO(data), limits or ArchiveLimits())
    return caught.value.code


def read(
    data: bytes, name: str, limits: PictureLimits | None = None, packed: ArchiveLimits | None = None
) -> str:
    """``read``, or why not."""
    limits, packed = limits or PictureLimits(), packed or ArchiveLimits()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo(name)
        try:
            whole = ZipEntry(safe_zip.read_names([entry])[0], entry)
            read_entry(archive, whole, packed.max_total_bytes, limits, packed)
        except RejectedFile as refused:
            return refused.code
        return "read"


def with_entry(name: str, data: bytes = b"", *, mode: int = 0, **fields: int) -> bytes:
    """An archive of one entry whose record says what it should not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        for field, value in fields.items():
            setattr(entry, field, value)
        archive.writestr(entry, data)
    return buffer.getvalue()


def test_pictures_are_taken_and_everything_else_is_answered(library: Library, tmp_path: Path) -> None:
    good = {f"shoot/{seed}.jpg": plain("JPEG", seed=seed) for seed in range(5)}
    bad = {
        "page.html": b"<html></html>",
        "inner.zip": zip_of({"a.png": plain("PNG")}),
        "cut.png": plain("PNG")[:80],
    }
    passed_over = {"__MACOSX/shoot/._0.jpg": b"x", ".DS_Store": b"x", "shoot/.thumbs/0.jpg": plain("JPEG")}
    path = tmp_path / "photos.zip"
    path.write_bytes(zip_of({**good, **bad, **passed_over, "empty/": b""}))
    seen: list[tuple[int, int]] = []
    where = Provenance("archive:photos.zip", licence="CC0", uploader="ada")
    answers = {
        answer.name: answer
        for answer in take_archive(
            library, path, provenance=where, progress=lambda *done: seen.append(done), workers=1
        )
    }
    assert {name for name, answer in answers.items() if answer.outcome == "added"} == set(good)
    assert {name: answers[name].code for name in bad} == {
        "page.html": "active_content", "inner.zip": "archive", "cut.png": "damaged",
    }  # fmt: skip
    assert len(answers) == len(good) + len(bad)
    assert seen[-1] == (8, 8)
    origin = library.provenance(answers["shoot/3.jpg"].image_id)[0]
    assert (origin.source, origin.name, origin.licence, origin.uploader) == (
        "archive:photos.zip", "shoot/3.jpg", "CC0", "ada",
    )  # fmt: skip
    assert library.read_original(answers["shoot/3.jpg"].image_id) == good["shoot/3.jpg"]


@pytest.mark.parametrize(
    ("page", "name"), [("cp949", "사진/김철수.jpg"), ("cp932", "表.jpg"), ("utf-8", "표.jpg")]
)
def test_a_name_of_an_old_zip_is_read_in_its_code_page(library: Library, page: str, name: str) -> None:
    (answer,) = take_archive(library, legacy_zip({name: plain("JPEG")}, page), workers=1)
    assert (answer.name, answer.outcome) == (name, "added")


def test_an_upload_s_bytes_are_an_archive_too(library: Library) -> None:
    summary = summarise(take_archive(library, zip_of({"a.png": plain("PNG")}), workers=1))
    assert (summary.added, summary.refused) == (1, 0)


def test_nothing_of_a_refused_entry_is_kept(library: Library, tmp_path: Path) -> None:
    secret = b"<html>SECRET-OF-A-STRANGER</html>" * 10
    data = zip_of(
        {"a.html": secret, "../b.png": plain("PNG"), "c.png": plain("PNG") + secret}, zipfile.ZIP_STORED
    )
    summary = summarise(take_archive(library, data, workers=1))
    assert (summary.added, summary.refused) == (0, 3)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if b"SECRET-OF-A-STRANGER" in path.read_bytes()]
    assert not [path for path in kept if "originals" in path.parts]


@pytest.mark.parametrize(
    "name",
    [
        "../out.png",
        "a/../../out.png",
        "/etc/out.png",
        "C:\\out.png",
        "..\\out.png",
        "\\\\host\\out.png",
        "a\nb.png",
    ],
)
def test_a_name_that_leads_outside_is_refused(name: str) -> None:
    data = with_entry("x" * len(name), plain("PNG")).replace(b"x" * len(name), name.encode())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (shown,) = archive.namelist()
    assert read(data, shown) == "unsafe_name"


def test_nothing_is_written_where_a_name_points(library: Library, tmp_path: Path) -> None:
    data = zip_of({"../../escaped.png": plain("PNG"), f"{tmp_path}/absolute.png": plain("PNG")})
    before = set(tmp_path.parent.rglob("*.png"))
    assert summarise(take_archive(library, data, workers=1)).reasons == {"unsafe_name": 2}
    assert set(tmp_path.parent.rglob("*.png")) == before


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(kind: int) -> None:
    assert read(with_entry("a.png", b"/etc/passwd", mode=kind | 0o777), "a.png") == "link"


def test_an_entry_that_needs_a_password_is_refused() -> None:
    data = bytearray(with_entry("a.png", plain("PNG")))
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(signature) + at] |= 1
    assert read(bytes(data), "a.png") == "encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_plain_ways_of_packing_are_unpacked(method: int) -> None:
    assert read(zip_of({"a.png": plain("PNG")}, method), "a.png") == "method"


def test_a_file_that_unpacks_without_end_is_stopped_by_count_and_by_ratio() -> None:
    data = zip_of({"a.bmp": bytes(30_000_000)})
    assert len(data) < 40_000
    assert read(data, "a.bmp") == "bomb"
    assert read(data, "a.bmp", PictureLimits(max_bytes=1_000_000)) == "too_many_bytes"
    assert read(data, "a.bmp", packed=ArchiveLimits(max_total_bytes=1_000_000)) == "quota"
    assert read(data, "a.bmp", packed=ArchiveLimits(max_ratio=2000)) == "read"


def test_unpacking_a_bomb_takes_no_memory_beyond_the_limit() -> None:
    data = zip_of({"a.bmp": bytes(200_000_000)})
    tracemalloc.start()
    assert read(data, "a.bmp", PictureLimits(max_bytes=5_000_000)) == "too_many_bytes"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("claimed", [0, 10, 0x7FFFFFFF])
def test_the_size_that_a_header_claims_is_not_believed(claimed: int) -> None:
    data = bytearray(zip_of({"a.bmp": bytes(100_000)}))
    for signature, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", data, data.find(signature) + at, claimed)
    assert read(bytes(data), "a.bmp", PictureLimits(max_bytes=50_000)) in ("damaged", "too_many_bytes")


def test_the_total_is_counted_over_all_entries(library: Library) -> None:
    files = {f"{seed}.bmp": plain("BMP", seed=seed) for seed in range(6)}
    limits = ArchiveLimits(max_total_bytes=3 * len(files["0.bmp"]) + 10)
    summary = summarise(take_archive(library, zip_of(files), archive_limits=limits, workers=1))
    assert (summary.added, summary.reasons) == (3, {"quota": 3})


RECORD = (
    struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
)


def many(entries: int, claimed: int | None = None) -> bytes:
    """An archive whose list is ``entries`` long, and says so or not."""
    start, listed = b"PK\3\4" + bytes(60), RECORD * entries
    count = entries if claimed is None else claimed
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(listed), len(start))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(start) + len(listed), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return start + listed + record + locator + end


def test_a_million_entries_are_refused_from_the_end_record_alone() -> None:
    file = io.BytesIO(many(1_000_000))
    tracemalloc.start()
    with pytest.raises(RejectedFile, match="1000000 entries"):
        list_entries(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("claimed", [0, 1, 999])
def test_a_million_entries_that_claim_to_be_few_are_counted(claimed: int) -> None:
    limits = ArchiveLimits(max_entries=1_000)
    assert refused_as_a_whole(many(1_000_000, claimed), limits) == "too_many_entries"
    assert refused_as_a_whole(many(2_000, claimed), limits) == "too_many_entries"
    assert refused_as_a_whole(many(900, claimed), limits) == "damaged"


def test_entries_that_share_bytes_are_refused() -> None:
    """A petabyte in a few kilobytes: many records for one packed kernel."""
    data = zip_of({f"{number}.bmp": bytes(1000) for number in range(3)})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first, second = (entry.header_offset for entry in archive.infolist()[:2])
    overlapping = bytearray(data)
    at = overlapping.find(b"PK\1\2", overlapping.find(b"PK\1\2") + 4)
    struct.pack_into("<I", overlapping, at + 42, first)
    assert second != first
    assert refused_as_a_whole(bytes(overlapping)) == "overlap"


@pytest.mark.parametrize("damage", ["cut", "prefix", "tail", "no end"])
def test_an_archive_that_is_not_whole_is_refused(damage: str) -> None:
    data = zip_of({"a.png": plain("PNG"), "b.png": plain("PNG")})
    broken = {
        "cut": data[:-30], "prefix": b"PK\3\4" + data, "tail": data + b"PK\5\6" + bytes(18), "no end": data[:60],
    }  # fmt: skip
    assert refused_as_a_whole(broken[damage]) == "damaged"


def test_a_picture_that_hides_an_archive_is_not_opened_as_one() -> None:
    assert refused_as_a_whole(plain("JPEG") + zip_of({"a.png": plain("PNG")})) == "damaged"


def test_an_archive_refused_as_a_whole_is_one_answer(library: Library) -> None:
    (answer,) = take_archive(library, many(1_000_000), provenance=Provenance("upload", "heap.zip"))
    assert (answer.name, answer.outcome, answer.code) == ("heap.zip", "refused", "too_many_entries")


def test_a_damaged_entry_does_not_spoil_the_others(library: Library) -> None:
    files = {"a.png": encode("PNG", photo(seed=1)), "b.png": encode("PNG", photo(seed=2))}
    data = bytearray(zip_of(files, zipfile.ZIP_STORED))
    data[data.find(files["a.png"]) + 50] ^= 0xFF
    summary = summarise(take_archive(library, bytes(data), workers=1))
    assert (summary.added, summary.reasons) == (1, {"damaged": 1})
