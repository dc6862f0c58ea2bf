"""Ranks, ties, and what may be called best."""

import pytest

from eval.comparison.result import Estimate, PairResult, Standing
from eval.significance.value_trust import ranking


def pair(first: str, second: str, is_separated: bool) -> PairResult:
    return PairResult(
        column="fid",
        first=first,
        second=second,
        difference=Estimate(value=0.0),
        p=None,
        p_adjusted=None,
        is_separated=is_separated,
        is_paired=True,
        needed=None,
    )


def place(values: dict[str, float | None], separated: str) -> dict[str, Standing]:
    """Standings of models a, b, c, of which these pairs ("ab ac") are separated."""
    pairs = [pair(*both, is_separated="".join(both) in separated.split()) for both in ("ab", "ac", "bc")]
    return {one.model: one for one in ranking(values, pairs, column="fid", higher_is_better=False)}


def test_all_separated_are_ranked_by_value() -> None:
    found = place({"a": 3.0, "b": 1.0, "c": 2.0}, "ab ac bc")
    assert [(name, one.rank, one.is_best) for name, one in found.items()] == [
        ("b", 1, True),
        ("c", 2, False),
        ("a", 3, False),
    ]


def test_none_separated_are_all_first_and_none_is_best() -> None:
    found = place({"a": 3.0, "b": 1.0, "c": 2.0}, "")
    assert {(one.rank, one.is_best, len(one.tied_with)) for one in found.values()} == {(1, False, 2)}


def test_ties_need_not_be_mutual() -> None:
    found = place({"a": 1.0, "b": 2.0, "c": 3.0}, "ac")  # a ties with b and b with c, but a beats c
    assert {name: one.rank for name, one in found.items()} == {"a": 1, "b": 1, "c": 2}
    assert found["b"].tied_with == ("a", "c")


def test_separated_from_one_is_not_best() -> None:
    assert not place({"a": 1.0, "b": 2.0, "c": 3.0}, "ac bc")["a"].is_best


def test_the_best_may_leave_a_tie_behind() -> None:
    found = place({"a": 1.0, "b": 2.0, "c": 3.0}, "ab ac")
    assert found["a"].is_best and (found["b"].rank, found["c"].rank) == (2, 2)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_without_a_value_a_model_is_last(name: str) -> None:
    values: dict[str, float | None] = {"a": 1.0, "b": 2.0, "c": 3.0}
    found = place(values | {name: None}, "")
    assert found[name].rank == 3 and found[name].tied_with == ()
