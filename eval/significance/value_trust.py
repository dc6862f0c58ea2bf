"""Give intervals and p-values of values per case."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from eval.comparison.result import Curve, Estimate, Floor, PairResult, Standing
from eval.significance.real_baseline import ALPHA, excludes_zero, needed_count
from eval.significance.subsets import Rows, SubsetDistances

Progress = Callable[[int, int], None]
BATCH = 100


def swap_test(
    distances: SubsetDistances,
    count: int,
    *,
    is_paired: bool,
    permutations: int,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> float:
    """Two-sided p-value of two models' difference in distance from the real images.

    Under no difference it does not matter which of two outputs for the same input came from which model, so
    each pair is swapped or not by a coin; without pairs, the outputs are dealt out anew.

    Parameters
    ----------
    distances
        Of the real rows and a pool: the first model's rows, then the second's.
    count
        Rows of the first model; with ``is_paired`` row ``i`` belongs to row ``count + i``.
    permutations
        The smallest p-value is ``1 / (permutations + 1)``.
    """
    total = len(distances.fake)
    found = distances.splits(np.arange(count)[None], np.arange(count, total)[None])[0]
    as_large = 0
    for start in range(0, permutations, BATCH):
        some = min(BATCH, permutations - start)
        deal = _swapped(some, count, rng) if is_paired else _dealt(some, total, rng)
        chance = distances.splits(deal[:, :count], deal[:, count:])
        as_large += int((np.abs(chance) >= abs(found) - distances.resolution).sum())
        if progress:
            progress(start + some, permutations)
    return (1 + as_large) / (1 + permutations)


def sign_flip_test(differences: NDArray[np.float64], *, permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p-value of a mean difference between pairs: each sign is kept or turned by a coin.

    Parameters
    ----------
    differences : (N,)
        Without NaN.
    """
    found = abs(differences.mean())
    resolution = 1e-12 * float(np.abs(differences).max(initial=0.0))
    as_large = 0
    step = max(1, 2_000_000 // max(1, len(differences)))
    for start in range(0, permutations, step):
        some = min(step, permutations - start)
        signs = rng.integers(0, 2, (some, len(differences)), dtype=np.int8) * 2 - 1
        chance = np.abs(signs @ differences) / len(differences)
        as_large += int((chance >= found - resolution).sum())
    return (1 + as_large) / (1 + permutations)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values adjusted for their number (Holm 1979): the chance of any false claim stays below alpha.

    None stays None and does not count.
    """
    known = [i for i, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p_values[i] or 0.0)):
        largest = max(largest, min(1.0, (len(known) - rank) * (p_values[i] or 0.0)))
        adjusted[i] = largest
    return adjusted


def enough_permutations(asked: int, tests: int) -> int:
    """Raise a number of permutations until `holm` over so many tests can find a difference; 0, for no test, stays.

    The smallest p-value is ``1 / (permutations + 1)``, and Holm multiplies it by ``tests``: with 200 permutations
    fifteen pairs of models could never be told apart, whatever their distances.
    """
    return max(asked, math.ceil(tests / ALPHA)) if asked else 0


def _swapped(times: int, count: int, rng: np.random.Generator) -> Rows:
    """Row ids of both models, pairs swapped at random: (times, 2 * count)."""
    first = np.arange(count) + count * rng.integers(0, 2, (times, count))
    return np.hstack([first, np.where(first < count, first + count, first - count)])


def _dealt(times: int, total: int, rng: np.random.Generator) -> Rows:
    """All row ids in random order: (times, total)."""
    return rng.permuted(np.tile(np.arange(total), (times, 1)), axis=1)


@dataclass(frozen=True)
class Trusted:
    """One column: its numbers, and how far they can be trusted."""

    scores: dict[str, Estimate]  # by model
    pairs: tuple[PairResult, ...]  # every two models, in the order they were given
    standings: tuple[Standing, ...]  # by model, best first; see `eval.significance.value_trust`
    # What real images get against real images; None where they are too few, or nothing of the kind exists.
    floor: Floor | None
    curves: tuple[Curve, ...]  # each model's value against the number of images
    # What was done, for ``Comparison.settings``: rows used by the tests, permutations, resamples.
    settings: Mapping[str, int | float | str | bool]


def ranking(
    values: Mapping[str, float | None], pairs: Sequence[PairResult], *, column: str, higher_is_better: bool
) -> tuple[Standing, ...]:
    """Places of all models, best first.

    A model's rank is one more than the number of models that are better and separated from it, so equal ranks
    say that the numbers do not tell them apart. Models without a value come last.

    Parameters
    ----------
    values
        By model; None where there is none.
    pairs
        Of every two models; see `eval.comparison.result.PairResult`.
    """
    separated = {frozenset((pair.first, pair.second)) for pair in pairs if pair.is_separated}
    known = {name: value for name, value in values.items() if value is not None}
    order = sorted(known, key=lambda name: -known[name] if higher_is_better else known[name])
    found = []
    for name in order:
        others = [other for other in order if other != name]
        above = [
            other
            for other in others
            if frozenset((name, other)) in separated
            and (known[other] > known[name]) == higher_is_better
            and known[other] != known[name]
        ]
        tied = tuple(other for other in others if frozenset((name, other)) not in separated)
        is_best = bool(others) and not above and not tied
        found.append(
            Standing(column=column, model=name, rank=1 + len(above), is_best=is_best, tied_with=tied)
        )
    missing = [name for name in values if name not in known]
    return (
        *found,
        *(Standing(column=column, model=name, rank=1 + len(known), is_best=False) for name in missing),
    )


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
    seed: int = 0,
    bounds: Bounds = NO_BOUNDS,
    is_share: bool = False,
) -> Trusted:
    """Means of per-case values of several models, and whether they differ.

    Parameters
    ----------
    values
        By model, one value per case in the same order; NaN or None where there is none. A case counts for a
        pair only where both models have a value.
    permutations
        Sign flips per pair; at least as many as `enough_permutations` says.
    resamples
        Of the studentised bootstrap (Efron & Tibshirani 1993, 12.5), which follows skewed values.
    bounds
        Least and greatest value that there can be, None where there is no end: no interval leaves them.
    is_share
        Whether every value is 0 or 1. Their mean has an exact binomial interval, their difference one made of
        those of both shares, as resampling knows nothing of what did not happen.
    """
    arrays = {name: np.asarray(of, dtype=np.float64) for name, of in values.items()}  # None becomes NaN

    def score(array: Values) -> Estimate:
        if is_share:
            return share_interval(array)
        return mean_interval(array, resamples=resamples, seed=seed, bounds=bounds)

    def difference_of(first: Values, second: Values) -> Estimate:
        if is_share:
            return share_difference(first, second)
        return mean_interval(first - second, resamples=resamples, seed=seed)

    scores = {name: score(_known(array)) for name, array in arrays.items()}
    every = list(combinations(arrays, 2))
    permutations = enough_permutations(permutations, len(every))
    both = [_known(np.stack([arrays[first], arrays[second]])) for first, second in every]
    differences = [first - second for first, second in both]
    p_values = [
        sign_flip_test(one, permutations=permutations, rng=np.random.default_rng([seed, 1]))
        if len(one) >= FEWEST and permutations
        else None
        for one in differences
    ]
    adjusted = holm(p_values)
    pairs = []
    for (first, second), values_of_both, p, p_adjusted in zip(every, both, p_values, adjusted, strict=True):
        estimate = difference_of(*values_of_both)
        needed = None
        if estimate.value is not None and estimate.error is not None:
            count = values_of_both.shape[1]
            needed = needed_count(estimate.value, estimate.error, count, alpha=ALPHA / len(every))
        pairs.append(
            PairResult(
                column=column,
                first=first,
                second=second,
                difference=estimate,
                p=p,
                p_adjusted=p_adjusted,
                is_separated=p_adjusted is not None and p_adjusted < ALPHA and excludes_zero(estimate),
                is_paired=True,
                needed=needed,
            )
        )
    means = {name: score.value for name, score in scores.items()}
    places = ranking(means, pairs, column=column, higher_is_better=higher_is_better)
    settings = {"permutations": permutations, "resamples": resamples, "alpha": ALPHA}
    return Trusted(scores, tuple(pairs), places, None, (), settings)


def mean_interval(
    values: Values, *, resamples: int = 2000, seed: int = 0, bounds: Bounds = NO_BOUNDS
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
        missed = 0.0 if least is None or most is None else 1 - exact_share(count, count)[0]
        low = mean if least is None else mean + missed * (least - mean)
        high = mean if most is None else mean + missed * (most - mean)
        return Estimate(value=mean, low=low, high=high, error=0.0)
    drawn = np.random.default_rng([seed, 2]).integers(0, count, (resamples, count))
    samples = values[drawn]
    errors = samples.std(axis=1, ddof=1) / np.sqrt(count)
    usable = errors > 1e-3 * error  # a sample of one value says nothing
    studentised = (samples.mean(axis=1)[usable] - mean) / errors[usable]
    low, high = np.quantile(studentised, [ALPHA / 2, 1 - ALPHA / 2])
    return Estimate(
        value=mean,
        low=max(float(mean - high * error), -np.inf if least is None else least),
        high=min(float(mean - low * error), np.inf if most is None else most),
        error=error,
    )


def exact_share(successes: int, count: int) -> tuple[float, float]:
    """Ends of a share's interval (Clopper & Pearson 1934), which covers the true one at least as often as it says."""
    found = binomtest(successes, count).proportion_ci(1 - ALPHA, method="exact")
    return float(found.low), float(found.high)


def share_interval(values: Values) -> Estimate:
    """Share of ones among values (N,) of 0 and 1, with its exact interval."""
    if not len(values):
        return Estimate(value=None)
    share = float(values.mean())
    low, high = exact_share(int(values.sum()), len(values))
    return Estimate(value=share, low=low, high=high, error=float(np.sqrt(share * (1 - share) / len(values))))


def share_difference(first: Values, second: Values) -> Estimate:
    """Difference of two shares over the same cases (N,) each, with an interval.

    Newcombe 1998, method 10, whose parts are the two shares' own intervals (here the exact ones) and how far the
    cases agree.
    """
    count = len(first)
    if not count:
        return Estimate(value=None)
    ours, theirs = float(first.mean()), float(second.mean())
    (low1, high1), (low2, high2) = (exact_share(int(one.sum()), count) for one in (first, second))
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


def _known(values: Values) -> Values:
    """Values (..., N) of those cases of which all are known."""
    return values[..., ~np.isnan(values).reshape(-1, values.shape[-1]).any(axis=0)]
