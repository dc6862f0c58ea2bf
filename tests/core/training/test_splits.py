"""One rule says who is held out, whatever the names look like."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from core.training.splits import assign_splits, read_manifest

DASHED = ["face-001", "face-002", "face-003"]
UUIDS = ["1b4e28ba-2fa1-11d2-883f-0016d3cca427", "6fa459ea-ee8a-3ca4-894e-db77e160355e"]
CAMERA = ["IMG-20240501-WA0001", "IMG-20240501-WA0002", "PXL_20240501_101500-2", "photo 2024-05-01 at 10-15"]


def rows_of(names: list[str], **more: object) -> list[dict[str, object]]:
    return [{"name": name, "status": "kept", "yaw": 0.0} | more for name in names]


@pytest.mark.parametrize("names", [DASHED, UUIDS, CAMERA])
def test_auto_holds_out_somebody_and_trains_on_the_others(names: list[str]) -> None:
    found = assign_splits(rows_of(names))
    assert len(found.names("val")) >= 1
    assert len(found.names("train")) >= 1
    assert "a tenth" in found.rule


@pytest.mark.parametrize("name", [*DASHED, *UUIDS, *CAMERA])
def test_a_name_with_dashes_is_a_name(name: str) -> None:
    assert assign_splits(rows_of([*DASHED, *UUIDS, *CAMERA]), name).names("val") == [name]


@pytest.mark.parametrize(
    ("validation", "held_out"),
    [
        ("face-002-face-003", ["face-002", "face-003"]),
        (f"{UUIDS[0]}-{UUIDS[1]}", UUIDS),
        ("0801-0904", ["0801", "0850"]),  # 0904 itself may be missing: one dash leaves no doubt
        ("0850", ["0850"]),
        ("", []),
    ],
)
def test_a_range_goes_from_one_name_to_another(validation: str, held_out: list[str]) -> None:
    names = [*DASHED, *UUIDS, "0800", "0801", "0850"]
    assert assign_splits(rows_of(names), validation).names("val") == held_out


@pytest.mark.parametrize(
    ("validation", "says"),
    [
        ("face-001-face-009", "no pair's name and no range"),
        ("a-b-c", "2 ways"),
        ("9000-9001", "none lies from '9000' to '9001'"),
        ("c-a", "runs backwards"),
        ("split", "no splits of its own"),
    ],
)
def test_what_holds_out_nobody_is_said(validation: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        assign_splits(rows_of([*DASHED, "a", "b-c", "a-b", "c"]), validation)


def test_auto_goes_by_the_manifest_first_and_by_the_usual_faces_second() -> None:
    usual = rows_of(["0800", "0801", "0850", "0904"])
    assert assign_splits(usual).names("val") == ["0801", "0850", "0904"]
    assert assign_splits(usual).validation == "0801-0904"
    own = [row | {"split": "val" if row["name"] == "0800" else "train"} for row in usual]
    assert assign_splits(own).names("val") == ["0800"]
    assert assign_splits(own).validation == "split"


def test_adding_pairs_moves_nobody_and_decomposed_names_count_as_composed_ones() -> None:
    names = [f"얼굴-{number}" for number in range(300)]
    some, every = assign_splits(rows_of(names[:150])), assign_splits(rows_of(names))
    assert {name: every.of[name] for name in some.of} == some.of
    assert 15 <= len(every.names("val")) <= 45
    decomposed = assign_splits(rows_of([unicodedata.normalize("NFD", name) for name in names]))
    assert list(decomposed.of.values()) == list(every.of.values())


def test_a_range_of_decomposed_names_is_the_range_of_the_composed_ones() -> None:
    names = ["가", "나", "다", "라"]
    asked = unicodedata.normalize("NFD", "나-다")
    assert assign_splits(rows_of(names), asked).names("val") == ["나", "다"]


def test_left_out_pairs_belong_nowhere() -> None:
    rows = [*rows_of(["a", "b"]), {"name": "c", "status": "left_out"}]
    assert set(assign_splits(rows).of) == {"a", "b"}


def test_a_manifest_is_read_up_to_a_line_that_a_kill_cut_short(tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in rows_of(["b", "a"])]
    (tmp_path / "manifest.jsonl").write_text("\n".join([*lines, '{"name": "c']))
    assert [row["name"] for row in read_manifest(tmp_path)] == ["a", "b"]
    (tmp_path / "manifest.jsonl").write_text("\n".join(["{", *lines]) + "\n")
    with pytest.raises(ValueError, match="line 1"):
        read_manifest(tmp_path)
