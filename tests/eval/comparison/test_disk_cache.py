"""Answers that are not worked out twice."""

from pathlib import Path

import pytest

from eval.comparison import extraction as module
from eval.comparison.extraction import DiskCache
from eval.comparison.result import Column, Estimate
from eval.comparison.score_columns import Numbers

KEY = ["digest", ("a", 1), 0.5]


def numbers(value: float = 1 / 3) -> Numbers:
    found = Numbers(settings={"n": 3, "alpha": 0.05, "is_paired": True, "note": "x"})
    column = Column(key="fd", title="FD", unit="", higher_is_better=False, per_case=False)
    found.add_values(column, {"a": Estimate(value=value, low=None)})
    return found


def refuse() -> Numbers:
    raise AssertionError("it was worked out again")


def test_an_answer_comes_back_exactly(tmp_path: Path) -> None:
    first = DiskCache(tmp_path).get(Numbers, KEY, numbers)
    again = DiskCache(tmp_path).get(Numbers, KEY, refuse)
    assert again == first == numbers()
    assert [type(one) for one in again.settings.values()] == [int, float, bool, str]


def test_another_key_is_another_answer(tmp_path: Path) -> None:
    DiskCache(tmp_path).get(Numbers, KEY, numbers)
    assert DiskCache(tmp_path).get(Numbers, [*KEY[:2], 0.6], lambda: numbers(2.0)) == numbers(2.0)


def test_mended_formulas_answer_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DiskCache(tmp_path).get(Numbers, KEY, numbers)
    monkeypatch.setattr(module, "FORMULAS", module.FORMULAS + 1)
    assert DiskCache(tmp_path).get(Numbers, KEY, lambda: numbers(2.0)) == numbers(2.0)


def test_a_damaged_answer_is_worked_out_again(tmp_path: Path) -> None:
    DiskCache(tmp_path).get(Numbers, KEY, numbers)
    next(tmp_path.glob("*.json")).write_text('{"columns": [')
    assert DiskCache(tmp_path).get(Numbers, KEY, numbers) == numbers()
    assert DiskCache(tmp_path).get(Numbers, KEY, refuse) == numbers()
