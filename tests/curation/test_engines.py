"""Both engines keep the same promises, and give the same result."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import assets
from core.processes.workers import Limits, WorkerStartError
from curation import engines, judge, run
from curation.judge import JudgeConfig
from curation.library.library import Library
from curation.library.records import Examination, Provenance
from curation.manifest import MANIFEST
from curation.prepare import Gates, current_versions
from curation.run import Config, curate
from tests.curation import planted
from tests.curation.planted_analyser import VERSIONS, TinyAnalyser, original_of, tiny_png

PHOTOS = ("0001.jpg", "0042.jpg", "0137.jpg", "0420.jpg", "0803.jpg", "0810.jpg")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One cluster of two workers for the tests that do not start their own."""
    from curation.ray_engine import cluster

    with cluster(workers=2):
        yield


@pytest.fixture(params=engines.ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "ray":
        request.getfixturevalue("cluster")
    return str(request.param)


def outcomes_of(engine: str, tasks: list[str], **limits: Any) -> dict[str, Any]:
    found = list(engines.run(engine, tasks, planted.trouble, workers=2, limits=Limits(**limits)))
    assert sorted(outcome.task for outcome in found) == sorted(tasks)  # each once
    return {outcome.task: outcome for outcome in found}


def test_every_task_is_done_once_in_other_processes(engine: str) -> None:
    outcomes = list(engines.run(engine, range(40), planted.echo, workers=2))
    assert sorted(outcome.task for outcome in outcomes) == list(range(40))
    assert os.getpid() not in {outcome.result[1] for outcome in outcomes}


def test_bad_tasks_cost_themselves_only(engine: str) -> None:
    outcomes = outcomes_of(engine, ["a", "hang", "b", "die", "c", "raise", "d"], timeout_s=2)
    assert [outcomes[task].result for task in "abcd"] == ["A", "B", "C", "D"]
    assert (outcomes["hang"].failure, "2 s" in outcomes["hang"].detail) == ("timeout", True)
    assert outcomes["die"].failure == "crashed"
    assert (outcomes["raise"].failure, "KeyError" in outcomes["raise"].detail) == ("crashed", True)


def test_workers_are_replaced_after_their_share(engine: str) -> None:
    limits = Limits(tasks_per_worker=3)
    outcomes = list(engines.run(engine, range(7), planted.echo, workers=1, limits=limits))
    workers = [outcome.result[1] for outcome in outcomes]
    assert sorted(workers.count(worker) for worker in set(workers)) == [1, 3, 3]


def test_a_full_disk_stops_everything(engine: str) -> None:
    with pytest.raises(OSError, match="No space left"):
        list(engines.run(engine, ["a", "full", "b"], planted.trouble, workers=2))


@pytest.mark.parametrize("setup", [planted.unable, planted.stillborn])
def test_workers_that_cannot_start_are_one_error(engine: str, setup: Any) -> None:
    with pytest.raises(WorkerStartError):
        list(engines.run(engine, ["a", "b"], setup, workers=1))


def test_no_task_needs_no_worker(engine: str) -> None:
    assert list(engines.run(engine, [], planted.unable, workers=2)) == []


def test_a_worker_killed_half_way_is_replaced_and_its_task_done(engine: str) -> None:
    jobs = engines.run(engine, range(30), planted.echo, workers=2)
    outcomes = [next(jobs) for _ in range(10)]
    victim = outcomes[-1].result[1]
    os.kill(victim, signal.SIGKILL)
    outcomes += jobs
    assert sorted(outcome.task for outcome in outcomes) == list(range(30))
    assert {outcome.failure for outcome in outcomes} == {None}
    last = outcomes[-1].result[1]
    assert last != victim


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="local or ray, got 'spark'"):
        engines.run("spark", ["a"], planted.echo, workers=1)
    with pytest.raises(ValueError, match="local or ray"):
        Config(engine="spark")


def test_a_machine_without_ray_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "curation.ray_engine", raising=False)
    with pytest.raises(WorkerStartError, match="pip install ray"):
        engines.run("ray", ["a"], planted.echo, workers=1)


def test_at_least_one_worker_is_needed(engine: str) -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        list(engines.run(engine, ["a"], planted.echo, workers=0))


def test_both_engines_give_the_same_manifest_and_the_same_pairs_from_real_photos(
    tmp_path: Path, omi_dir: Path, landmarker_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: None
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in PHOTOS:
        (source / name).write_bytes((omi_dir / name).read_bytes())
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    monkeypatch.chdir(tmp_path)  # where an actor works is another folder
    for engine in engines.ENGINES:
        assert run.main(["source", "--out", engine, "--engine", engine, "--workers", "2", "--json"]) == 0
    local, other = tmp_path / "local", tmp_path / "ray"
    assert (local / MANIFEST).read_bytes() == (other / MANIFEST).read_bytes()
    pairs = sorted(path.relative_to(local) for path in local.glob("*/*.png"))
    assert len(pairs) == 10  # one head is turned too far, one file is broken
    assert all((local / pair).read_bytes() == (other / pair).read_bytes() for pair in pairs)


def test_a_run_with_an_actor_killed_half_way_has_the_manifest_of_an_undisturbed_one(
    tmp_path: Path, landmarker_path: Path, cluster: None, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(8):
        (source / f"{number}.jpg").write_bytes(bytes([number]))
    versions = current_versions(Gates(), assets.FACE_LANDMARKER.sha256)

    def manifest_of(engine: str, **trouble: Any) -> bytes:
        out, diary = tmp_path / engine, tmp_path / f"{engine}.diary"
        setup = planted.TinyPairs(out, versions, diary, **trouble)
        summary = curate(source, out, Config(engine=engine, workers=2), setup=setup)
        assert (summary.kept, len(diary.read_text().split())) == (8, 8 + len(trouble))
        return (out / MANIFEST).read_bytes()

    assert manifest_of("ray", die_once_on=("4.jpg",)) == manifest_of("local")
    assert capfd.readouterr().out == ""  # Ray's own words would spoil a command's answers


def test_a_library_judged_on_ray_with_an_actor_killed_equals_one_judged_here(
    tmp_path: Path, landmarker_path: Path, cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "current_versions", lambda: VERSIONS)
    pictures = [original_of(tiny_png(number)) for number in range(8)]

    def rows_of(engine: str, **trouble: Any) -> list[Examination]:
        with Library.open(tmp_path / engine) as library:
            library.add_many([(picture, Provenance("upload")) for picture in pictures])
            setup = TinyAnalyser(library.root, tmp_path / f"{engine}.diary", **trouble)
            config = JudgeConfig(engine=engine, workers=2)
            assert judge.judge_library(library, config, setup=setup).by_status == {"ok": len(pictures)}
            return list(library.examinations(sorted(library.table().index)).values())

    assert rows_of("ray", die_once_on=(pictures[4].id,)) == rows_of("local")
