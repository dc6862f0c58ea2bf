"""What a column of per-case values says about its models."""

import math

import numpy as np
import pytest

from eval.trust.compare import compare_values
from eval.trust.trusted import Trusted
from eval.trust.value_trust import mean_interval

INPUTS = np.random.default_rng(0).normal(10, 3, 50)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, 50)


def compare(values: dict, **how: object) -> Trusted:
    settings: dict = {"column": "l1", "higher_is_better": False, "permutations": 999, "resamples": 300} | how
    return compare_values(values, **settings)


def test_scores_are_means_with_an_interval_around_them() -> None:
    score = compare({"a": INPUTS}).scores["a"]
    assert score.value == pytest.approx(INPUTS.mean())
    assert score.low < score.value < score.high
    assert score.error == pytest.approx(INPUTS.std(ddof=1) / np.sqrt(50))


def test_a_small_difference_on_the_same_inputs_is_found() -> None:
    found = compare({"a": INPUTS + noise(1), "b": INPUTS + 0.6 + noise(2)})
    pair = found.pairs[0]
    assert pair.is_separated and pair.is_paired and pair.p == pytest.approx(1 / 1000)
    assert found.standings[0].model == "a" and found.standings[0].is_best


def test_higher_may_be_better() -> None:
    found = compare({"a": INPUTS + noise(1), "b": INPUTS + 0.6 + noise(2)}, higher_is_better=True)
    assert (found.standings[0].model, found.standings[0].rank, found.standings[1].rank) == ("b", 1, 2)


def test_the_best_of_three_must_be_separated_from_both() -> None:
    found = compare({"a": INPUTS, "a too": INPUTS + 0.05 * noise(3), "bad": INPUTS + 3 + noise(2)})
    assert [(one.rank, one.is_best) for one in found.standings] == [(1, False), (1, False), (3, False)]


def test_cases_without_a_value_are_left_out_of_their_pairs_only() -> None:
    gaps = INPUTS.copy()
    gaps[:10] = math.nan
    found = compare({"a": INPUTS, "b": INPUTS + 1 + noise(1), "gaps": gaps})
    assert found.scores["gaps"].value == pytest.approx(INPUTS[10:].mean())
    assert found.pairs[1].difference.value == pytest.approx(0.0)  # a, gaps: equal where both are known


def test_none_is_a_missing_value_as_well() -> None:
    assert compare({"a": [1.0, None, 3.0]}).scores["a"].value == 2.0


def test_a_model_without_any_value_comes_last() -> None:
    found = compare({"none": [math.nan] * 50, "a": INPUTS, "b": INPUTS + 9})
    assert found.scores["none"].value is None
    assert [(one.model, one.rank) for one in found.standings] == [("a", 1), ("b", 2), ("none", 3)]
    assert found.pairs[0].p is None and found.pairs[0].difference.value is None


def test_equal_values_are_a_tie() -> None:
    pair = compare({"a": INPUTS, "b": INPUTS}).pairs[0]
    assert (pair.p, pair.is_separated, pair.difference.value, pair.needed) == (1.0, False, 0.0, None)


def test_a_constant_difference_is_certain() -> None:
    pair = compare({"a": INPUTS, "b": INPUTS - 1}).pairs[0]
    assert pair.is_separated and pair.difference.low == pytest.approx(1) == pair.difference.high


def test_few_values_are_never_separated() -> None:
    pair = compare({"a": [1.0, 2.0, 3.0], "b": [7.0, 8.0, 9.5]}).pairs[0]
    assert pair.p is None and not pair.is_separated


def test_what_would_separate_them_is_found_at_that_number() -> None:
    needed = compare({"a": INPUTS + noise(1), "b": INPUTS + 0.1 + noise(2)}).pairs[0].needed
    assert needed is not None and needed > 50
    rng, separated = np.random.default_rng(7), 0
    gap = (INPUTS + noise(1)).mean() - (INPUTS + 0.1 + noise(2)).mean()
    spread = float((noise(1) - noise(2)).std(ddof=1))
    for seed in range(60):
        values = {"a": rng.normal(gap, spread, needed), "b": np.zeros(needed)}
        separated += compare(values, permutations=199, seed=seed).pairs[0].is_separated
    assert 0.65 <= separated / 60 <= 0.95  # four times in five


def test_it_is_the_same_again() -> None:
    values = {"a": INPUTS + noise(1), "b": INPUTS + noise(2)}
    assert compare(values) == compare(values)
    assert compare(values, seed=1).pairs != compare(values).pairs


def test_a_skewed_mean_reaches_further_up() -> None:
    skewed = mean_interval(np.random.default_rng(3).exponential(1, 30))
    assert skewed.high - skewed.value > skewed.value - skewed.low


def test_unequal_numbers_of_cases_are_an_error() -> None:
    with pytest.raises(ValueError, match="a: 2, b: 1"):
        compare({"a": [1.0, 2.0], "b": [1.0]})


def test_infinite_values_are_an_error() -> None:
    with pytest.raises(ValueError, match="a: a value is infinite"):
        compare({"a": [1.0, math.inf]})
