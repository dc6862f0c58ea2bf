"""Trust in means of per-case values: every model scored the same inputs, so the differences are tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from eval.comparison.result import Estimate, PairResult
from eval.trust.halves import excludes_zero, needed_count
from eval.trust.permutation import holm, sign_flip_test
from eval.trust.standings import standings
from eval.trust.trusted import Trusted

Values = NDArray[np.float64]

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
    scores = {
        name: mean_interval(array[~np.isnan(array)], resamples=resamples, alpha=alpha, seed=seed)
        for name, array in arrays.items()
    }
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
        estimate = mean_interval(difference, resamples=resamples, alpha=alpha, seed=seed)
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


def mean_interval(values: Values, *, resamples: int = 2000, alpha: float = 0.05, seed: int = 0) -> Estimate:
    """Mean of values (N,) without NaN, its standard error, and the interval of the studentised bootstrap."""
    count = len(values)
    if count == 0:
        return Estimate(value=None)
    mean = float(values.mean())
    if count < FEWEST or not resamples:
        return Estimate(value=mean)
    error = float(values.std(ddof=1) / np.sqrt(count))
    if error <= 1e-12 * abs(mean):
        return Estimate(value=mean, low=mean, high=mean, error=0.0)
    drawn = np.random.default_rng([seed, 2]).integers(0, count, (resamples, count))
    samples = values[drawn]
    errors = samples.std(axis=1, ddof=1) / np.sqrt(count)
    usable = errors > 1e-3 * error  # a sample of one value says nothing
    studentised = (samples.mean(axis=1)[usable] - mean) / errors[usable]
    low, high = np.quantile(studentised, [alpha / 2, 1 - alpha / 2])
    return Estimate(value=mean, low=float(mean - high * error), high=float(mean - low * error), error=error)


def _checked(name: str, given: Sequence[float | None]) -> Values:
    array = np.array([np.nan if value is None else value for value in given], dtype=np.float64)
    if np.isinf(array).any():
        raise ValueError(f"{name}: a value is infinite. Leave it out (NaN), or cap it.")
    return array


def _known(differences: Values) -> Values:
    return differences[~np.isnan(differences)]
