"""What a form asks for, as the configuration that a command reads."""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from core.training import autoencoder
from core.training.kinds import KINDS, merge, presets
from core.training.recipe import LoopConfig
from core.training.request import PATHS, RunRequest, check_config, config_of, read_config, write_config


@pytest.fixture
def ask(pairs_folder: Path) -> Callable[..., RunRequest]:
    def make(kind: str, **changes: object) -> RunRequest:
        usual = RunRequest(
            name="r", kind=kind, preset=presets(kind)[0].name, data=pairs_folder, validation="0007-0008",
            steps=3, batch_size=2, image_size=64, lr=1e-4, device="cpu", threads=1,
        )  # fmt: skip
        return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_what_the_form_offers(
    kind: str, ask: Callable[..., RunRequest], tmp_path: Path, pairs_folder: Path
) -> None:
    for preset in presets(kind):
        request = ask(
            kind,
            preset=preset.name,
            licence="CC0",
            refiner=Path("a.safetensors"),
            photos=pairs_folder,
            image_size=128,
        )
        write_config(tmp_path, config_of(request, tmp_path))
        check_config(kind, tmp_path)
        config = read_config(tmp_path)
        assert (config["licence"], config["loop"]["steps"], config["data"]["image_size"]) == ("CC0", 3, 128)
        assert ("refiner" in config and "weights" in config["refiner"]) == KINDS[kind].takes_refiner
        assert ("unpaired" in config) == KINDS[kind].is_unpaired


def test_what_is_quick_comes_first() -> None:
    assert [preset.name for preset in presets("pix2pixhd")][-1] == "pix2pixhd_512"


def test_further_settings_win_and_leave_their_neighbours(
    ask: Callable[..., RunRequest], tmp_path: Path
) -> None:
    config = config_of(ask("pix2pixhd", more="loss: {l1: 7}\nloop: {steps: 9}"), tmp_path)
    assert config["loss"]["l1"] == 7
    assert (config["loop"]["steps"], config["loop"]["batch_size"]) == (9, 2)


@pytest.mark.parametrize(
    "more",
    [
        "data: {root: /etc}",
        "data.root: /etc",
        "data: /etc/hostname",
        "loop: {out: /tmp/elsewhere}",
        "unpaired: {photos: /etc}",
        "refiner: {weights: /etc/hostname}",
        "start_from: /etc/hostname",
        "config: /etc/hostname",
    ],
)
def test_further_settings_name_no_file_of_the_server(
    ask: Callable[..., RunRequest], tmp_path: Path, more: str
) -> None:
    with pytest.raises(ValueError, match=r"fields of their own|with braces|settings below it"):
        config_of(ask("cyclegan", more=more), tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_that_names_a_file_is_known(kind: str) -> None:
    train = importlib.import_module(KINDS[kind].module).train
    found = set()
    for name, given in typing.get_type_hints(train).items():
        inner = typing.get_type_hints(given) if dataclasses.is_dataclass(given) else {}
        found |= {name} if "Path" in str(given) and name != "return" else set()
        found |= {f"{name}.{key}" for key, value in inner.items() if "Path" in str(value)}
    assert found <= set(PATHS)


@pytest.mark.parametrize("quote", ["", "'"])
def test_aliases_in_further_settings_are_refused(
    ask: Callable[..., RunRequest], tmp_path: Path, quote: str
) -> None:
    """450 characters of them took 17 s and 1 GB; jsonargparse reads what stands in quotes as well."""
    lists = [f"{name}: &{name} [*{before}, *{before}]" for before, name in pairwise("abcdefgh")]
    more = f"loop: {{steps: {quote}{{a: &a [x, x], {', '.join(lists)}}}{quote}}}"
    with pytest.raises(ValueError) as refused:
        write_config(tmp_path, config_of(ask("autoencoder", more=more), tmp_path))
        check_config("autoencoder", tmp_path)
    assert len(str(refused.value)) < 1500


def test_what_is_there_twice_is_written_out_twice(tmp_path: Path) -> None:
    twice = [1, 2]
    write_config(tmp_path, {"a": twice, "b": twice})
    assert read_config(tmp_path) == {"a": twice, "b": twice}


def test_a_small_picture_is_judged_whole(ask: Callable[..., RunRequest], tmp_path: Path) -> None:
    assert config_of(ask("pix2pixhd"), tmp_path)["loss"]["crop"] == 0
    assert "crop" not in config_of(ask("pix2pixhd", image_size=256), tmp_path).get("loss", {})


def test_a_crop_larger_than_the_picture_is_refused(ask: Callable[..., RunRequest], tmp_path: Path) -> None:
    write_config(tmp_path, config_of(ask("pix2pixhd", more="loss: {crop: 100}"), tmp_path))
    with pytest.raises(ValueError, match="crop"):
        check_config("pix2pixhd", tmp_path)


def test_weights_of_another_architecture_are_refused_with_what_differs(
    ask: Callable[..., RunRequest], tmp_path: Path, tiny_data
) -> None:
    loop = LoopConfig(tmp_path / "other", steps=1, batch_size=2, save_every=1, sample_every=9, device="cpu")
    model = autoencoder.AutoencoderConfig(image_size=64, widths=(8, 16), bottleneck=4)
    weights = autoencoder.train(tiny_data, loop, model=model)
    for start_from in (weights, weights.with_name("checkpoint.pt")):
        write_config(tmp_path, config_of(ask("autoencoder", start_from=start_from), tmp_path))
        with pytest.raises(ValueError, match="bottleneck is 4 there"):
            check_config("autoencoder", tmp_path)
    more = "model: {widths: [8, 16], bottleneck: 4}"
    write_config(tmp_path, config_of(ask("autoencoder", start_from=weights, more=more), tmp_path))
    check_config("autoencoder", tmp_path)


def test_merging_alters_neither_side() -> None:
    below, above = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": {"e": 4}}
    assert merge(below, above) == {"a": {"b": 9, "c": 2}, "d": {"e": 4}}
    assert (below, above) == ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": {"e": 4}})


def test_a_resolution_that_the_networks_cannot_take_is_refused(
    ask: Callable[..., RunRequest], tmp_path: Path
) -> None:
    write_config(tmp_path, config_of(ask("ugatit", image_size=64), tmp_path))
    with pytest.raises(ValueError, match="at least 128"):
        check_config("ugatit", tmp_path)
