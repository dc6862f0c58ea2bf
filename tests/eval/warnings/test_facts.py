"""Facts are gathered once, and nothing about a picture stops that."""

from pathlib import Path

import pytest

from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from eval.warnings.facts import Facts, facts_of, gather
from tests.eval.warnings.warnings_material import (
    encoded,
    set_of,
)


def test_the_second_time_no_picture_is_decoded(
    good: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_of(tmp_path, "real", count=4)
    set_of(tmp_path, "a", count=4)
    seen = FileHashCache(tmp_path / "seen.sqlite")
    real, model = open_set(tmp_path / "real"), open_set(tmp_path / "a")
    first = gather(good.comparison, real, {"a": model}, seen=seen)

    def refuse(_: bytes) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("eval.warnings.facts.measure_picture", refuse)
    assert gather(good.comparison, real, {"a": model}, seen=seen) == first


def test_of_a_large_set_only_some_pictures_are_decoded(tmp_path: Path) -> None:
    set_of(tmp_path, "a", count=9)
    facts = facts_of("a", open_set(tmp_path / "a"), FileHashCache(None), max_looks=3)
    assert len(facts) == 9 and len(facts.looks) == 3


def test_a_damaged_picture_has_no_look_and_stops_nothing(tmp_path: Path) -> None:
    set_of(tmp_path, "a", lambda image, n: encoded(image, "PNG")[: 400 if n == 1 else None], count=3)
    assert len(facts_of("a", open_set(tmp_path / "a"), FileHashCache(None)).looks) == 2


def test_progress_reaches_the_number_of_pictures(good: Facts, tmp_path: Path) -> None:
    set_of(tmp_path, "real", count=4)
    set_of(tmp_path, "a", count=3)
    seen: list[tuple[int, int]] = []
    sets = open_set(tmp_path / "real"), {"a": open_set(tmp_path / "a")}
    gather(good.comparison, *sets, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7, 7)
