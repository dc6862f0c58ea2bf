"""Which settings may be others when a run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.training.autoencoder import AutoencoderLoss
from core.training.data import DataConfig
from core.training.recipe import LoopConfig, differing_settings, flat_settings, may_change, settings_of


def flat(**changes: object) -> dict[str, object]:
    loop = LoopConfig(Path("run"))
    every = settings_of(data=DataConfig(Path("pairs")), loop=loop, loss=AutoencoderLoss())
    return flat_settings(every) | {key.replace("__", "."): value for key, value in changes.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"loop__steps": 20}, {"loop__lr": 1e-5}, {"loop__decay_from": 0.9}, {"loss__bce": 3.0},
        {"data__root": "/elsewhere"}, {"data__validation": "0801-0904"}, {"of__a_later_version": 1},
    ],
)  # fmt: skip
def test_a_run_goes_on_with(changes: dict[str, object]) -> None:
    assert differing_settings(flat(**changes), flat()) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loop__batch_size": 8}, "loop.batch_size was 8, is 4 now"),
        ({"data__image_size": 64}, "data.image_size was 64, is 256 now"),
        ({"data__validation": "a"}, "data.validation was a, is auto now"),
    ],
)
def test_what_differs_is_named_with_both_values(changes: dict[str, object], says: str) -> None:
    assert differing_settings(flat(**changes), flat()) == [says]


def test_refining_weights_may_move_but_neither_come_nor_go() -> None:
    key = "refiner.weights"
    assert differing_settings({key: "/a/ae.safetensors"}, {key: "/b/ae.safetensors"}) == []
    assert differing_settings({key: None}, {key: "/b/ae.safetensors"}) != []


@pytest.mark.parametrize("key", ["loss.crop", "loss.pool", "generator.ngf", "loop.seed"])
def test_what_shapes_a_run_stays(key: str) -> None:
    assert not may_change(key)
