"""From a request to sets of images, their names and labels."""

import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.sources import Material, checkpoints_of, gather
from eval.protocols import protocol
from eval.sets.contents import ImageSet
from eval.sets.folders import open_set
from eval.sets.labels import read_labels
from eval.sets.pairs_folder import count_splits, is_pairs_folder, read_pairs_folder
from tests.eval.comparison.comparison_material import photo, write_set


def write_pairs(root: Path, *, own_split: bool = False) -> Path:
    names = ["0001", "0002", "0801", "0802", "0803"]
    for kind in ("photos", "sketches"):
        write_set(root / kind, {name: photo(i) for i, name in enumerate(names)})
    rows = [
        {"name": name, "status": "kept", "yaw": 4.0 * i, "labels": ["glasses"] if i % 2 else []}
        for i, name in enumerate(names)
    ]
    if own_split:
        rows = [row | {"split": "val" if row["name"] == "0001" else "train"} for row in rows]
    rows.append({"name": "0804", "status": "left_out", "yaw": 0.0})
    (root / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return root


def no_generator(*_: object) -> ImageSet:
    raise AssertionError("no generator was asked for")


def material_of(request: ComparisonRequest, name: str = "fd_effnet_lite0") -> Material:
    return gather(request, protocol(name), no_generator, progress=lambda *_: None)


def test_of_a_pairs_folder_the_held_out_photos_are_real_and_its_sketches_known(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs")
    fake = write_set(tmp_path / "fake", {"0801": photo(9), "0803": photo(8)})
    found = material_of(ComparisonRequest(real=pairs, fakes={"m": fake}, training=pairs))
    assert found.real.names == ("0801", "0802", "0803")
    assert found.sketches is not None and found.sketches.names == found.real.names
    assert found.training is not None and found.training.names == ("0001", "0002")
    assert found.case_names == ("0801", "0803")


def test_a_manifest_with_splits_of_its_own_decides(tmp_path: Path) -> None:
    assert read_pairs_folder(write_pairs(tmp_path, own_split=True)).names == ("0001",)


@pytest.mark.parametrize(("written", "listed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_pairs_and_labels_find_files_that_another_system_named(
    tmp_path: Path, written: str, listed: str
) -> None:
    names = ["표준", "é", "plain"]

    def files(folder: str) -> Path:
        pictures = {unicodedata.normalize(written, name): photo(i) for i, name in enumerate(names)}
        return write_set(tmp_path / folder, pictures)

    files("pairs/photos")
    files("pairs/sketches")
    rows = [
        {"name": unicodedata.normalize(listed, name), "status": "kept", "split": "val", "yaw": 0.0}
        for name in names
    ]
    (tmp_path / "pairs" / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lines = ["file_name,hat", *(f"{row['name']}.png,yes" for row in rows)]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-16")
    request = ComparisonRequest(
        real=tmp_path / "pairs", fakes={"m": files("fake")}, labels=tmp_path / "labels.csv"
    )
    found = material_of(request)
    assert set(found.case_names) == set(names)
    assert found.sketches is not None and set(found.sketches.names) == set(names)
    assert found.labels == {name: {"hat": "yes", "pose": "facing the camera"} for name in names}


@pytest.mark.parametrize(("case", "listed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_labels_belong_to_their_case_however_both_are_written(tmp_path: Path, case: str, listed: str) -> None:
    name = unicodedata.normalize(case, "표준")
    (tmp_path / "table.csv").write_text(f"name,hat\n{unicodedata.normalize(listed, '표준')}.png,yes\n")
    assert read_labels(tmp_path / "table.csv", [name]) == {name: {"hat": "yes"}}


def test_pairs_of_ones_own_have_a_held_out_split(tmp_path: Path) -> None:
    """Named by a camera, without a split in the manifest: the tenth that a training would hold out."""
    pairs = write_pairs(tmp_path)
    names = [f"IMG-{number:03d}" for number in range(40)]
    rows = [{"name": name, "status": "kept", "yaw": 0.0} for name in names]
    (pairs / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    held_out = read_pairs_folder(pairs).names
    assert 1 <= len(held_out) <= 12
    assert set(read_pairs_folder(pairs, "train").names) == set(names) - set(held_out)
    assert count_splits(pairs) == {"train": 40 - len(held_out), "val": len(held_out)}


def test_labels_and_pose_come_from_the_manifest(tmp_path: Path) -> None:
    labels = read_pairs_folder(write_pairs(tmp_path)).labels
    assert labels["0801"] == {"glasses": "no", "pose": "turned right"}
    assert labels["0802"]["glasses"] == "yes"


def test_a_split_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no pair .* split 'test'"):
        read_pairs_folder(write_pairs(tmp_path), "test")


def test_a_folder_of_pictures_is_no_pairs_folder(tmp_path: Path) -> None:
    assert not is_pairs_folder(write_set(tmp_path, {"a": photo(0)}))


def test_a_protocol_with_a_sample_count_takes_as_many_of_each_set(tmp_path: Path) -> None:
    pictures = {f"{i:02d}": photo(i) for i in range(10)}
    real, fake = write_set(tmp_path / "real", pictures), write_set(tmp_path / "fake", pictures)
    found = material_of(ComparisonRequest(real=real, fakes={"m": fake}), "fd_effnet_lite0_val4")
    assert len(found.real) == 4 and found.real.names == found.fakes["m"].names


def test_a_generators_set_is_asked_for(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs")
    drawn = open_set(write_set(tmp_path / "drawn", {"0801": photo(1)}))
    asked: list[GeneratorSource] = []
    request = ComparisonRequest(real=pairs, fakes={"m": GeneratorSource(generator="cyclegan", data=pairs)})
    found = gather(
        request,
        protocol("fd_effnet_lite0"),
        lambda source, _: asked.append(source) or drawn,
        progress=lambda *_: None,
    )
    assert [one.generator for one in asked] == ["cyclegan"]
    assert found.fakes["m"].name == "m"


def spoiled(root: Path, what: str) -> ComparisonRequest:
    """A request for a generator, of which one other thing cannot work."""
    pairs = write_pairs(root / "pairs", own_split=what != "few real")
    fakes: dict[str, Path | GeneratorSource] = {"drawn": GeneratorSource(generator="cyclegan", data=pairs)}
    rows = (pairs / "manifest.jsonl").read_text()
    if what == "training":
        (pairs / "manifest.jsonl").write_text(rows.replace('"train"', '"val"'))
        return ComparisonRequest(real=pairs, fakes=fakes, training=pairs)
    if what == "labels":
        (pairs / "manifest.jsonl").write_text(rows.replace('"train"', '"val"'))
        (root / "table.csv").write_text("age\n3")
        return ComparisonRequest(real=pairs, fakes=fakes, labels=root / "table.csv")
    if what == "empty set":
        (root / "empty").mkdir()
        return ComparisonRequest(real=pairs, fakes=fakes | {"mine": root / "empty"})
    return ComparisonRequest(real=pairs, fakes=fakes)  # one true photo


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("training", r"split 'train'; there are: val \(5\)"),
        ("labels", "whose labels"),
        ("empty set", "no picture that can be used"),
        ("one photo", "holds 1 picture; a distance needs at least 2"),
    ],
)
def test_whatever_cannot_work_is_said_before_the_first_picture_is_drawn(
    tmp_path: Path, what: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        material_of(spoiled(tmp_path, what))


def test_steps_of_a_run_are_read_from_its_folders(tmp_path: Path) -> None:
    for name in ("step_000100", "step_002000", "notes"):
        (tmp_path / name).mkdir()
    assert sorted(checkpoints_of(tmp_path)) == [100, 2000]
    with pytest.raises(ValueError, match="no folder whose name ends with a step"):
        checkpoints_of(tmp_path / "notes")


def test_numbers_become_three_bands_and_words_stay(tmp_path: Path) -> None:
    rows = "\n".join(f"{i:04d}.jpg,{i},{'red' if i % 2 else 'blonde'},caption {i}" for i in range(30))
    (tmp_path / "table.csv").write_text(f"image,age,hair,caption\n{rows}")
    found = read_labels(tmp_path / "table.csv", [f"{i:04d}" for i in range(30)])
    assert found["0003"] == {"age": "low (below 10)", "hair": "red"}
    counts = np.unique([one["age"] for one in found.values()], return_counts=True)[1]
    assert sorted(counts.tolist()) == [9, 10, 11]


@pytest.mark.parametrize(
    ("name", "content"),
    [("/dev/zero", None), ("pipe", None), ("deep.jsonl", "[" * 100_000), ("numbers.jsonl", "1")],
)
def test_what_is_no_table_is_refused_at_once(tmp_path: Path, name: str, content: str | None) -> None:
    os.mkfifo(tmp_path / "pipe")
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match="cannot be read as a table"):
        read_labels(tmp_path / name, ["a"])


def test_a_table_without_file_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("age\n3")
    with pytest.raises(ValueError, match="whose labels"):
        read_labels(tmp_path / "table.csv", ["a"])
