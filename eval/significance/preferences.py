"""Estimate how much people prefer one model to another, from votes on pairs of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval.comparison.result import Estimate, PairResult
from eval.significance.real_baseline import ALPHA, excludes_zero
from eval.significance.value_trust import Trusted, holm, ranking

Values = NDArray[np.float64]
PRIOR = (
    3.0  # standard deviation of a strength before any vote: it keeps one that never lost from being infinite
)
STEPS = 100
Outcome = tuple[str, str, bool]  # who won, who lost, whether it was a tie


def fit_bradley_terry(wins: Values, ties: Values) -> tuple[Values, Values]:
    """Fit strengths to counts of votes, with Davidson's parameter for ties.

    A wins over B with odds that only their strengths set (Bradley & Terry 1952); a tie's odds are a multiple of the
    geometric mean of both (Davidson 1970, doi 10.1080/01621459.1970.10481082). The log-likelihood is concave in log
    strengths, so Newton's method finds its one maximum; the covariance is the inverse of the information there. A
    normal prior of standard deviation `PRIOR` on each keeps both finite where somebody won every vote.

    Parameters
    ----------
    wins : (N, N)
        Row's votes over column.
    ties : (N, N)
        Symmetric.

    Returns
    -------
    strengths : (N,)
        Log strengths of mean 0.
    covariance : (N, N)
        Of these.
    """
    count = len(wins)
    has_ties = bool(ties.sum())
    size = count + has_ties
    outcomes, observed = [], []
    for i, j in combinations(range(count), 2):
        x = np.zeros((2 + has_ties, size))
        x[0, i] = x[1, j] = 1
        if has_ties:
            x[2, [i, j]] = 0.5
            x[2, count] = 1
        outcomes.append(x)
        observed.append([wins[i, j], wins[j, i], ties[i, j]][: 2 + has_ties])
    features, seen = np.array(outcomes), np.array(observed, float)  # (P, O, size), (P, O)
    total = seen.sum(axis=1)

    def value(theta: Values) -> float:
        scores = features @ theta
        log_sum = np.logaddexp.reduce(scores, axis=1)
        return float((seen * scores).sum() - total @ log_sum - theta @ theta / (2 * PRIOR**2))

    theta = np.zeros(size)
    for _ in range(STEPS):
        scores = features @ theta
        chances = np.exp(scores - np.logaddexp.reduce(scores, axis=1)[:, None])
        mean = np.einsum("po,pos->ps", chances, features)
        gradient = np.einsum("po,pos->s", seen - total[:, None] * chances, features) - theta / PRIOR**2
        second = np.einsum("p,po,pos,pot->st", total, chances, features, features)
        information = second - np.einsum("p,ps,pt->st", total, mean, mean) + np.eye(size) / PRIOR**2
        step = np.linalg.solve(information, gradient)
        before, length = value(theta), 1.0
        while value(theta + length * step) < before and length > 1e-6:
            length /= 2
        theta = theta + length * step
        if np.abs(step).max() < 1e-10:
            break
    centred = np.eye(count) - 1 / count
    covariance = np.linalg.inv(information)[:count, :count]
    return centred @ theta[:count], centred @ covariance @ centred


def compare_preferences(
    votes: Sequence[Outcome], models: Sequence[str], *, columns: tuple[str, str]
) -> tuple[Trusted, Trusted]:
    """Compute strengths, win rates and tests of the models that were voted on.

    Every vote counts as independent of the others: of few voters, or few cases, the intervals are too short.

    Parameters
    ----------
    columns
        Keys of the columns of strengths and of win rates, for the results.

    Returns
    -------
    strengths
        In log odds; their mean is 0.
    shares
        Per cent of its votes that a model won, a tie being half a win. Differences are of how often the first would
        win and lose against the second; tests and places are those of the strengths.
    """
    met = {name for first, second, _ in votes for name in (first, second)}
    names = [name for name in models if name in met]
    place = {name: i for i, name in enumerate(names)}
    wins, ties = np.zeros((2, len(names), len(names)))
    for winner, loser, is_tie in votes:
        i, j = place[winner], place[loser]
        if is_tie:
            ties[i, j] += 1
            ties[j, i] += 1
        else:
            wins[i, j] += 1
    strengths, covariance = fit_bradley_terry(wins, ties)
    z = float(stats.norm.isf(ALPHA / 2))
    every = list(combinations(range(len(names)), 2))
    errors = [float(np.sqrt(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])) for i, j in every]
    gaps = [float(strengths[i] - strengths[j]) for i, j in every]
    p_values = [float(2 * stats.norm.sf(abs(gap) / error)) for gap, error in zip(gaps, errors, strict=True)]
    found: tuple[list[PairResult], list[PairResult]] = ([], [])
    for (i, j), gap, error, p, adjusted in zip(every, gaps, errors, p_values, holm(p_values), strict=True):
        ends = (gap - z * error, gap + z * error)
        scales = (
            Estimate(value=gap, low=ends[0], high=ends[1], error=error),
            Estimate(value=_lead(gap), low=_lead(ends[0]), high=_lead(ends[1])),
        )
        for pairs, column, difference in zip(found, columns, scales, strict=True):
            pairs.append(
                PairResult(
                    column=column, first=names[i], second=names[j], difference=difference, p=p, p_adjusted=adjusted,
                    is_separated=adjusted is not None and adjusted < ALPHA and excludes_zero(difference),
                    is_paired=True, needed=None,
                )
            )  # fmt: skip
    counts = (wins + wins.T + ties).sum(axis=1)
    won = wins.sum(axis=1) + ties.sum(axis=1) / 2
    scores = (
        {name: _estimate(strengths[i], covariance[i, i], z) for name, i in place.items()},
        {name: _share(won[i], counts[i], z) for name, i in place.items()},
    )
    order = {name: float(strengths[i]) for name, i in place.items()}
    strength, share = (
        Trusted(one, tuple(pairs), ranking(order, pairs, column=column, higher_is_better=True), None, (), {})
        for one, pairs, column in zip(scores, found, columns, strict=True)
    )
    return strength, share


def _estimate(value: float, variance: float, z: float) -> Estimate:
    error = float(np.sqrt(max(variance, 0.0)))
    return Estimate(
        value=float(value), low=float(value - z * error), high=float(value + z * error), error=error
    )


def _lead(gap: float) -> float:
    """How much oftener, in per cent, a strength that is ahead by ``gap`` wins than loses where there are no ties."""
    return float(100 * np.tanh(gap / 2))


def _share(won: float, count: float, z: float) -> Estimate:
    """Per cent won, with the interval of Wilson 1927; ties, which vary less, make it a little too long."""
    share = won / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    low, high = max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))
    return Estimate(value=100 * float(share), low=100 * float(low), high=100 * float(high))
