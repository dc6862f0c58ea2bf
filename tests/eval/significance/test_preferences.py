"""Strengths from votes on pairs: what was planted is found again, and intervals cover it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from eval.significance.preferences import Outcome, compare_preferences, fit_bradley_terry

COLUMNS = ("strength", "won")
PLANTED = {"a": 1.0, "b": 0.2, "c": -0.3, "d": -0.9}  # mean 0


def votes_on(planted: dict[str, float], each: int, *, ties: float = 0.4, seed: int = 0) -> list[Outcome]:
    """Votes of people who decide as Davidson's model says."""
    found: list[Outcome] = []
    rng = np.random.default_rng(seed)
    for one, other in itertools.combinations(planted, 2):
        weights = np.exp([planted[one], planted[other], (planted[one] + planted[other]) / 2])
        weights[2] *= ties
        outcomes = rng.choice(3, each, p=weights / weights.sum())
        found += [(other, one, False) if outcome == 1 else (one, other, outcome == 2) for outcome in outcomes]
    return found


@pytest.mark.parametrize("ties", [0.0, 0.4])
def test_planted_strengths_are_recovered(ties: float) -> None:
    strengths, _ = compare_preferences(votes_on(PLANTED, 20_000, ties=ties), list(PLANTED), columns=COLUMNS)
    for name, planted in PLANTED.items():
        assert strengths.scores[name].value == pytest.approx(planted, abs=0.03)


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 300 studies, of strengths and of differences; three standard errors around 95 %."""
    covered: list[bool] = []
    for seed in range(300):
        strengths, _ = compare_preferences(votes_on(PLANTED, 30, seed=seed), list(PLANTED), columns=COLUMNS)
        truths = [(strengths.scores[name], planted) for name, planted in PLANTED.items()]
        truths += [(pair.difference, PLANTED[pair.first] - PLANTED[pair.second]) for pair in strengths.pairs]
        covered += [one.low <= truth <= one.high for one, truth in truths]  # type: ignore[operator]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_without_a_difference_hardly_ever_one_is_claimed() -> None:
    equal = dict.fromkeys("abc", 0.0)
    claims = [
        any(pair.is_separated for pair in compare_preferences(
            votes_on(equal, 20, seed=seed), "abc", columns=COLUMNS)[0].pairs)
        for seed in range(200)
    ]  # fmt: skip
    assert np.mean(claims) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_preference_that_is_there_is_seen_and_ordered() -> None:
    strengths, shares = compare_preferences(votes_on(PLANTED, 400), list(PLANTED), columns=COLUMNS)
    assert [one.model for one in strengths.standings] == ["a", "b", "c", "d"] and strengths.standings[
        0
    ].is_best
    assert [one.model for one in shares.standings] == ["a", "b", "c", "d"]
    assert all(pair.is_separated for pair in strengths.pairs)


def test_two_models_without_ties_have_the_log_odds_of_their_votes() -> None:
    strengths, covariance = fit_bradley_terry(np.array([[0.0, 300], [100, 0]]), np.zeros((2, 2)))
    assert strengths[0] - strengths[1] == pytest.approx(np.log(3), rel=0.01)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert error == pytest.approx(np.sqrt(1 / 300 + 1 / 100), rel=0.01)  # of the log odds of a share


@pytest.mark.parametrize("votes", [[("a", "b", False)] * 9, [("a", "b", True)] * 9, [("a", "b", False)]])
def test_one_sided_votes_have_finite_strengths(votes: list[Outcome]) -> None:
    strengths, shares = compare_preferences(votes, "abc", columns=COLUMNS)
    assert set(strengths.scores) == {"a", "b"}  # nobody was asked about c
    values = [getattr(one, end) for one in strengths.scores.values() for end in ("low", "value", "high")]
    assert np.isfinite(values).all() and np.abs(values).max() < 10
    assert all(0 <= one.low <= one.value <= one.high <= 100 for one in shares.scores.values())  # type: ignore[operator]
