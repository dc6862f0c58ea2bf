"""What a run keeps when saving or reading goes wrong."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer
from torch import Tensor, nn

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.training import loop as training_loop
from core.training.loop import RunLog, Trainer, load_checkpoint, start_networks_from
from core.training.recipe import LoopConfig, Recipe


class TinyRecipe(Recipe):
    """One network that learns nothing in particular."""

    served = "net"

    def __init__(self) -> None:
        self.networks: dict[str, nn.Module] = {
            "net": SketchAutoencoder(AutoencoderConfig(image_size=32, widths=(8, 8), bottleneck=8, latent=8))
        }
        self.provenance: dict[str, Any] = {}

    def __len__(self) -> int:
        return 4

    def batch(self, indices: list[int], rngs: list[np.random.Generator]) -> dict[str, np.ndarray]:
        return {"sketch": np.zeros((len(indices), 1, 32, 32), np.float32)}

    def losses(
        self, batch: dict[str, Tensor], networks: dict[str, nn.Module]
    ) -> Iterator[tuple[str, dict[str, Tensor]]]:
        yield "net", {"mean": networks["net"](batch["sketch"]).square().mean()}

    def samples(self, model: nn.Module) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    config = LoopConfig(tmp_path, steps=2, batch_size=1, log_every=1, amp=False, device="cpu")
    trainer = Trainer(TinyRecipe(), config, settings={"loop": {"batch_size": 1}})
    trainer.run()
    return trainer


def saved_state(folder: Path) -> dict[str, Any]:
    return load_checkpoint(folder / "checkpoint.pt")


def test_weights_that_are_not_finite_never_replace_those_that_are(trainer: Trainer, tmp_path: Path) -> None:
    with torch.no_grad():
        next(trainer.recipe.networks["net"].parameters()).fill_(float("nan"))
    trainer.step = 3
    with pytest.raises(FloatingPointError, match=r"Go on from step 2 with a lower learning rate"):
        trainer.save()
    state = saved_state(tmp_path)
    assert state["step"] == 2
    assert all(value.isfinite().all() for value in state["networks"]["net"].values())


def test_a_full_disk_keeps_the_old_checkpoint(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training_loop, "write_atomically", full)
    trainer.step = 3
    with pytest.raises(OSError, match="No space"):
        trainer.save()
    assert saved_state(tmp_path)["step"] == 2


@pytest.mark.parametrize("keep", [0, 1, 100, -200])
def test_a_damaged_checkpoint_is_named_with_a_way_out(trainer: Trainer, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged.*--start_from"):
        Trainer(TinyRecipe(), trainer.config)
    with pytest.raises(ValueError, match="damaged"):
        start_networks_from(TinyRecipe(), path)


def test_beginning_with_what_is_no_run_is_said(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="no checkpoint of a training"):
        start_networks_from(TinyRecipe(), tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError, match=r"gone\.pt is missing"):
        start_networks_from(TinyRecipe(), tmp_path / "gone.pt")


def test_tensorboard_keeps_the_step_at_which_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Event files are read by name, which begins with the second: two runs of one test may share it.
    monkeypatch.setattr(event_file_writer, "time", SimpleNamespace(time=count(1_800_000_000).__next__))
    for first, steps in ((0, (1, 2, 3)), (2, (3, 4))):  # killed after step 3, saved at 2
        log = RunLog(tmp_path, first)
        for step in steps:
            log.write(step, {"net/mean": 1.0})
        log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("net/mean")] == [1, 2, 3, 4]
