"""Trust in means of per-case values: every model scored the same inputs, so the differences are tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from eval.comparison.result import Estimate, PairResult
from eval.trust.halves import excludes_zero, needed_count
from eval.trust.permutation import holm, sign_flip_test
from eval.trust.standings import standings
from eval.trust.trusted import Trusted

Values = NDArray[np.float64]

Bounds = tuple[float | None, float | None]
NO_BOUNDS: Bounds = (None, None)
FEWEST = 5  # values; fewer have no interval, and no permutation of them is rare enough


def compare_values(
    values: Mapping[str, Sequence[float | None]],
    *,
    column: str,
    higher_is_better: bool,
    permutations: int = 10_000,
    resamples: int = 2000,
    alpha: float = 0.05,
    seed: int = 0,
    bounds: Bounds | None = None,
    is_share: bool = False,
) -> Trusted:
    """Means of per-case values of several models, and whether they differ.

    Parameters
    ----------
    values
        By model, one value per case in the same order; NaN or None where there is none. A case counts for a
        pair only where both models have a value.
    permutations
        Sign flips per pair.
    resamples
        Of the studentised bootstrap (Efron & Tibshirani 1993, 12.5), which follows skewed values.
    bounds
        Least and greatest value that there can be, None where there is no end: no interval leaves them.
    is_share
        Whether every value is 0 or 1. Their mean has an exact binomial interval, their difference one made of
        those of both shares, as resampling knows nothing of what did not happen.

    Raises
    ------
    ValueError
        If the models have unequal numbers of cases, or a value is infinite.
    """
    if not values:
        raise ValueError("expected at least one model, got none.")
    arrays = {name: _checked(name, of) for name, of in values.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        counts = ", ".join(f"{name}: {len(array)}" for name, array in arrays.items())
        raise ValueError(f"expected one value per case from every model, got {counts}.")
    ends = (0.0, 1.0) if is_share else bounds or NO_BOUNDS

    def score(array: Values) -> Estimate:
        if is_share:
            return share_interval(array, alpha=alpha)
        return mean_interval(array, resamples=resamples, alpha=alpha, seed=seed, bounds=ends)

    def difference_of(first: Values, second: Values) -> Estimate:
        if is_share:
            return share_difference(first, second, alpha=alpha)
        return mean_interval(first - second, resamples=resamples, alpha=alpha, seed=seed)

    scores = {name: score(_known(array)) for name, array in arrays.items()}
    every = list(combinations(arrays, 2))
    differences = [_known(arrays[first] - arrays[second]) for first, second in every]
    p_values = [
        sign_flip_test(one, permutations=permutations, rng=np.random.default_rng([seed, 1]))
        if len(one) >= FEWEST and permutations
        else None
        for one in differences
    ]
    adjusted = holm(p_values)
    pairs = []
    for (first, second), difference, p, p_adjusted in zip(
        every, differences, p_values, adjusted, strict=True
    ):
        both = ~np.isnan(arrays[first] - arrays[second])
        estimate = difference_of(arrays[first][both], arrays[second][both])
        needed = None
        if estimate.value is not None and estimate.error is not None:
            needed = needed_count(estimate.value, estimate.error, len(difference), alpha=alpha / len(every))
        pairs.append(
            PairResult(
                column=column,
                first=first,
                second=second,
                difference=estimate,
                p=p,
                p_adjusted=p_adjusted,
                is_separated=p_adjusted is not None and p_adjusted < alpha and excludes_zero(estimate),
                is_paired=True,
                needed=needed,
            )
        )
    means = {name: score.value for name, score in scores.items()}
    places = standings(means, pairs, column=column, higher_is_better=higher_is_better)
    settings = {"permutations": permutations, "resamples": resamples, "alpha": alpha}
    return Trusted(scores, tuple(pairs), places, None, (), settings)


def mean_interval(
    values: Values, *, resamples: int = 2000, alpha: float = 0.05, seed: int = 0, bounds: Bounds = NO_BOUNDS
) -> Estimate:
    """Mean of values (N,) without NaN, its standard error, and the interval of the studentised bootstrap.

    Where all values are equal and have two bounds, the interval leaves room for as many others as could have been
    missed.
    """
    count = len(values)
    if count == 0:
        return Estimate(value=None)
    mean = float(values.mean())
    if count < FEWEST or not resamples:
        return Estimate(value=mean)
    least, most = bounds
    error = float(values.std(ddof=1) / np.sqrt(count))
    if error <= 1e-12 * abs(mean):
        missed = 0.0 if least is None or most is None else 1 - exact_share(count, count, alpha=alpha)[0]
        low = mean if least is None else mean + missed * (least - mean)
        high = mean if most is None else mean + missed * (most - mean)
        return Estimate(value=mean, low=low, high=high, error=0.0)
    drawn = np.random.default_rng([seed, 2]).integers(0, count, (resamples, count))
    samples = values[drawn]
    errors = samples.std(axis=1, ddof=1) / np.sqrt(count)
    usable = errors > 1e-3 * error  # a sample of one value says nothing
    studentised = (samples.mean(axis=1)[usable] - mean) / errors[usable]
    low, high = np.quantile(studentised, [alpha / 2, 1 - alpha / 2])
    return Estimate(
        value=mean,
        low=max(float(mean - high * error), -np.inf if least is None else least),
        high=min(float(mean - low * error), np.inf if most is None else most),
        error=error,
    )


def exact_share(successes: int, count: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Ends of a share's interval (Clopper & Pearson 1934), which covers the true one at least as often as it says."""
    found = binomtest(successes, count).proportion_ci(1 - alpha, method="exact")
    return float(found.low), float(found.high)


def share_interval(values: Values, *, alpha: float = 0.05) -> Estimate:
    """Share of ones among values (N,) of 0 and 1, with its exact interval."""
    if not len(values):
        return Estimate(value=None)
    share = float(values.mean())
    low, high = exact_share(int(values.sum()), len(values), alpha=alpha)
    return Estimate(value=share, low=low, high=high, error=float(np.sqrt(share * (1 - share) / len(values))))


def share_difference(first: Values, second: Values, *, alpha: float = 0.05) -> Estimate:
    """Difference of two shares over the same cases (N,) each, with an interval.

    Newcombe 1998, method 10, whose parts are the two shares' own intervals (here the exact ones) and how far the
    cases agree.
    """
    count = len(first)
    if not count:
        return Estimate(value=None)
    ours, theirs = float(first.mean()), float(second.mean())
    (low1, high1), (low2, high2) = (
        exact_share(int(one.sum()), count, alpha=alpha) for one in (first, second)
    )
    spread = np.sqrt(ours * (1 - ours) * theirs * (1 - theirs))
    agreement = 0.0 if spread == 0 else float(((first * second).mean() - ours * theirs) / spread)

    def reach(one: float, other: float) -> float:
        return float(np.sqrt(max(0.0, one**2 - 2 * agreement * one * other + other**2)))

    value = ours - theirs
    return Estimate(
        value=value,
        low=max(-1.0, value - reach(ours - low1, high2 - theirs)),
        high=min(1.0, value + reach(high1 - ours, theirs - low2)),
        error=float((first - second).std(ddof=1) / np.sqrt(count)) if count > 1 else None,
    )


def _checked(name: str, given: Sequence[float | None]) -> Values:
    array = np.array([np.nan if value is None else value for value in given], dtype=np.float64)
    if np.isinf(array).any():
        raise ValueError(f"{name}: a value is infinite. Leave it out (NaN), or cap it.")
    return array


def _known(differences: Values) -> Values:
    return differences[~np.isnan(differences)]
