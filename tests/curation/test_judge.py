"""Judging a library as a whole: what is done stays done, and each image costs itself only.

Quick stand-ins for MediaPipe; `tests/curation/analysis/test_analyse.py` runs the real one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.processes.lock import share
from core.processes.workers import Limits
from curation import judge
from curation.analysis.pictures import has_pictures, remove_unfinished
from curation.judge import JudgeConfig, JudgeSummary, LibraryInUse, judge_library
from curation.library.library import Library
from curation.library.records import Provenance
from curation.manifest import LOCK, lock_folder
from tests.curation.planted_analyser import VERSIONS, TinyAnalyser, original_of, tiny_png

IMAGES = 8
QUICK = JudgeConfig(workers=1, limits=Limits(timeout_s=30))


class Workplace:
    """A library with some images, and a diary of which ones were worked on."""

    def __init__(self, folder: Path) -> None:
        self.library = Library.open(folder / "library")
        self.diary = folder / "diary"
        self.ids = [self.add(tiny_png(number)) for number in range(IMAGES)]

    def add(self, data: bytes) -> str:
        original = original_of(data)
        self.library.add(original, Provenance("upload", name="a.png"))
        return str(original.id)

    def judge(self, config: JudgeConfig = QUICK, **planted: tuple[str, ...]) -> JudgeSummary:
        self.diary.write_text("")
        return judge_library(
            self.library, config, setup=TinyAnalyser(self.library.root, self.diary, **planted)
        )

    def worked_on(self) -> list[str]:
        return self.diary.read_text().split()

    def status(self) -> dict[str, str]:
        return dict(self.library.table()["status"].astype(str))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, landmarker_path: Path) -> Iterator[Workplace]:
    monkeypatch.setattr(judge, "current_versions", lambda: VERSIONS)
    found = Workplace(tmp_path)
    yield found
    found.library.close()


def test_every_image_is_examined_once_and_has_its_pictures(workplace: Workplace) -> None:
    summary = workplace.judge()
    assert sorted(workplace.worked_on()) == sorted(workplace.ids)
    assert workplace.status() == dict.fromkeys(workplace.ids, "ok")
    assert (summary.examined, summary.by_status, summary.duplicate_groups) == (IMAGES, {"ok": IMAGES}, 0)
    assert all(has_pictures(workplace.library.files, image_id, "ok") for image_id in workplace.ids)


def test_a_second_run_works_on_nothing(workplace: Workplace) -> None:
    workplace.judge()
    revision = workplace.library.revision()
    summary = workplace.judge()
    assert workplace.worked_on() == []
    assert (summary.examined, summary.duplicate_groups) == (0, None)
    assert workplace.library.revision() == revision


def test_new_images_are_examined_and_no_others(workplace: Workplace) -> None:
    workplace.judge()
    new = workplace.add(tiny_png(99))
    workplace.judge()
    assert workplace.worked_on() == [new]


def test_another_version_examines_everything_anew(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.judge()
    monkeypatch.setattr(judge, "current_versions", lambda: '{"examiner":"tiny 2"}')
    setup = TinyAnalyser(workplace.library.root, workplace.diary, versions='{"examiner":"tiny 2"}')
    workplace.diary.write_text("")
    assert judge_library(workplace.library, QUICK, setup=setup).examined == IMAGES


def test_lost_and_damaged_pictures_are_made_again(workplace: Workplace) -> None:
    workplace.judge()
    files, ids = workplace.library.files, workplace.ids
    victims = (files.crop(ids[3]), files.sketch(ids[4]), files.thumb(ids[5]))
    whole = [path.read_bytes() for path in victims]
    victims[0].unlink()
    victims[1].write_bytes(whole[1][:-3])
    victims[2].write_bytes(b"")
    workplace.judge()
    assert sorted(workplace.worked_on()) == sorted(ids[3:6])
    assert [path.read_bytes() for path in victims] == whole


def test_a_corrected_image_is_examined_with_its_correction(workplace: Workplace) -> None:
    workplace.judge()
    corrected = ((2.0, 1.0), (5.0, 1.0), (3.0, 4.0))
    workplace.library.correct_alignment(workplace.ids[2], corrected, "ada")
    workplace.judge()
    assert workplace.worked_on() == [workplace.ids[2]]
    examination = workplace.library.examination(workplace.ids[2])
    assert examination is not None
    assert examination.anchors == corrected


def test_bad_images_cost_themselves_only_and_are_tried_again_when_asked(workplace: Workplace) -> None:
    ids = workplace.ids
    limits = Limits(timeout_s=4)
    workplace.judge(replace(QUICK, limits=limits), hang_on=(ids[2],), die_on=(ids[5],))
    assert workplace.status() == {**dict.fromkeys(ids, "ok"), ids[2]: "timeout", ids[5]: "crashed"}
    failed = workplace.library.examination(ids[2])
    assert failed is not None
    assert "not done within 4 s" in failed.detail
    workplace.judge()
    assert workplace.worked_on() == []
    workplace.judge(replace(QUICK, retry_failed=True))
    assert sorted(workplace.worked_on()) == sorted((ids[2], ids[5]))
    assert workplace.status() == dict.fromkeys(ids, "ok")


def test_a_worker_killed_half_way_costs_nothing(workplace: Workplace) -> None:
    summary = workplace.judge(die_once_on=(workplace.ids[4],))
    assert summary.by_status == {"ok": IMAGES}
    assert workplace.worked_on().count(workplace.ids[4]) == 2


def test_a_vanished_or_changed_original_is_told_and_nothing_else_suffers(workplace: Workplace) -> None:
    gone, changed = workplace.ids[1], workplace.ids[6]
    workplace.library.files.original(gone).unlink()
    workplace.library.files.original(changed).write_bytes(tiny_png(50))
    workplace.judge()
    assert workplace.status() == {
        **dict.fromkeys(workplace.ids, "ok"),
        gone: "unreadable",
        changed: "unreadable",
    }
    examinations = workplace.library.examinations([gone, changed])
    assert "is gone" in examinations[gone].detail
    assert "has changed" in examinations[changed].detail


def test_a_full_disk_stops_the_run_and_loses_nothing(workplace: Workplace) -> None:
    with pytest.raises(OSError, match="No space left"):
        workplace.judge(full_at=(workplace.ids[5],))
    workplace.judge()
    assert workplace.status() == dict.fromkeys(workplace.ids, "ok")


def test_duplicates_are_found_among_old_and_new_images(workplace: Workplace) -> None:
    workplace.judge()
    copy = workplace.add(tiny_png(77, like=3))
    assert workplace.judge().duplicate_groups == 1
    groups = workplace.library.table()["duplicate_group"].astype(str)
    assert set(groups.index[groups == groups[copy]]) == {copy, workplace.ids[3]}


def test_duplicates_of_a_run_that_was_killed_before_it_searched_are_found_by_the_next(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.add(tiny_png(77, like=3))

    def die(_library: Library) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(judge, "group_duplicates", die)
        workplace.judge()
    summary = workplace.judge()
    assert (summary.examined, summary.duplicate_groups) == (0, 1)


def test_a_second_run_at_the_same_time_is_told_so(workplace: Workplace) -> None:
    folder = workplace.library.root / "jobs"
    folder.mkdir(exist_ok=True)
    with lock_folder(folder), pytest.raises(LibraryInUse, match="is being judged already"):
        workplace.judge()
    workplace.judge()


def test_shards_share_the_work_and_leave_duplicates_to_the_run_after_them(workplace: Workplace) -> None:
    workplace.add(tiny_png(77, like=3))
    worked: list[str] = []
    for number in (1, 2, 3):
        summary = workplace.judge(replace(QUICK, shard=(number, 3)))
        worked += workplace.worked_on()
        assert (summary.examined, summary.duplicate_groups) == (len(workplace.worked_on()), None)
        assert workplace.judge(replace(QUICK, shard=(number, 3))).examined == 0
    assert len(worked) == len(set(worked)) == IMAGES + 1
    assert judge.waiting(workplace.library) == {"pending": 0, "undecided": IMAGES + 1}
    assert workplace.judge().duplicate_groups == 1


def test_shards_run_beside_each_other_but_not_beside_a_whole_run(workplace: Workplace) -> None:
    folder = workplace.library.root / "jobs"
    folder.mkdir(exist_ok=True)
    with share(folder / LOCK, "a shard"):
        workplace.judge(replace(QUICK, shard=(2, 2)))
        with pytest.raises(LibraryInUse, match="is being judged already"):
            workplace.judge()
    with lock_folder(folder), pytest.raises(LibraryInUse, match="is being judged already"):
        workplace.judge(replace(QUICK, shard=(1, 2)))


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_shard_that_is_none_is_a_wrong_argument(shard: str, tmp_path: Path) -> None:
    command = ["--library", str(tmp_path / "library"), "--shard", shard]
    try:
        code = judge.main(command)
    except SystemExit as error:  # argparse's way
        code = int(str(error.code))
    assert code == 2


def test_progress_counts_up_to_the_number_of_pending_images(workplace: Workplace) -> None:
    calls: list[tuple[int, int]] = []
    setup = TinyAnalyser(workplace.library.root, workplace.diary)
    judge_library(workplace.library, QUICK, setup=setup, progress=lambda *call: calls.append(call))
    assert calls[0] == (0, IMAGES)
    assert calls[-1] == (IMAGES, IMAGES)


def test_pictures_of_an_image_that_was_deleted_meanwhile_do_not_stay(workplace: Workplace) -> None:
    workplace.judge()
    gone = workplace.ids[0]
    found = workplace.library.examination(gone)
    assert found is not None
    workplace.library.files.original(gone).unlink()
    judge.save(workplace.library, [found])
    assert not workplace.library.files.crop(gone).exists()
    assert not workplace.library.files.thumb(gone).exists()


def test_old_temporary_files_are_removed_and_young_ones_left(workplace: Workplace) -> None:
    workplace.judge()
    crop = workplace.library.files.crop(workplace.ids[0])
    old, young = crop.with_name(f".{crop.name}.old"), crop.with_name(f".{crop.name}.young")
    for path in (old, young):
        path.write_bytes(b"part")
    os.utime(old, (time.time() - 3600,) * 2)
    remove_unfinished(workplace.library.root)
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize(
    ("arguments", "says"), [(["--workers", "0"], "at least one worker"), (["--timeout", "-1"], "time limit")]
)
def test_wrong_arguments_end_with_2_and_a_sentence(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge.main(["--library", str(tmp_path / "library"), *arguments]) == 2
    assert says in capsys.readouterr().err


def test_the_command_judges_an_empty_library_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], landmarker_path: Path
) -> None:
    progress = tmp_path / "progress.json"
    arguments = ["--library", str(tmp_path / "library"), "--progress-file", str(progress), "--json"]
    assert judge.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["examined"] == 0
    assert json.loads(progress.read_text())["phase"] == "judging"
