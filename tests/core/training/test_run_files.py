"""What a run has written, as far as it can be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.training.runs import (
    is_run,
    log_tail,
    read_losses,
    samples,
    saved_step,
    size_on_disk,
)


def test_losses_are_read_as_far_as_they_are_whole(tmp_path: Path) -> None:
    lines = [
        json.dumps({"step": 1, "generator/l1": 2.0}),
        json.dumps({"step": 2, "generator/l1": 1.0, "generator/new": 5}),
        "[]",
        "not json",
        json.dumps({"generator/l1": 1.0}),
        '{"step": 3, "generator/l1": NaN}',
        '{"step": 4, "generat',
    ]
    (tmp_path / "losses.jsonl").write_text("\n".join(lines))
    losses = read_losses(tmp_path)
    assert list(losses.steps) == [1, 2, 3]
    np.testing.assert_array_equal(losses.values["generator/l1"], [2.0, 1.0, np.nan])
    np.testing.assert_array_equal(losses.values["generator/new"], [np.nan, 5.0, np.nan])


def test_a_step_that_was_logged_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "losses.jsonl").write_text(
        '{"step": 2, "a/b": 1}\n{"step": 1, "a/b": 3}\n{"step": 2, "a/b": 7}\n'
    )
    losses = read_losses(tmp_path)
    assert list(losses.steps) == [1, 2]
    assert list(losses.values["a/b"]) == [3, 7]


def test_losses_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    (tmp_path / "losses.jsonl").mkdir()
    assert len(read_losses(tmp_path)) == 0


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert len(read_losses(tmp_path)) == 0
    assert samples(tmp_path) == {}
    assert (saved_step(tmp_path), log_tail(tmp_path / "log")) == (0, "")
    assert not is_run(tmp_path)
    assert size_on_disk(tmp_path) == 0


def test_pictures_come_in_the_order_of_their_steps(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    for name in ("1000000.png", "000020.png", "000003.png", "notes.png", ".000004.png.x1"):
        (folder / name).touch()
    assert list(samples(tmp_path)) == [3, 20, 1_000_000]


def test_a_log_ends_with_its_last_lines_and_the_last_state_of_a_bar(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first\n\nbar 1%\rbar 2%\rbar 3%\nlast \xff\n")
    assert log_tail(log, 2) == "bar 3%\nlast \ufffd"
