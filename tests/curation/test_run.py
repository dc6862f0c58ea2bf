"""A run as a whole: what is done stays done, and each file costs itself only.

Quick stand-ins for MediaPipe; `test_pairs` runs the real one.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import assets
from core.processes.workers import Limits
from core.training.splits import read_manifest
from curation import run
from curation.manifest import MANIFEST, lock_folder
from curation.prepare import Gates, current_versions
from curation.run import Config, Summary, curate
from tests.conftest import ROOT
from tests.curation.planted import TinyPairs

FILES = tuple(f"{number:02d}.jpg" for number in range(8))


class Workplace:
    """A source folder, an output folder, and a diary of which files were worked on."""

    def __init__(self, folder: Path) -> None:
        self.source, self.out, self.diary = folder / "source", folder / "out", folder / "diary"
        self.source.mkdir()
        for name in FILES:
            (self.source / name).write_bytes(name.encode())

    def run(self, config: Config | None = None, **planted: tuple[str, ...]) -> Summary:
        self.diary.write_text("")
        config = replace(config or Config(), workers=1)  # a second takes longer to start than to work
        versions = current_versions(config.gates, assets.FACE_LANDMARKER.sha256)
        return curate(
            self.source, self.out, config, setup=TinyPairs(self.out, versions, self.diary, **planted)
        )

    def worked_on(self) -> list[str]:
        return sorted(self.diary.read_text().split())

    def status(self) -> dict[str, str]:
        return {
            record["source"]: record["reason"]["code"] if record["reason"] else record["status"]
            for record in read_manifest(self.out)
        }

    def pairs(self) -> set[str]:
        photos = {path.name for path in (self.out / "photos").iterdir()}
        assert {path.name for path in (self.out / "sketches").iterdir()} == photos
        return photos


@pytest.fixture
def workplace(tmp_path: Path, landmarker_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_every_file_gets_a_record_and_the_kept_ones_a_pair(workplace: Workplace) -> None:
    summary = workplace.run(no_face_in=("03.jpg",))
    assert workplace.status() == {**dict.fromkeys(FILES, "kept"), "03.jpg": "no_face"}
    assert workplace.pairs() == {f"{name[:2]}.png" for name in FILES} - {"03.png"}
    assert (summary.files, summary.kept, summary.left_out, summary.done) == (8, 7, 1, 8)
    assert summary.left_out_by_reason == {"no_face": 1}


def test_a_second_run_works_on_nothing(workplace: Workplace) -> None:
    workplace.run(no_face_in=("03.jpg",))
    before = (workplace.out / MANIFEST).read_bytes()
    summary = workplace.run()
    assert workplace.worked_on() == []
    assert (summary.done, summary.reused) == (0, 8)
    assert (workplace.out / MANIFEST).read_bytes() == before


def test_new_and_changed_files_are_done_and_no_others(workplace: Workplace) -> None:
    workplace.run()
    (workplace.source / "02.jpg").write_bytes(b"02.png")  # as long as before
    (workplace.source / "new.jpg").write_bytes(b"new")
    workplace.run(no_face_in=("02.jpg",))
    assert workplace.worked_on() == ["02.jpg", "new.jpg"]
    assert workplace.status()["02.jpg"] == "no_face"
    assert "02.png" not in workplace.pairs()


def test_changed_limits_are_applied_to_every_file(workplace: Workplace) -> None:
    workplace.run()
    workplace.run(Config(gates=Gates(max_yaw=10)))
    assert workplace.worked_on() == sorted(FILES)


@pytest.mark.parametrize(
    ("folder", "damage"), [("photos", "delete"), ("photos", "empty"), ("sketches", "cut")]
)
def test_a_lost_or_damaged_output_is_made_again(workplace: Workplace, folder: str, damage: str) -> None:
    workplace.run()
    victim = workplace.out / folder / "05.png"
    whole = victim.read_bytes()
    if damage == "delete":
        victim.unlink()
    else:
        victim.write_bytes(b"" if damage == "empty" else whole[:-5])
    workplace.run()
    assert workplace.worked_on() == ["05.jpg"]
    assert victim.read_bytes() == whole


def test_a_file_that_is_gone_loses_its_pair(workplace: Workplace) -> None:
    workplace.run()
    (workplace.source / "04.jpg").unlink()
    summary = workplace.run()
    assert summary.files == 7
    assert "04.jpg" not in workplace.status()
    assert "04.png" not in workplace.pairs()


def test_equal_stems_do_not_overwrite_each_other(workplace: Workplace) -> None:
    (workplace.source / "deep").mkdir()
    (workplace.source / "deep/00.jpg").write_bytes(b"another")
    (workplace.source / "00.png").write_bytes(b"a third")
    workplace.run()
    names = {record["source"]: record["name"] for record in read_manifest(workplace.out)}
    assert len(set(names.values())) == len(names) == 10
    assert len(workplace.pairs()) == 10
    workplace.run()
    assert {record["source"]: record["name"] for record in read_manifest(workplace.out)} == names


def test_a_file_that_hangs_costs_that_file_only(workplace: Workplace) -> None:
    limits = Limits(timeout_s=4)
    workplace.run(Config(limits=limits), hang_on=("02.jpg",))
    assert workplace.status() == {**dict.fromkeys(FILES, "kept"), "02.jpg": "timeout"}
    workplace.run(Config(limits=limits))
    assert workplace.worked_on() == []  # it would hang again
    workplace.run(Config(limits=limits, retry_failed=True))
    assert workplace.worked_on() == ["02.jpg"]
    assert workplace.status() == dict.fromkeys(FILES, "kept")


def test_a_file_that_kills_its_worker_is_tried_twice_and_costs_that_file_only(workplace: Workplace) -> None:
    workplace.run(die_on=("02.jpg",))
    assert workplace.worked_on() == sorted((*FILES, "02.jpg"))
    assert workplace.status() == {**dict.fromkeys(FILES, "kept"), "02.jpg": "crashed"}


def test_a_full_disk_stops_the_run_and_loses_nothing(workplace: Workplace) -> None:
    with pytest.raises(OSError, match="No space left"):
        workplace.run(full_at=("05.jpg",))
    done = set(workplace.worked_on())
    recorded = {record["source"] for record in read_manifest(workplace.out)}
    assert recorded
    assert recorded < done
    summary = workplace.run()
    assert not recorded & set(workplace.worked_on())
    assert summary.kept == 8


def test_temporary_files_of_a_killed_run_are_removed(workplace: Workplace) -> None:
    workplace.run()
    left = [
        workplace.out / "photos/.01.png.abc",
        workplace.out / "sketches/.01.png.x1",
        workplace.out / ".manifest.jsonl.q",
    ]
    for path in left:
        path.write_bytes(b"part")
    workplace.run()
    assert not any(path.exists() for path in left)


def test_progress_counts_up_to_the_number_of_files(workplace: Workplace) -> None:
    workplace.run()
    (workplace.source / "new.jpg").write_bytes(b"new")
    versions = current_versions(Gates(), assets.FACE_LANDMARKER.sha256)
    calls: list[tuple[int, int]] = []
    curate(
        workplace.source,
        workplace.out,
        progress=lambda done, total: calls.append((done, total)),
        setup=TinyPairs(workplace.out, versions, workplace.diary),
    )
    assert calls == [(8, 9), (9, 9)]


def test_another_source_folder_cannot_take_over_the_pairs(workplace: Workplace, tmp_path: Path) -> None:
    workplace.run()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/00.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match="holds pairs made from"):
        curate(tmp_path / "other", workplace.out)
    assert len(workplace.pairs()) == 8


def test_an_output_inside_the_source_is_not_curated(workplace: Workplace) -> None:
    workplace.out = workplace.source / "pairs"
    workplace.run()
    assert workplace.run().files == len(FILES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing", "--out", "out"], "is no folder"),
        (["file", "--out", "out"], "is no folder"),
        (["empty", "--out", "out"], "holds no files"),
        (["full", "--out", "file"], "is a file"),
        (["full", "--out", "full"], "both input and output"),
        (["full", "--out", "out", "--max-yaw", "0"], "yaw limit"),
        (["full", "--out", "out", "--max-yaw", "nan"], "yaw limit"),
        (["full", "--out", "out", "--max-stretch", "0.5"], "stretch limit"),
        (["full", "--out", "out", "--max-stretch", "inf"], "stretch limit"),
        (["full", "--out", "out", "--workers", "0"], "at least one worker"),
        (["full", "--out", "out", "--timeout", "-1"], "time limit"),
    ],
)
def test_wrong_arguments_end_with_2_and_a_sentence(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a.jpg").write_bytes(b"a")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert run.main(arguments) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_second_run_into_the_same_folder_is_told_so(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    workplace.run()
    with lock_folder(workplace.out):
        assert run.main([str(workplace.source), "--out", str(workplace.out)]) == 1
    assert "Another run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "says"), [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "Permission denied")]
)
def test_an_output_that_cannot_be_written_is_one_sentence(
    code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), "photos/a.png")

    monkeypatch.setattr(run, "curate", fail)
    assert run.main(["a", "--out", "b"]) == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert says in message
    assert "Traceback" not in message


def test_a_run_killed_at_any_time_goes_on_where_it_was(tmp_path: Path, landmarker_path: Path) -> None:
    workplace = Workplace(tmp_path)
    command = [sys.executable, "-m", "tests.curation.killed_run"]
    folders = map(str, (workplace.source, workplace.out, workplace.diary))
    with subprocess.Popen([*command, *folders], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.kill()
    with (workplace.out / MANIFEST).open("ab") as file:
        file.write(b'{"name": "06", "sou')  # as a kill in the middle of a write leaves it
    recorded = {record["source"] for record in read_manifest(workplace.out)}
    assert len(recorded) == 4
    summary = workplace.run()
    assert summary.kept == summary.files == 8
    assert sorted(recorded | set(workplace.worked_on())) == sorted(FILES)
    assert not recorded & set(workplace.worked_on())
    assert len(workplace.pairs()) == 8
