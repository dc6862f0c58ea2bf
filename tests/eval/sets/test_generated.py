"""A model's own set: drawn once, by name, whole pictures only, known by all that it depends on."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.conversion.settings import ConversionSettings
from core.errors import AssetMissing
from eval.sets.contents import ImageSet
from eval.sets.generated import SKETCHES, generate_set, read_about_file, refined_of
from tests.eval.sets.pictures_material import packed, picture, write

FILES = (
    "cyclegan", "sketch_autoencoder", "face_bank", "part_autoencoders", "part_banks",
)  # fmt: skip


@dataclass
class Answer:
    photo: np.ndarray | None
    refined_sketch: np.ndarray | None
    timings: dict[str, float]


class Painter:
    """Stands for the pipeline: a photo that depends on the sketch and the settings; blank for a white one."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, sketch: np.ndarray, **how: Any) -> Answer:
        self.calls.append(how)
        if sketch.min() > 250:
            return Answer(None, None, {"total": 1.0})
        photo = np.stack([sketch, 255 - sketch, np.full_like(sketch, int(how["t"] * 255))], axis=2)
        return Answer(photo, 255 - sketch, {"total": float(len(self.calls))})


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weights"
    for name in FILES:
        write(folder / f"{name}.safetensors", name.encode())
    monkeypatch.setenv("STUDIO_WEIGHTS", str(folder))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(
        "eval.sets.generated.generator_file", lambda place, name: place / f"{name}.safetensors"
    )
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three validation pairs, of which one sketch is blank, and a training pair."""
    folder, rows = tmp_path / "pairs", []
    for number, name in enumerate(("0001", "0801", "0802", "0803")):
        write(folder / f"photos/{name}.png", picture(number))
        sketch = (
            picture(number).convert("L") if name != "0803" else picture().convert("L").point(lambda _: 255)
        )
        write(folder / f"sketches/{name}.png", sketch)
        rows.append(json.dumps({"name": name, "status": "kept", "yaw": 0.0}))
    write(folder / "manifest.jsonl", "\n".join(rows).encode())
    return folder


Make = Callable[..., ImageSet]


@pytest.fixture
def make(data: Path, tmp_path: Path) -> Make:
    def run(painter: Painter, **how: Any) -> ImageSet:
        names = {field.name for field in fields(ConversionSettings)} & how.keys()
        wanted = ConversionSettings(**{"generator": "cyclegan", **{name: how.pop(name) for name in names}})
        return generate_set(wanted, **{"data": data, "out": tmp_path / "out", **how}, load=lambda: painter)

    return run


def test_every_sketch_of_the_split_becomes_a_photo_of_its_name(make: Make) -> None:
    made = make(Painter(), split="val")
    assert made.names == ("0801", "0802") and made.kind == "model"
    assert make(Painter(), split="train").names == ("0001",)


def test_a_blank_sketch_is_listed_with_the_reason(make: Make) -> None:
    assert [(one.name, one.reason) for one in make(Painter()).left_out] == [("0803", "The drawing is blank.")]


def test_the_settings_reach_the_pipeline(make: Make) -> None:
    painter = Painter()
    make(painter, stage1="parts", mode="whole", t=0.2, k=5)
    assert painter.calls[0] == {"generator": "cyclegan", "stage1": "parts", "mode": "whole", "t": 0.2, "k": 5}


def test_the_second_time_nothing_is_drawn(make: Make) -> None:
    first, painter = make(Painter()), Painter()
    assert make(painter).digest == first.digest and painter.calls == []


def test_a_run_that_was_stopped_goes_on_where_it_was(make: Make) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(Painter(), progress=stop)
    painter = Painter()
    assert make(painter).names == ("0801", "0802") and len(painter.calls) == 2  # one is blank, one was drawn


def test_progress_counts_sketches(make: Make) -> None:
    seen: list[tuple[int, int]] = []
    make(Painter(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("how", [{"t": 0.7}, {"k": 3}, {"mode": "whole"}, {"stage1": "parts"}, {"seed": 1}])
def test_another_setting_is_another_set(make: Make, how: dict[str, Any]) -> None:
    assert make(Painter()).folder != make(Painter(), **how).folder


def test_other_weights_are_another_set(make: Make, weights: Path) -> None:
    first = make(Painter()).folder
    write(weights / "face_bank.safetensors", b"trained anew")
    assert make(Painter()).folder != first


def test_weights_that_are_not_used_do_not_matter(make: Make, weights: Path) -> None:
    first = make(Painter()).folder
    write(weights / "part_banks.safetensors", b"trained anew")
    assert make(Painter()).folder == first


def test_another_sketch_is_another_set(make: Make, data: Path) -> None:
    first = make(Painter()).folder
    write(data / "sketches/0801.png", picture(77).convert("L"))
    assert make(Painter()).folder != first


def test_drawing_and_refined_drawing_lie_beside(make: Make, data: Path) -> None:
    made = make(Painter())
    refined = refined_of(made)
    assert refined is not None and refined.names == made.names
    assert made.folder is not None
    drawn = made.folder.with_name(SKETCHES) / "0801.png"
    assert drawn.read_bytes() == (data / "sketches/0801.png").read_bytes()


def test_the_speed_and_the_weights_are_told(make: Make) -> None:
    folder = make(Painter()).folder
    about = read_about_file(folder.parent) if folder else None
    assert about is not None
    assert about.ms_per_image == 1.5 and set(about.weights) == {
        "cyclegan.safetensors", "sketch_autoencoder.safetensors", "face_bank.safetensors",
    }  # fmt: skip


def test_the_picture_says_that_it_is_generated(make: Make) -> None:
    assert b"trainedAlgorithmicMedia" in make(Painter()).items[0].read()


def test_a_damaged_sketch_does_not_stop_the_run(make: Make, data: Path) -> None:
    write(data / "sketches/0801.png", packed(picture(6, (200, 200)))[:3000])
    made = make(Painter())
    assert made.names == ("0802",) and {one.name for one in made.left_out} == {"0801", "0803"}


def test_missing_weights_are_named(make: Make, weights: Path) -> None:
    (weights / "face_bank.safetensors").unlink()
    with pytest.raises(AssetMissing, match=r"face_bank\.safetensors"):
        make(Painter())


def test_photos_are_not_taken_for_sketches(make: Make, tmp_path: Path) -> None:
    """Nothing can be made of them, and the model would be blamed."""
    for number in range(3):
        write(tmp_path / f"portraits/{number}.png", picture(number))
    with pytest.raises(ValueError, match="holds photos, not sketches"):
        make(Painter(), data=tmp_path / "portraits")


def test_a_missing_sketch_is_named(make: Make, data: Path) -> None:
    (data / "sketches/0802.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 3 sketches, first 0802"):
        make(Painter())


@pytest.mark.parametrize("how", [{"stage1": "half"}, {"mode": "other"}, {"split": "other"}])
def test_an_unknown_setting_is_refused_with_the_valid_ones(make: Make, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of"):
        make(Painter(), **how)


def test_sets_that_nobody_used_for_long_go(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.sets.generated.KEPT_SETS", 1)
    folders = [make(Painter(), t=t).folder for t in (0.1, 0.2)]
    old, recent = (folder.parent for folder in folders if folder is not None)
    os.utime(old / "about.json", (1, 1))
    make(Painter(), t=0.3)
    assert not old.exists() and recent.exists()
