"""Mistakes on the command line are sentences, and Ctrl-C saves."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.training import autoencoder, command, cyclegan
from core.training.recipe import STOP_FILE, LoopConfig

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(
    pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Call:
    """Run a training's command line in this process; gives its exit code and the last line of stderr."""

    def run(*more: str, train: Callable[..., Path] = autoencoder.train) -> tuple[int, str]:
        given = [f"--loop.out={tmp_path / 'run'}", "--loop.device=cpu"]
        if train in (autoencoder.train, cyclegan.train) and not any("--data.root" in arg for arg in more):
            given.append(f"--data.root={pairs_folder}")
        monkeypatch.setattr(sys, "argv", ["train", *given, *more])
        with pytest.raises(SystemExit) as ended:
            command.main(train)
        lines = capsys.readouterr().err.strip().splitlines()
        return int(ended.value.code or 0), lines[-1] if lines else ""

    return run


def stopped_after_a_step(loop: LoopConfig, progress: object = None) -> Path:
    """A training that is interrupted in its first step."""
    os.kill(os.getpid(), signal.SIGINT)
    assert (loop.out / STOP_FILE).exists()
    return loop.out / "model.safetensors"


def without_room(loop: LoopConfig, progress: object = None) -> Path:
    """A training whose disk is full."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--loop.save_every=0"], "loop.save_every must be at least 1; got 0."),
        (["--loop.log_every=0"], "loop.log_every"),
        (["--loop.steps=0"], "loop.steps"),
        (["--data.image_size=63", "--model.image_size=63"], "image_size 63 does not fit"),
        (["--data.image_size=128"], "must be the same number"),
        (["--data.root=/nowhere"], "holds no pairs"),
        (["--data.image_size=64", "--model.image_size=64", "--data.validation=zzz"], "no pair is held out"),
        (["--loop.device=cuda:77"], "cuda:77"),
        (["--start_from=/nowhere/checkpoint.pt"], "is missing"),
        (["--loop.step=3"], "loop.step"),
        (["--loop.out=/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(call: Call, arguments: list[str], says: str) -> None:
    code, line = call(*arguments)
    assert code == 2
    assert says in line
    assert "Error:" not in line


def test_a_size_that_a_generator_cannot_take_is_refused_with_one_that_it_can(call: Call) -> None:
    code, line = call("--data.image_size=63", train=cyclegan.train)
    assert (code, "multiple of 8" in line) == (2, True)


def test_ctrl_c_saves_and_leaves_no_wish_to_stop_behind(call: Call, tmp_path: Path) -> None:
    assert call(train=stopped_after_a_step)[0] == 130
    assert not (tmp_path / "run" / STOP_FILE).exists()


def test_a_full_disk_is_a_sentence(call: Call) -> None:
    code, line = call(train=without_room)
    assert (code, line.startswith("The disk is full")) == (2, True)
