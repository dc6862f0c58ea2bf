"""A deletion reaches what comparisons and trainings made of an export: removed where it is that image's alone."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.bank_file import BankContent, write_bank
from core.training.request import write_config
from curation import delete
from curation.export.dataset import export_version
from curation.export.removal import remove_from_comparisons
from curation.library.library import Library
from eval.comparison.request import ComparisonRequest
from eval.comparison.run import run_comparison
from tests.eval.comparison.comparison_material import SmallTools, photo, write_set


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder beside the library, and a folder of weights."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "data"


@pytest.fixture
def exported(filled: Library, data: Path) -> Path:
    return Path(export_version(filled, "first", filled.files.exports / "first", zip=True).out)


def names_of(exported: Path, split: str) -> list[str]:
    rows = map(json.loads, (exported / "manifest.jsonl").read_text().splitlines())
    return [row["name"] for row in rows if row["split"] == split]


def compare(data: Path, number: int, real: Path, outputs: Path, training: Path | None = None) -> Path:
    root = data / "comparisons"
    folder = root / f"20260101-00000{number}-abcdef"
    asked = ComparisonRequest(
        title=f"Comparison {number}", real=real, split="train", fakes={"painter": outputs}, training=training,
        permutations=0, resamples=0,
    )  # fmt: skip
    run_comparison(asked, folder, cache=root / ".cache", tools=SmallTools(root / ".cache"))
    return folder


def ids_of(library: Library, name: str) -> str:
    return next(image_id for image_id in library.version("first").ids if image_id.startswith(name))


def cached_contents(data: Path) -> set[str]:
    with closing(sqlite3.connect(data / "comparisons" / ".cache" / "features.sqlite")) as base:
        return {key for (key,) in base.execute("SELECT key FROM cached")}


def test_comparisons_lose_its_pictures_and_features_and_are_named(
    filled: Library, exported: Path, data: Path, tmp_path: Path
) -> None:
    name, other = names_of(exported, "train")[:2]
    outputs = Path(shutil.copytree(exported / "photos", tmp_path / "outputs"))
    folder = compare(data, 1, exported, outputs, training=exported)
    strange = write_set(tmp_path / "strange", {f"{n}": photo(n) for n in range(4)})
    unrelated = compare(data, 2, strange, strange)
    kept = sorted(path.relative_to(folder) for path in folder.rglob("*.webp") if path.stem != name)
    content = hashlib.sha256((exported / "photos" / f"{name}.png").read_bytes()).hexdigest()
    assert list(folder.rglob(f"{name}.webp")) and content in cached_contents(data)
    traces = filled.delete_for_good([ids_of(filled, name)], who="Ann", why="asked for")
    assert not list(data.rglob(f"{name}*")) and content not in cached_contents(data)
    assert sorted(path.relative_to(folder) for path in folder.rglob("*.webp")) == kept
    assert any(path.stem == other for path in kept)
    assert traces.comparisons == ("Comparison 1",)
    assert "Its pictures were taken out there; the figures keep its part" in traces.sentence()
    assert list(unrelated.rglob("*.webp"))


def test_drawings_that_a_generator_was_given_go_with_what_it_made_of_them(
    filled: Library, exported: Path, data: Path
) -> None:
    name, other = names_of(exported, "train")[:2]
    made = data / "comparisons" / ".cache" / "generated" / "pix2pixhd-whole-0123"
    for place in ("photos", "sketches", "refined"):
        write_set(made / place, {name: photo(1), other: photo(2)})
    for _ in range(2):  # as after a kill
        remove_from_comparisons(filled, [ids_of(filled, name)])
        assert {path.stem for path in made.rglob("*.png")} == {other}


def test_trainings_on_it_are_named_with_those_that_began_with_their_weights(
    filled: Library, exported: Path, data: Path
) -> None:
    settings: dict[str, dict[str, Any]] = {
        "painter": {"data": {"root": str(exported)}},
        "unpaired": {"unpaired": {"photos": str(exported / "photos")}},
        "later": {
            "data": {"root": "/other"},
            "start_from": str(data / "runs" / "painter" / "model.safetensors"),
        },
        "other": {"data": {"root": f"{exported}-other"}},
    }
    for run, config in settings.items():
        (data / "runs" / run).mkdir(parents=True)
        write_config(data / "runs" / run, config)
    traces = filled.delete_for_good(filled.version("first").ids[:1], who="Ann", why="asked for")
    assert traces.runs == ("later", "painter", "unpaired")
    assert "weights and samples, and models made of them, keep a trace of it" in traces.sentence()


def test_a_bank_that_holds_its_sketch_is_named(filled: Library, exported: Path, tmp_path: Path) -> None:
    gone, other = filled.version("first").ids[:2]
    for file, row in (("face_bank", gone), ("other_bank", other)):
        content = BankContent(np.zeros((1, 8), np.float32), (row[:16],), np.zeros(11, np.float32))
        path = tmp_path / "weights" / f"{file}.safetensors"
        write_bank(path, content, calibration_k=10, provenance={}, licence="CC0")
    assert filled.delete_for_good([gone], who="Ann", why="asked for").banks == ("face_bank.safetensors",)


def test_the_command_deletes_by_the_beginning_of_an_id_and_says_what_is_left(
    filled: Library, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_version(filled, "first", tmp_path / "elsewhere")
    gone = filled.version("first").ids[0]
    given = ["--who", "Ann", "--why", "asked for", "--library", str(filled.root)]
    assert delete.main([gone[:12], *given]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 image deleted for good. It was also exported to")
    assert str(tmp_path / "elsewhere") in said
    assert gone not in filled.table().index
    assert delete.main([gone[:12], *given]) == 2
    assert "is the beginning of 0 ids" in capsys.readouterr().err
