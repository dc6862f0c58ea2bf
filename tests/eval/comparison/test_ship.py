"""What is shipped: numbers and our own drawings, never a face of the data."""

from pathlib import Path

import numpy as np
import pytest

from core.config import ROOT
from eval.comparison import ship as module
from eval.comparison.comparison_store import on_data, shipped
from eval.comparison.pictures import find_picture, keep_picture, picture_path
from eval.comparison.request import GeneratorSource, read_request
from eval.comparison.result import Comparison, read_comparison
from eval.comparison.ship import ship
from tests.eval.comparison.comparison_material import comparison, photo


def finished(made: Path) -> Comparison:
    found = comparison({"pix2pixhd": (0.1, 0.2)}, labels=[{"gender": "low", "pose": "turned left"}, {}])
    models = tuple(
        model.model_copy(update={"generator": model.name, "stage1": "whole"}) for model in found.models
    )
    for name in ("0000", "laughing"):
        keep_picture(picture_path(made, "model", name, "pix2pixhd"), photo(1, 256))
        keep_picture(picture_path(made, "sketch", name), photo(2, 256))
    keep_picture(picture_path(made, "real", "0000"), photo(3, 256))
    return found.model_copy(update={"models": models, "drawings": ("laughing",)})


def test_only_pictures_of_drawings_are_shipped(tmp_path: Path) -> None:
    ship(finished(tmp_path / "made"), tmp_path / "made", tmp_path / "out")
    assert find_picture(tmp_path / "out", "model", "laughing", "pix2pixhd")
    assert find_picture(tmp_path / "out", "sketch", "laughing")
    assert len(list((tmp_path / "out").rglob("*.webp"))) == 2


def test_labels_of_persons_stay_at_home(tmp_path: Path) -> None:
    ship(finished(tmp_path / "made"), tmp_path / "made", tmp_path / "out")
    assert read_comparison(tmp_path / "out").cases[0].labels == {"pose": "turned left"}


def test_the_shipped_request_can_be_repeated_on_any_pairs(tmp_path: Path) -> None:
    ship(finished(tmp_path / "made"), tmp_path / "made", tmp_path / "out")
    mine = on_data(read_request(tmp_path / "out"), tmp_path)
    assert mine.real == mine.training == tmp_path
    assert mine.drawings is not None and mine.drawings.is_dir()
    assert {one.stage1 for one in mine.fakes.values() if isinstance(one, GeneratorSource)} == {
        "whole",
        "parts",
    }


def test_what_is_too_large_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(module, "MAX_RESULT_BYTES", 10)
    with pytest.raises(ValueError, match="at most 10 go into the repository"):
        ship(finished(tmp_path / "made"), tmp_path / "made", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "out"]


def test_the_shipped_comparison_is_there_and_speaks_of_the_shipped_generators() -> None:
    entry = shipped()
    assert entry is not None and entry.comparison is not None and entry.request is not None
    weights = {path.stem for path in (ROOT / "weights").glob("*.safetensors")}
    assert {model.generator for model in entry.comparison.models} <= weights
    assert len(entry.comparison.cases) > 100
    for name in entry.comparison.drawings:
        picture = find_picture(entry.folder, "model", name, entry.comparison.models[0].name)
        assert picture is not None
    names = {path.stem for path in entry.folder.rglob("*.webp")}
    assert not names & {case.name for case in entry.comparison.cases}


def test_a_picture_is_shrunk_and_keeps_its_shape(tmp_path: Path) -> None:
    from PIL import Image

    path = picture_path(tmp_path, "model", "a/b c", "m, parts")
    keep_picture(path, np.zeros((512, 256, 3), np.uint8))
    assert Image.open(path).size == (128, 256)
    assert picture_path(tmp_path, "model", "a-b-c", "m, parts") != path
