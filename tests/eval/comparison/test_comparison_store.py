"""Kept and running comparisons; the jobs are real processes."""

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.processes.jobs import write_record
from core.processes.lock import hold
from eval.comparison import comparison_store
from eval.comparison.request import ComparisonRequest, GeneratorSource, write_request
from eval.comparison.result import write_comparison
from tests.eval.comparison.comparison_material import comparison, write_sets

OLD = "20260101-120000-abcdef"


def request_for(root: Path, **changes: object) -> ComparisonRequest:
    folders = write_sets(root / "sets", count=6, model=10)
    return ComparisonRequest(
        title="Mine", real=folders["real"], fakes={"model": folders["model"]}, metrics=("l1", "fid"),
        permutations=20, resamples=20, **changes,
    )  # fmt: skip


def wait(root: Path, entry_id: str) -> comparison_store.Entry:
    deadline = time.monotonic() + 240
    while (
        found := comparison_store.entry(root, entry_id)
    ).state == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_a_comparison_runs_in_the_background_to_its_result(tmp_path: Path) -> None:
    root = tmp_path / "comparisons"
    started = comparison_store.start(root, request_for(tmp_path))
    assert started.state == "running" and started.title == "Mine"
    done = wait(root, started.id)
    assert (done.state, done.message) == ("done", "")
    assert done.comparison is not None and done.comparison.models[0].name == "model"
    assert [one.id for one in comparison_store.entries(root)] == [started.id]


def test_one_that_fails_says_why(tmp_path: Path) -> None:
    root = tmp_path / "comparisons"
    request = request_for(tmp_path, protocol="fd_effnet_lite0_val99")
    failed = wait(root, comparison_store.start(root, request).id)
    assert failed.state == "failed"
    assert failed.message.startswith("fd_effnet_lite0_val99 takes 99 images, but there are 6.")


def test_one_that_failed_can_be_changed_and_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "comparisons"
    request = request_for(tmp_path, protocol="fd_effnet_lite0_val99")
    failed = wait(root, comparison_store.start(root, request).id)
    changed = request.model_copy(update={"protocol": "fd_effnet_lite0"})
    assert comparison_store.restart(root, failed.id, changed).id == failed.id
    done = wait(root, failed.id)
    assert (done.state, done.request) == ("done", changed)


def test_one_whose_process_was_killed_is_called_interrupted(tmp_path: Path) -> None:
    root = tmp_path / "comparisons"
    started = comparison_store.start(root, request_for(tmp_path))
    record = next(path for path in (started.folder / "job").glob("*.json") if "identity" in path.read_text())
    os.kill(json.loads(record.read_text())["identity"]["pid"], signal.SIGKILL)
    assert wait(root, started.id).state == "interrupted"


def test_a_running_one_can_be_cancelled(tmp_path: Path) -> None:
    root = tmp_path / "comparisons"
    started = comparison_store.start(root, request_for(tmp_path))
    assert comparison_store.cancel(root, started.id).state == "cancelled"


def test_a_path_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    request = ComparisonRequest(real=tmp_path / "nowhere", fakes={"m": tmp_path})
    with pytest.raises(ValueError, match="nowhere is not there"):
        comparison_store.start(tmp_path / "comparisons", request)
    assert comparison_store.entries(tmp_path / "comparisons") == []


def kept(root: Path, entry_id: str = OLD) -> Path:
    folder = root / entry_id
    write_request(folder, ComparisonRequest(title="Old", real=root, fakes={"a": root}))
    write_comparison(folder, comparison({"a": (1.0, 2.0)}))
    return folder


def test_kept_results_are_listed_newest_first(tmp_path: Path) -> None:
    kept(tmp_path)
    kept(tmp_path, "20260301-120000-abcdef")
    assert [one.created[:7] for one in comparison_store.entries(tmp_path)] == ["2026-03", "2026-01"]


def test_a_removed_one_is_gone(tmp_path: Path) -> None:
    folder = kept(tmp_path)
    comparison_store.remove(tmp_path, OLD)
    assert not folder.exists() and comparison_store.entries(tmp_path) == []
    with pytest.raises(ValueError, match="no comparison"):
        comparison_store.entry(tmp_path, OLD)


@pytest.mark.parametrize("name", ["..", ".cache", "../other", ""])
def test_no_other_folder_can_be_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / "root" / ".cache").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="no comparison"):
        comparison_store.remove(tmp_path / "root", name)
    assert (tmp_path / "root" / ".cache").is_dir() and (tmp_path / "other").is_dir()


def test_a_damaged_result_is_told_and_hides_no_other(tmp_path: Path) -> None:
    (kept(tmp_path) / "result.json").write_text("{")
    kept(tmp_path, "20260301-120000-abcdef")
    new, old = comparison_store.entries(tmp_path)
    assert new.state == "done" and old.state == "failed"
    assert "damaged" in old.message


def test_a_folder_without_a_job_or_result_was_interrupted(tmp_path: Path) -> None:
    write_request(tmp_path / OLD, ComparisonRequest(real=tmp_path, fakes={"a": tmp_path}))
    assert comparison_store.entry(tmp_path, OLD).state == "interrupted"


def test_a_job_of_another_day_that_ended_without_saying_was_interrupted(tmp_path: Path) -> None:
    write_request(tmp_path / OLD, ComparisonRequest(real=tmp_path, fakes={"a": tmp_path}))
    (tmp_path / OLD / "job").mkdir()
    write_record(
        tmp_path / OLD / "job" / "20260101-120000-000000-abcdef.json",
        {"kind": "comparison", "arguments": [], "started": "2026-01-01T12:00:00Z"},
    )
    assert comparison_store.entry(tmp_path, OLD).state == "interrupted"


def test_a_shipped_comparison_is_repeated_on_data_of_ones_own(tmp_path: Path) -> None:
    request = ComparisonRequest(
        real=Path("PAIRS"),
        training=Path("PAIRS"),
        fakes={"a": GeneratorSource(generator="a", data=Path("PAIRS"))},
    )
    mine = comparison_store.on_data(request, tmp_path)
    source = mine.fakes["a"]
    assert isinstance(source, GeneratorSource)
    assert mine.real == mine.training == source.data == tmp_path


def test_no_more_comparisons_than_are_allowed_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_COMPARISONS_AT_ONCE", "1")
    root = tmp_path / "comparisons"
    with hold(kept(root) / comparison_store.LOCK, "held"), monkeypatch.context() as patch:
        running = replace(comparison_store.entry(root, OLD), state="running", title="The old one")
        patch.setattr(comparison_store, "entries", lambda _root: [running])
        with pytest.raises(ValueError, match="The old one is running, and 1 at once"):
            comparison_store.start(root, request_for(tmp_path))
    assert [entry.id for entry in comparison_store.entries(root)] == [OLD]
