import dataclasses
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from core.checkpoints import load_generator, read_info, save_model
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.models import model_store
from core.models.conventions import Conventions
from core.models.model_store import (
    add_model,
    change_model,
    check_name,
    remove_model,
    rename_model,
)

CONFIG = CycleGANConfig(input_nc=3, ngf=4, n_blocks=1)
WHITE = Conventions(64, 3, "white_on_black", "bgr")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.safetensors"
    save_model(path, ResnetTranslator(CONFIG), provenance={"a": 1}, licence="none")
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def put(source: Path, models: Path, name: str = "mine") -> Path:
    return add_model(source, models, name, conventions=WHITE, licence="CC0", provenance={"b": "é"})


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_an_added_model_keeps_its_weights_and_says_what_it_was_told(source: Path, models: Path) -> None:
    path = put(source, models)
    info = read_info(path)
    assert (info.licence, info.provenance, info.conventions) == ("CC0", {"b": "é"}, WHITE)
    before, after = weights_of(source), weights_of(path)
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert load_generator(path).config == CONFIG


def test_a_damaged_file_is_not_taken_for_sound_when_it_is_added(source: Path, models: Path) -> None:
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    source.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged: its checksum"):
        put(source, models)
    assert list(models.iterdir()) == []


def test_nothing_but_the_model_is_left_behind(source: Path, models: Path) -> None:
    put(source, models)
    assert [path.name for path in models.iterdir()] == ["mine.safetensors"]


def test_conventions_that_do_not_fit_write_nothing(source: Path, models: Path) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        add_model(source, models, "mine", conventions=Conventions(63, 3), licence="", provenance={})
    assert not models.exists() or not list(models.iterdir())


def test_a_changed_model_keeps_its_name_and_weights(source: Path, models: Path) -> None:
    path = put(source, models)
    before = weights_of(path)
    change_model(path, conventions=Conventions(128, 3), licence="MIT", provenance={})
    assert read_info(path).conventions == Conventions(128, 3)
    assert all(torch.equal(value, before[name]) for name, value in weights_of(path).items())


def test_of_two_people_who_take_one_name_at_once_one_is_told(source: Path, models: Path) -> None:
    def attempt(number: int) -> str:
        try:
            add_model(source, models, "mine", conventions=WHITE, licence=str(number), provenance={})
        except ValueError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(4) as people:
        outcomes = list(people.map(attempt, range(4)))
    assert sorted(map(bool, outcomes)) == [False, True, True, True]
    assert read_info(models / "mine.safetensors").licence == str(outcomes.index(""))


def test_a_file_system_without_links_refuses_a_taken_name_too(
    source: Path, models: Path, monkeypatch
) -> None:
    def no_links(*_paths: object) -> None:
        raise OSError("links are not supported")

    monkeypatch.setattr(model_store.os, "link", no_links)
    assert read_info(put(source, models)).licence == "CC0"
    with pytest.raises(ValueError, match="taken"):
        put(source, models)


@pytest.mark.parametrize("name", ["", "a b", "../x", "x/y", ".hidden", "a/ä", "x" * 61, "-x", "얼" * 61])
def test_names_that_are_no_plain_names_are_refused(models: Path, name: str) -> None:
    with pytest.raises(ValueError, match="A name has 1 to 60"):
        check_name(name, models, models)


@pytest.mark.parametrize("name", ["mine", "MINE", "shipped", "pix2pixhd", "sketch_autoencoder"])
def test_names_of_shipped_and_of_imported_models_are_taken(source: Path, models: Path, name: str) -> None:
    put(source, models)
    weights = models.parent / "weights"
    weights.mkdir()
    (weights / "shipped.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="is taken"):
        check_name(name, weights, models)


@pytest.mark.parametrize("name", ["얼굴-1", "표준_v1", "Gesichter-für-später", "ä"])
def test_names_may_be_of_any_script_and_are_kept_composed(models: Path, name: str) -> None:
    assert check_name(unicodedata.normalize("NFD", name), models, models) == name


def test_spaces_and_the_ending_are_taken_off_a_name(models: Path) -> None:
    assert check_name(" my-net.v2.safetensors ", models, models) == "my-net.v2"


def test_a_renamed_model_is_found_under_its_new_name_only(source: Path, models: Path) -> None:
    put(source, models)
    rename_model(models, "mine", "yours")
    assert [path.stem for path in models.glob("*.safetensors")] == ["yours"]


def test_a_card_goes_with_its_model_to_the_new_name_and_not_to_the_next_one_of_the_old(
    source: Path, models: Path
) -> None:
    put(source, models).with_suffix(".md").write_text("trained here as run *mine*")
    rename_model(models, "mine", "yours")
    put(source, models)
    assert [card.name for card in models.glob("*.md")] == ["yours.md"]


def test_renaming_never_writes_over_another_model(source: Path, models: Path) -> None:
    put(source, models, "mine")
    put(source, models, "yours")
    with pytest.raises(ValueError, match="taken"):
        rename_model(models, "mine", "yours")
    assert len(list(models.glob("*.safetensors"))) == 2


@pytest.mark.parametrize(
    "action",
    [
        lambda folder: rename_model(folder, "gone", "new"),
        lambda folder: remove_model(folder, "gone"),
        lambda folder: remove_model(folder, "../source"),
    ],
)
def test_what_another_person_removed_meanwhile_is_said(models: Path, source: Path, action) -> None:
    models.mkdir()
    with pytest.raises(ValueError, match="not there any more"):
        action(models)
    assert source.is_file()


def test_a_removed_model_is_gone_with_its_card_and_an_old_trash_stays(source: Path, models: Path) -> None:
    path = put(source, models)
    path.with_suffix(".md").write_text("# mine")
    old = models / ".trash" / "earlier~20260101-000000-abcd.safetensors"
    old.parent.mkdir()
    old.write_bytes(b"weights")
    remove_model(models, "mine")
    assert [one for one in models.rglob("*") if one.is_file()] == [old]


def test_a_model_file_of_ours_can_be_changed_and_still_described(source: Path, models: Path) -> None:
    info = read_info(put(source, models))
    assert dataclasses.replace(info).family == "cyclegan"
