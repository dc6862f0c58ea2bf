"""Exports: pairs that train at once, ImageFolder that loads, the same bytes every time, nothing private."""

from __future__ import annotations

import ast
import csv
import errno
import hashlib
import json
import random
import shlex
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from core.training.data import DataConfig, load_pairs
from curation.analysis.pictures import write_face
from curation.export import dataset
from curation.export.dataset import ExportError, export_version
from curation.export.splits import SPLITS, Fractions
from curation.export.summary import KINDS, Kind, commands_for
from curation.library.records import LibraryError, Provenance
from tests.conftest import ROOT
from tests.curation.export.conftest import ANCHORS, add_face


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture
def pairs(filled, tmp_path) -> Path:
    export_version(filled, "first", tmp_path / "out")
    return tmp_path / "out"


def test_the_summary_says_what_is_there(filled, tmp_path):
    seen = []
    summary = export_version(
        filled, "first", tmp_path / "out", progress=lambda done, total: seen.append((done, total))
    )
    assert (summary.images, summary.version, summary.kind) == (10, "first", "pairs")
    assert summary.hash == filled.version("first").hash
    assert sum(summary.splits.values()) == 10
    assert summary.bytes == sum(
        path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert seen[-1] == (10, 10)
    assert "10 pairs of version first" in summary.sentence()


def test_training_reads_the_splits_of_the_export(pairs):
    by_split = {split: [row["name"] for row in rows_of(pairs) if row["split"] == split] for split in SPLITS}
    assert all(by_split.values())
    config = DataConfig(pairs, image_size=64, validation="split")
    train, val = load_pairs(config, "train"), load_pairs(config, "val")
    assert train.names == sorted(by_split["train"])
    assert val.names == sorted(by_split["val"])
    assert train.photos.shape == (len(train), 64, 64, 3)


def test_the_command_of_the_card_names_that_split(filled, tmp_path):
    summary = export_version(filled, "first", tmp_path / "out")
    command = summary.commands["Train on it"]
    assert command.startswith("python -m core.training.autoencoder --config core/training/configs/")
    assert f"--data.root {tmp_path / 'out'} --data.validation split" in command


def test_each_pair_is_what_the_library_shows(filled, pairs):
    for row in rows_of(pairs):
        photo, crop = (cv2.imread(str(p)) for p in (pairs / row["photo"], filled.files.crop(row["sha256"])))
        assert np.array_equal(photo, crop)
        sketch = cv2.imread(str(pairs / row["sketch"]), cv2.IMREAD_UNCHANGED)
        assert sketch.shape == (512, 512)
        assert row["photo_sha256"] == hashlib.sha256((pairs / row["photo"]).read_bytes()).hexdigest()


def test_provenance_decisions_and_readings_are_in_the_manifest(filled, pairs):
    rows = {row["source"]: row for row in rows_of(pairs)}
    row = rows["0003.jpg"]
    assert (row["licence"], row["author"], row["uploader"]) == ("CC0", "Author 1", "ann")
    assert row["page"] == "https://example.org/page/1"
    assert row["labels"] == ["glasses"]
    assert row["decided_by"] == "person"
    assert row["status"] == "kept"
    assert len(row["landmarks"]) == 478
    assert row["sharpness"] == 43.0


def test_images_of_one_page_share_a_split(pairs):
    sides: dict[str, set[str]] = {}
    for row in rows_of(pairs):
        sides.setdefault(row["page"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in sides.values())


def test_parquet_and_csv_say_the_same_as_the_json_lines(pairs):
    rows = rows_of(pairs)
    table = pq.read_table(pairs / "manifest.parquet").to_pylist()
    with (pairs / "manifest.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert len(rows) == len(table) == len(listed)
    for row, from_parquet, from_csv in zip(rows, table, listed, strict=True):
        for name in ("name", "sha256", "split", "licence", "yaw", "sharpness", "labels"):
            assert from_parquet[name] == row[name]
        assert from_csv["sha256"] == row["sha256"]
        assert float(from_csv["yaw"]) == row["yaw"]


@pytest.mark.parametrize("kind", ["pairs", "imagefolder"])
def test_exporting_again_gives_the_same_bytes_whatever_happened_since(filled, tmp_path, kind):
    export_version(filled, "first", tmp_path / "a", kind=kind, zip=True)
    before = tree(tmp_path / "a"), (tmp_path / "a.zip").read_bytes()
    ids = list(filled.version("first").ids)
    filled.decide(ids[:4], "reject", reviewer="Cleo", add_labels=["hat"])
    add_face(filled, 50, Provenance("upload", "new.jpg", licence="CC BY-SA 4.0"))
    for _ in range(2):
        export_version(filled, "first", tmp_path / "a", kind=kind, zip=True)
        assert (tree(tmp_path / "a"), (tmp_path / "a.zip").read_bytes()) == before
    export_version(filled, "first", tmp_path / "elsewhere", kind=kind)
    assert tree(tmp_path / "elsewhere") == before[0]


def test_a_face_that_was_aligned_anew_is_exported_as_it_was_frozen(filled, pairs, tmp_path):
    before = tree(pairs)
    image_id = filled.version("first").ids[0]
    filled.correct_alignment(image_id, (ANCHORS + 9).tolist(), "Ann")
    moved = filled.examination(image_id)
    write_face(
        filled.files, image_id, np.full((512, 512, 3), 9, np.uint8), np.full((512, 512), 255, np.uint8)
    )
    filled.save_examinations([moved.__class__(**{**vars(moved), "anchors": tuple(map(tuple, ANCHORS + 9))})])
    export_version(filled, "first", tmp_path / "again")
    assert tree(tmp_path / "again") == before


def test_a_lost_crop_is_made_again_from_the_original(filled, pairs, tmp_path):
    before = tree(pairs)
    filled.files.crop(filled.version("first").ids[1]).unlink()
    filled.files.sketch(filled.version("first").ids[2]).write_bytes(b"damaged")
    export_version(filled, "first", tmp_path / "again")
    assert tree(tmp_path / "again") == before


def test_a_picture_that_is_gone_for_good_is_named_and_the_old_export_stays(filled, pairs):
    before = tree(pairs)
    image_id = filled.version("first").ids[1]
    filled.files.crop(image_id).unlink()
    filled.files.original(image_id).unlink()
    with pytest.raises(ExportError, match=image_id[:12]):
        export_version(filled, "first", pairs)
    assert tree(pairs) == before


@pytest.mark.parametrize("kind", ["pairs", "imagefolder"])
def test_nothing_of_the_originals_but_pixels_is_exported(filled, tmp_path, kind):
    export_version(filled, "first", tmp_path / "out", kind=kind, zip=True)
    image_id = filled.version("first").ids[0]
    assert b"GPS-PHOTOGRAPHER" in filled.files.original(image_id).read_bytes()
    for path in [*(tmp_path / "out").rglob("*"), tmp_path / "out.zip"]:
        if path.is_file():
            data = path.read_bytes()
            assert b"GPS-PHOTOGRAPHER" not in data
            assert b"SECRET-COMMENT" not in data
    for path in (tmp_path / "out").rglob("*.png"):
        chunks = path.read_bytes()
        assert not any(name in chunks for name in (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME", b"iCCP"))


def test_image_folder_loads_with_datasets_offline(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "faces"
    summary = export_version(filled, "first", out, kind="imagefolder")
    expected = {
        "train": summary.splits["train"],
        "validation": summary.splits["val"],
        "test": summary.splits["test"],
    }
    for loaded in (
        datasets.load_dataset("imagefolder", data_dir=str(out), cache_dir=str(tmp_path / "cache")),
        datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache2")),
    ):
        assert {split: len(rows) for split, rows in loaded.items()} == expected
        first = loaded["train"][0]
        assert first["image"].size == (512, 512)
        assert first["sketch"].size == (512, 512)
        by_id = {row["sha256"]: row for row in rows_of(out)}
        assert first["licence"] == by_id[first["sha256"]]["licence"]
        assert first["yaw"] == by_id[first["sha256"]]["yaw"]


def test_the_zip_holds_the_folder(filled, tmp_path):
    export_version(filled, "first", tmp_path / "out", zip=True)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = {name.removeprefix("out/") for name in archive.namelist()}
    assert names == set(tree(tmp_path / "out"))


def test_the_card_counts_warns_and_escapes(make_library, tmp_path):
    library = make_library("odd")
    hostile = "<script>alert(1)</script> | [x](javascript:y)\n# head"
    ids = [add_face(library, 1, Provenance("upload", licence="CC BY 4.0", author=hostile))]
    ids.append(add_face(library, 2, Provenance("upload")))
    ids.append(add_face(library, 3, Provenance("upload", licence="CC0")))
    ids.append(add_face(library, 4, Provenance("upload"), status="no_face"))
    library.decide(ids[:3], "keep", reviewer="Ann")
    version = library.freeze("odd", who="Ann", note=hostile)
    export_version(library, "odd", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    front, body = card.split("---\n", 2)[1:]
    assert yaml.safe_load(front)["license"] == "other"
    assert "<script>" not in body
    assert "\n# head" not in body
    assert "[x](" not in body
    assert "Mixed licences: 2 different ones" in body
    assert "Unknown licence: 1 images" in body
    assert "| no\\_face | 1 |" in body
    assert version.hash in body
    assert "threshold: 60.0" in body
    for name in ("yaw", "pitch", "roll", "sharpness"):
        svg = (tmp_path / "out" / "plots" / f"{name}.svg").read_text()
        assert f"plots/{name}.svg" in body
        assert svg.startswith("<svg")
        assert "(3 images)" in svg


def test_a_spreadsheet_runs_no_formula_of_strangers(make_library, tmp_path):
    library = make_library("odd")
    formula = '=HYPERLINK("https://evil.example","click")'
    library.decide([add_face(library, 1, Provenance("a", author=formula))], "keep", reviewer="A")
    library.freeze("v", who="A")
    export_version(library, "v", tmp_path / "out")
    with (tmp_path / "out" / "manifest.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["author"] == f"'{formula}"
    assert float(row["yaw"]) == -3.0
    assert rows_of(tmp_path / "out")[0]["author"] == formula


def test_one_known_licence_is_named_as_the_hub_names_it(make_library, tmp_path):
    library = make_library("one")
    library.decide([add_face(library, 1, Provenance("a", licence="CC BY 4.0"))], "keep", reviewer="A")
    library.freeze("v", who="A")
    export_version(library, "v", tmp_path / "out", kind="imagefolder")
    front = yaml.safe_load((tmp_path / "out" / "README.md").read_text().split("---\n")[1])
    assert front["license"] == "cc-by-4.0"
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "train/**"}]


def test_kept_images_without_face_or_mesh_are_named_and_do_not_disturb_training(make_library, tmp_path):
    library = make_library("odd")
    ids = [add_face(library, seed) for seed in range(8)]
    faceless = add_face(library, 20, status="no_face")
    meshless = add_face(library, 21, mesh=False)
    library.decide([*ids, faceless, meshless], "keep", reviewer="Ann")
    library.freeze("v", who="Ann")
    summary = export_version(library, "v", tmp_path / "out")
    assert summary.left_out == {"no_face": 1, "no_mesh": 1}
    assert summary.images == sum(summary.splits.values()) == 9
    assert summary.sentence().endswith("1 kept images without a face have no pair.")
    rows = {row["sha256"]: row for row in rows_of(tmp_path / "out")}
    assert rows[faceless]["reason"]["code"] == "no_face"
    assert rows[faceless]["photo"] is None
    assert rows[meshless]["reason"]["code"] == "no_mesh"
    assert (tmp_path / "out" / rows[meshless]["photo"]).is_file()
    config = DataConfig(tmp_path / "out", image_size=64, validation="split")
    assert meshless[:16] not in load_pairs(config, "train").names
    assert rows[faceless]["split"] == "none"
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| pairs | 9 |" in card
    assert "1 images are kept, but not for training." in card


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_can_be_pasted_wherever_the_export_lies(kind: Kind) -> None:
    out = '/x/out 한글 "it\'s"'
    (command,) = commands_for(kind, out).values()
    if kind == "pairs":
        words = shlex.split(command)
        assert words[words.index("--data.root") + 1] == out
    else:
        call = ast.parse(command, mode="eval").body
        assert isinstance(call, ast.Call)
        assert ast.literal_eval(call.keywords[0].value) == out


def test_images_deleted_for_good_are_not_exported(filled, tmp_path):
    gone = filled.version("first").ids[0]
    filled.delete_for_good([gone], who="Ann", why="asked for")
    summary = export_version(filled, "first", tmp_path / "out")
    assert (summary.images, summary.removed) == (9, 1)
    assert gone not in {row["sha256"] for row in rows_of(tmp_path / "out")}
    assert gone not in (tmp_path / "out" / "members.jsonl").read_text()


def test_a_full_disk_leaves_the_old_export_and_says_so(filled, pairs, monkeypatch):
    before = tree(pairs)
    write, count = Path.write_bytes, iter(range(99))

    def full(path: Path, data: bytes) -> int:
        if next(count) == 5:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ExportError, match="The disk is full"):
        export_version(filled, "first", pairs)
    assert tree(pairs) == before
    assert [path.name for path in pairs.parent.iterdir() if path.name.startswith(".")] == []


def test_a_disk_that_is_too_small_is_refused_before_the_work(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(ExportError, match=r"10 pairs take about 4 MB.*1 MB left"):
        export_version(filled, "first", tmp_path / "out")
    assert not (tmp_path / "out").exists()


EXPORTER = """
import sys
from pathlib import Path
from curation.export.dataset import export_version
from curation.library.library import Library
library = Library.open(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for kind in ("pairs", "imagefolder"):
        export_version(library, "first", Path(sys.argv[2]), kind=kind)
"""


def test_a_killed_export_leaves_a_whole_one(filled, tmp_path):
    wholes = []
    for kind in ("pairs", "imagefolder"):
        export_version(filled, "first", tmp_path / kind, kind=kind)
        wholes.append(tree(tmp_path / kind))
    out = tmp_path / "exports" / "out"
    export_version(filled, "first", out)
    chance = random.Random(2)
    for _ in range(5):
        command = [sys.executable, "-c", EXPORTER, str(filled.root), str(out)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.05, 1.5))
        process.kill()
        process.wait()
        assert tree(out) in wholes
    export_version(filled, "first", out)
    assert tree(out) == wholes[0]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_unknown_version_or_kind_is_refused(filled, tmp_path):
    with pytest.raises(LibraryError, match="first"):
        export_version(filled, "second", tmp_path / "out")
    with pytest.raises(ValueError, match="pairs, imagefolder"):
        export_version(filled, "first", tmp_path / "out", kind="coco")


def test_a_version_without_images_is_refused(make_library, tmp_path):
    library = make_library("empty")
    library.freeze("nothing", who="Ann")
    with pytest.raises(ExportError, match="holds no images"):
        export_version(library, "nothing", tmp_path / "out")


def test_lopsided_splits_are_said(filled, tmp_path):
    summary = export_version(filled, "first", tmp_path / "out", fractions=Fractions(0.2, 0.4, 0.4), seed=3)
    assert any("instead of" in warning for warning in summary.warnings) or summary.splits["train"] <= 3
