"""Is a model better, or is it chance? Intervals, p-values and curves of distances between features."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from eval.comparison.result import Curve, CurvePoint, Estimate, Floor, PairResult
from eval.feature_stats import Moments, moments_of, samples_of
from eval.metrics.fid import frechet_distance, frechet_distance_of_moments
from eval.metrics.kid import kernel_distance
from eval.significance.cases import Cases
from eval.significance.real_baseline import (
    ALPHA,
    FEWEST,
    Cut,
    HalfSamples,
    cuts,
    excludes_zero,
    interval,
    needed_count,
    real_against_real,
)
from eval.significance.subsets import MetricName, SubsetDistances, subset_distances
from eval.significance.value_trust import Trusted, enough_permutations, holm, ranking, swap_test

VALUES: Mapping[MetricName, Callable[[ArrayLike, ArrayLike], float]] = {
    "fid": frechet_distance,
    "kid": lambda real, fake: kernel_distance(real, fake).value,
}


ROWS = 300
MATCHED = "Outputs for the very inputs of the real images may lie below it, as each has its truth there."


def compare_features(
    real: ArrayLike | Moments,
    models: Mapping[str, ArrayLike],
    *,
    column: str,
    metric: MetricName = "fid",
    names: Mapping[str, Sequence[str]] | None = None,
    real_names: Sequence[str] | None = None,
    permutations: int = 1000,
    resamples: int = 400,
    seed: int = 0,
    rows: int = ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> Trusted:
    """Distances of several models from the real images, and whether they differ.

    The numbers themselves come from all images. A difference counts as real (``is_separated``) only if three
    agree: the permutation test (outputs for the same input swapped; Holm over the pairs), the difference's
    interval, and where few images bias the distance the interval of the difference without that bias
    (``extrapolated``), for it depends on the model and can rank the worse one first.

    Parameters
    ----------
    real : (N, D)
        Features; may be memory-mapped. Or moments alone, as files of statistics hold them: for ``fid`` only, without
        a floor, and without the difference that few images make, which needs the images.
    models : (M_i, D) by model
    column
        Key of the column, for the results.
    metric
        ``fid`` or ``kid``.
    names
        By model, what each row is an output for. Models that share inputs are compared on them, in pairs;
        without names, or with other ones, as independent sets.
    real_names
        The real rows' names. Where the real set is the truths of the same inputs, they are drawn together.
    permutations, resamples
        Permutations per pair (at least as many as `enough_permutations` says), and halves per model; 0 leaves
        p-values, or intervals, out.
    rows
        Rows of a set that tests and intervals look at, a seeded sample where there are more; the cost grows
        with their third power. Intervals are scaled to the whole set; p-values stay on the safe side.
    progress
        Told of permutations done and all of them.

    Returns
    -------
    trusted
        The same for the same arguments, whatever ran before.

    Raises
    ------
    ValueError
        On features that do not fit together.
    """
    moments = real if isinstance(real, Moments) else None
    ours = np.asanyarray(real) if moments is None else samples_of(moments)
    arrays = {name: np.asanyarray(fake) for name, fake in models.items()}
    counts = {name: len(fake) for name, fake in arrays.items()}
    permutations = enough_permutations(permutations, math.comb(len(arrays), 2))
    cases = Cases(counts, len(ours), names or {}, real_names, rows, seed, moments is not None)
    return FeatureTrust(
        ours, arrays, cases, column, metric, permutations, resamples, seed, progress, moments
    ).result()


@dataclass
class FeatureTrust:
    """One column's models and how they are tested; ask it for `result`.

    Parameters
    ----------
    progress
        Told of permutations done and all of them.
    moments
        What the real rows stand for, where nothing but these is known of the real images.
    """

    real: NDArray[np.floating]
    models: Mapping[str, NDArray[np.floating]]
    cases: Cases
    column: str
    metric: MetricName
    permutations: int
    resamples: int
    seed: int
    progress: Callable[[int, int], None] | None = None
    moments: Moments | None = None
    _pairs_done: int = 0
    _exponent: float = 1.0
    _measured: tuple[int, ...] = ()
    _cuts: dict[tuple[str, frozenset[str] | None, int], Cut | None] = field(default_factory=dict)

    def result(self) -> Trusted:
        """Everything about the column."""
        with threadpool_limits(1):  # small matrices: more threads only wait for one another
            values = {name: self._value(fake) for name, fake in self.models.items()}
            floor = self._floor()
            scores = {name: self._score(name, value) for name, value in values.items()}
            curves = tuple(self._curve(name, score) for name, score in scores.items())
            pairs = self._pairs(values)
        places = ranking(values, pairs, column=self.column, higher_is_better=False)
        settings = {
            "trust_rows": min(self.cases.limit, max(map(len, self.models.values()))),
            "permutations": self.permutations,
            "resamples": self.resamples,
            "alpha": ALPHA,
        }
        if self.metric == "fid":
            settings["bias_exponent"] = round(self._exponent, 4)
        return Trusted(scores, pairs, places, floor, curves, settings)

    def _value(self, fake: NDArray[np.floating]) -> float:
        if self.moments is not None:
            return frechet_distance_of_moments(self.moments, moments_of(fake))
        return VALUES[self.metric](self.real, fake)

    def _floor(self) -> Floor | None:
        if self.moments is not None:
            return None
        found = real_against_real(
            self.real,
            column=self.column,
            metric=self.metric,
            count=min(map(len, self.models.values())),
            rows=self.cases.limit,
            draws=self.resamples // 2,
            seed=self.seed,
        )
        self._exponent = found.exponent
        self._measured = tuple(point.count for point in found.floor.points) if found.floor else ()
        if found.floor and any(self.cases.sample(one, self.cases.of(one)).is_matched for one in self.models):
            note = f"{found.floor.note} {MATCHED}".strip()
            return found.floor.model_copy(update={"note": note})
        return found.floor

    def _score(self, name: str, value: float) -> Estimate:
        cut = self._cut(name, self.cases.of(name))
        if cut is None:
            return Estimate(value=value)
        return self._around(value, cut.half_samples.error(cut.share), cut.half_samples.count)

    def _pairs(self, values: Mapping[str, float]) -> tuple[PairResult, ...]:
        every = list(combinations(self.models, 2))
        p_values = [self._p_value(first, second) for first, second in every]
        adjusted = holm(p_values)
        return tuple(
            self._pair(first, second, values, p_values[i], adjusted[i], tests=len(every))
            for i, (first, second) in enumerate(every)
        )

    def _pair(
        self,
        first: str,
        second: str,
        values: Mapping[str, float],
        p: float | None,
        p_adjusted: float | None,
        *,
        tests: int,
    ) -> PairResult:
        """Separated is only what the test, the interval and the interval without bias agree upon."""
        shared = self.cases.shared(first, second)
        fewest = min(len(self.models[first]), len(self.models[second]))
        ours, theirs = (self._cut(name, shared, fewest) for name in (first, second))
        raw = values[first] - values[second]
        difference, extrapolated, needed = Estimate(value=raw), None, None
        is_separated = False
        if ours is not None and theirs is not None:
            count = ours.half_samples.count
            error = (ours.half_samples - theirs.half_samples).error(max(ours.share, theirs.share))
            difference = interval(raw, error, count=count)
            unbiased = self._unbiased(values[first], ours) - self._unbiased(values[second], theirs)
            if ours.exponent is not None:
                extrapolated = interval(unbiased, error, count=count)
            is_separated = (
                p_adjusted is not None
                and p_adjusted < ALPHA
                and raw * unbiased > 0
                and all(excludes_zero(one) for one in (difference, extrapolated) if one is not None)
            )
            needed = needed_count(unbiased, error, fewest, alpha=ALPHA / tests)
        return PairResult(
            column=self.column,
            first=first,
            second=second,
            difference=difference,
            p=p,
            p_adjusted=p_adjusted,
            is_separated=is_separated,
            is_paired=shared is not None,
            needed=needed,
            extrapolated=extrapolated,
        )

    def _unbiased(self, value: float, cut: Cut) -> float:
        return value if cut.exponent is None else value - cut.half_samples.bias(cut.exponent, cut.share)

    def _p_value(self, first: str, second: str) -> float | None:
        shared = self.cases.shared(first, second)
        fewest = min(len(self.models[first]), len(self.models[second]))
        ours, theirs = (
            self.cases.sample(name, shared, limit=fewest, real_limit=self.cases.limit)
            for name in (first, second)
        )
        if not self.permutations or fewest < FEWEST:
            return None
        pool = np.concatenate([self.models[first][ours.model], self.models[second][theirs.model]])
        p = swap_test(
            subset_distances(self.metric, self.real[ours.real], pool),
            len(ours.model),
            is_paired=shared is not None,
            permutations=self.permutations,
            rng=np.random.default_rng([self.seed, 3]),
            progress=self._tell,
        )
        self._pairs_done += 1
        return p

    def _cut(self, name: str, cases: frozenset[str] | None, limit: int | None = None) -> Cut | None:
        """Distances of a model's halves, once for the same inputs; None where images are too few."""
        sample = self.cases.sample(name, cases, limit=limit)
        key = (name, cases, len(sample.model))
        if key not in self._cuts:
            self._cuts[key] = None
            n, r, times = len(sample.model), len(sample.real), self.resamples // 2
            if min(n, r) >= FEWEST and times >= 2:
                stream = 0 if cases is not None else 20 + list(self.models).index(name)
                fake = cuts(n, times, np.random.default_rng([self.seed, 4, stream]))
                real = fake if sample.is_matched else cuts(r, times, np.random.default_rng([self.seed, 5]))
                if self.moments is not None:
                    real = (np.broadcast_to(np.arange(r), (times, r)),) * 2
                distances = subset_distances(
                    self.metric, self.real[sample.real], self.models[name][sample.model]
                )
                whole = float(distances(np.arange(r)[None], np.arange(n)[None])[0])
                halves = [distances(*both) for both in zip(real, fake, strict=True)]
                exponent = self._exponent if self.metric == "fid" else 1.0 if sample.is_matched else None
                if self.moments is not None:  # how fast the bias falls shows in real images only
                    exponent = None
                self._cuts[key] = Cut(
                    HalfSamples(n, whole, *halves), self.cases.share(name, sample), exponent
                )
        return self._cuts[key]

    def _curve(self, name: str, score: Estimate) -> Curve:
        """Mean distances of subsets, each with the interval that a set of that size has."""
        everything = len(self.models[name])
        last = CurvePoint(count=everything, estimate=score)
        cases = self.cases.of(name)
        cut = self._cut(name, cases)
        if cut is None or score.value is None:
            return Curve(column=self.column, model=name, over="n", points=(last,))
        sample = self.cases.sample(name, cases)
        distances = subset_distances(self.metric, self.real[sample.real], self.models[name][sample.model])
        means = self._means_by_count(distances, cut.half_samples, is_matched=sample.is_matched)
        means.pop(everything, None)
        points = [
            CurvePoint(
                count=size,
                estimate=self._around(
                    mean, cut.half_samples.error(cut.half_samples.count / size), cut.half_samples.count
                ),
            )
            for size, mean in sorted(means.items())
        ]
        limit = None
        if cut.exponent is not None:
            limit = self._around(
                self._unbiased(score.value, cut), cut.half_samples.error(cut.share), cut.half_samples.count
            )
        return Curve(column=self.column, model=name, over="n", points=(*points, last), limit=limit)

    def _means_by_count(
        self, distances: SubsetDistances, half_samples: HalfSamples, *, is_matched: bool
    ) -> dict[int, float]:
        """Mean distance of all images, of parts of them, and of as many as real ones were held against real ones."""
        n, r, draws = len(distances.fake), len(distances.real), max(4, self.resamples // 10)
        rng = np.random.default_rng([self.seed, 6])
        means = {
            n: half_samples.whole,
            n // 2: float((half_samples.first.mean() + half_samples.second.mean()) / 2),
        }
        measured = {one for one in self._measured if one < n}
        for size in sorted(({n // 8, n // 4, 3 * n // 4} | measured) - {0, 1, n // 2}):
            fake = rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)[:, :size]
            real = rng.permuted(np.tile(np.arange(r), (draws, 1)), axis=1)
            if self.moments is None:  # else the real rows stand for a mean and a covariance: all are taken
                real = real[:, : max(2, size * r // n)]
            means[size] = float(distances(fake if is_matched else real, fake).mean())
        return means

    def _around(self, value: float, error: float, count: int) -> Estimate:
        found = interval(value, error, count=count)
        if self.metric == "fid" and found.low is not None:  # never negative
            found = found.model_copy(update={"low": max(0.0, found.low)})
        return found

    def _tell(self, done: int, _: int) -> None:
        if self.progress:
            pairs = math.comb(len(self.models), 2)
            self.progress(self._pairs_done * self.permutations + done, pairs * self.permutations)
