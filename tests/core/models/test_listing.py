import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.checkpoints import save_model
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.models.folder import generator_file, generators, list_models

CONFIG = CycleGANConfig(input_nc=3, ngf=4, n_blocks=1, norm="batch")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("weights", "models"):
        (tmp_path / name).mkdir()
    return tmp_path / "weights", tmp_path / "models"


def write(path: Path) -> Path:
    save_model(path, ResnetTranslator(CONFIG), provenance={}, licence="CC0")
    return path


def damaged(folder: Path) -> list[Path]:
    """One file of each kind of damage."""
    whole = write(folder / "half.safetensors")
    whole.write_bytes(whole.read_bytes()[:-100])
    (folder / "text.safetensors").write_bytes(b"hello")
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "folder.safetensors").mkdir()
    base = {"format": "1", "family": "cyclegan", "provenance": "{}", "licence": "x"}
    for name, change in {
        "unfit": {"config": json.dumps({"ngf": 4})},
        "unknown_key": {"config": json.dumps({"ngff": 4})},
        "wrong_type": {"config": json.dumps({"ngf": "four"})},
        "no_json": {"config": "{"},
        "list": {"config": "[]"},
        "conventions": {"config": "{}", "conventions": json.dumps({"polarity": "pink"})},
        "no_config": {},
    }.items():
        save_file({"x": torch.zeros(1)}, folder / f"{name}.safetensors", base | change)
    return sorted(folder.glob("*.safetensors"))


def test_shipped_models_come_first_and_are_marked(folders: tuple[Path, Path]) -> None:
    weights, models = folders
    write(weights / "z.safetensors")
    write(models / "a.safetensors")
    assert [(model.name, model.is_shipped) for model in list_models(*folders)] == [("z", True), ("a", False)]


def test_parameters_are_counted_without_running_statistics(folders: tuple[Path, Path]) -> None:
    write(folders[0] / "a.safetensors")
    (model,) = list_models(*folders)
    assert model.parameters == sum(value.numel() for value in ResnetTranslator(CONFIG).parameters())


@pytest.mark.parametrize("place", [0, 1])
def test_every_damaged_file_is_listed_with_its_problem(folders: tuple[Path, Path], place: int) -> None:
    files = damaged(folders[place])
    write(folders[place] / "whole.safetensors")
    problems = {model.name: model.problem for model in list_models(*folders)}
    assert problems.pop("whole") == ""
    assert problems.keys() == {file.stem for file in files}
    assert all(problems.values()), problems


def test_damaged_files_hide_no_other_generator(folders: tuple[Path, Path]) -> None:
    damaged(folders[1])
    write(folders[1] / "whole.safetensors")
    found = generators(*folders)
    assert "whole" in found and not {"half", "text", "empty", "folder", "no_json"} & set(found)


def test_missing_folders_hold_nothing(tmp_path: Path) -> None:
    assert list_models(tmp_path / "a", tmp_path / "b") == []
    assert generators(tmp_path / "a", tmp_path / "b") == []


def test_generators_of_both_folders_are_found_by_name(folders: tuple[Path, Path]) -> None:
    weights, models = folders
    shipped, imported = write(weights / "z.safetensors"), write(models / "a.safetensors")
    assert generators(*folders) == ["z", "a"]
    assert (generator_file(weights, "z", models), generator_file(weights, "a", models)) == (shipped, imported)


def test_a_shipped_generator_wins_over_an_imported_one_of_its_name(folders: tuple[Path, Path]) -> None:
    shipped = write(folders[0] / "same.safetensors")
    write(folders[1] / "same.safetensors")
    assert generators(*folders) == ["same"]
    assert generator_file(folders[0], "same", folders[1]) == shipped


@pytest.mark.parametrize("name", ["../weights/z", "none", ""])
def test_a_name_that_is_none_lists_those_that_are(folders: tuple[Path, Path], name: str) -> None:
    write(folders[0] / "z.safetensors")
    with pytest.raises(ValueError, match="must be one of: z; got"):
        generator_file(folders[0], name, folders[1])
