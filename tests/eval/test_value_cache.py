"""Values that are not worked out twice."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from eval import value_cache as module
from eval.comparison.result import Column, Estimate
from eval.comparison.score_columns import Numbers
from eval.value_cache import ValueCache

KEY = ["digest", ("a", 1), 0.5]


@pytest.fixture
def cache(tmp_path: Path) -> ValueCache:
    return ValueCache(tmp_path / "cache" / "values.sqlite")


def numbers(value: float = 1 / 3) -> Numbers:
    found = Numbers(settings={"n": 3, "alpha": 0.05, "is_paired": True, "note": "x"})
    column = Column(key="fd", title="FD", unit="", higher_is_better=False, per_case=False)
    found.add_values(column, {"a": Estimate(value=value, low=None)})
    return found


def refuse() -> Numbers:
    raise AssertionError("it was worked out again")


def test_an_answer_comes_back_exactly(cache: ValueCache) -> None:
    first = cache.get(Numbers, KEY, numbers)
    again = cache.get(Numbers, KEY, refuse)
    assert again == first == numbers()
    assert [type(one) for one in again.settings.values()] == [int, float, bool, str]


def test_another_key_is_another_answer(cache: ValueCache) -> None:
    cache.get(Numbers, KEY, numbers)
    assert cache.get(Numbers, [*KEY[:2], 0.6], lambda: numbers(2.0)) == numbers(2.0)


def test_mended_formulas_answer_anew(cache: ValueCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.get(Numbers, KEY, numbers)
    monkeypatch.setattr(module, "FORMULAS", module.FORMULAS + 1)
    assert cache.get(Numbers, KEY, lambda: numbers(2.0)) == numbers(2.0)


@pytest.mark.parametrize("damaged", ['{"columns": [', json.dumps({"columns": 1})])
def test_a_damaged_answer_is_worked_out_again(cache: ValueCache, damaged: str) -> None:
    cache.get(Numbers, KEY, numbers)
    assert cache.file is not None
    with sqlite3.connect(cache.file) as base:
        base.execute("UPDATE cached SET value = ?", (damaged,))
    assert cache.get(Numbers, KEY, numbers) == numbers()
    assert cache.get(Numbers, KEY, refuse) == numbers()


def test_kinds_do_not_mix_and_what_is_gone_is_forgotten(cache: ValueCache) -> None:
    cache.keep("a", {"x": 1, "y": [2.5, None]})
    cache.keep("b", {"x": 3}, gone=["y"])
    assert cache.find("a", ["x", "y", "z"]) == cache.all("a") == {"x": 1, "y": [2.5, None]}
    cache.keep("a", {}, gone=["x"])
    assert (cache.all("a"), cache.all("b")) == ({"y": [2.5, None]}, {"x": 3})


def test_the_oldest_go_first(tmp_path: Path) -> None:
    cache = ValueCache(tmp_path / "values.sqlite", max_rows=3)
    for number in range(5):
        cache.keep("a", {str(number): number})
    assert list(cache.all("a")) == ["2", "3", "4"]


def test_a_file_of_another_format_is_emptied(cache: ValueCache) -> None:
    assert cache.file is not None
    cache.file.parent.mkdir()
    with sqlite3.connect(cache.file) as base:
        base.execute("CREATE TABLE scores (key TEXT PRIMARY KEY, content TEXT)")
    cache.keep("a", {"x": 1})
    assert cache.all("a") == {"x": 1}
    with sqlite3.connect(cache.file) as base:
        assert base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("cached",)]


def test_without_a_file_nothing_is_kept() -> None:
    cache = ValueCache(None)
    cache.keep("a", {"x": 1})
    assert cache.all("a") == {}
