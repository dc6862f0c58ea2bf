"""Estimate from halves of the sets what a perfect model would score, how far a distance varies, and its bias.

Resampling with replacement repeats images, which lowers a set's covariance and moves the Fréchet distance by a
good fifth, so the bootstrap is of no use here. Halves repeat nothing. All sets are cut in two at once, over and
over, and both halves are measured. With a linear part of variance ``a / n`` and a quadratic part of ``b / n^2``
(n: images in a whole set), the half difference of a cut's two distances varies by ``a / n + 2 b / n^2``, and their
mean by ``b / n^2`` from cut to cut. A delete-half jackknife alone (Shao & Wu 1989) has ``a / n + 3 b / n^2`` and
covers too much where few images make the quadratic part large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from eval.comparison.result import CurvePoint, Estimate, Floor
from eval.significance.subsets import MetricName, Rows, SubsetDistances, subset_distances

Matrix = NDArray[np.float64]

FEWEST = 8  # images in a set that is cut
BEYOND_REACH = 1_000_000
POWER = 0.8
ALPHA = 0.05  # chance of any false claim; intervals cover the rest


@dataclass(frozen=True)
class HalfSamples:
    """A distance, or a difference of two, of whole sets and of their halves."""

    count: int  # images in the whole sets
    whole: float  # the distance of the whole sets
    # first, second: (S,): the distance of either half in each of S cuts.
    first: Matrix
    second: Matrix

    def __sub__(self, other: HalfSamples) -> HalfSamples:
        """The difference of two distances over the same cuts."""
        return HalfSamples(
            self.count, self.whole - other.whole, self.first - other.first, self.second - other.second
        )

    @property
    def variances(self) -> tuple[float, float]:
        """Give the linear and the quadratic part of ``whole``'s variance."""
        across = float((((self.first - self.second) / 2) ** 2).mean())
        quadratic = min(float(((self.first + self.second) / 2).var(ddof=1)), across / 2)
        return across - 2 * quadratic, quadratic

    def error(self, share: float = 1.0) -> float:
        """Standard error of the distance; at ``count / share`` images, if these are a part of them."""
        linear, quadratic = self.variances
        return float(np.sqrt(linear * share + quadratic * share**2))

    def bias(self, exponent: float, share: float = 1.0) -> float:
        """Give what few images add, if that falls with ``count ** -exponent``; at ``count / share`` images."""
        growth = (self.count / (self.count // 2)) ** exponent - 1
        half = float((self.first.mean() + self.second.mean()) / 2)
        return float((half - self.whole) / growth * share**exponent)


@dataclass(frozen=True)
class Cut:
    """A model's distances by halves, what part of all images they were taken of, and what bias they have.

    ``exponent`` is that of the bias of few images; None without bias. A kernel distance has one as well where
    the real images are the truths of the same inputs: each output meets its own truth in one of N pairs.
    """

    half_samples: HalfSamples
    share: float
    exponent: float | None


def cuts(count: int, times: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Ids below ``count`` cut in two at random: (times, count // 2) twice; of an odd number one is left out."""
    order = rng.permuted(np.tile(np.arange(count), (times, 1)), axis=1)
    half = count // 2
    return order[:, :half], order[:, half : 2 * half]


def interval(value: float, error: float, *, count: int) -> Estimate:
    """A value with its interval (Student's t with ``count - 1`` degrees of freedom)."""
    reach = float(stdtrit(count - 1, 1 - ALPHA / 2)) * error
    return Estimate(value=value, low=value - reach, high=value + reach, error=error)


def excludes_zero(estimate: Estimate) -> bool:
    """Tell whether the interval has one sign."""
    return estimate.low is not None and estimate.high is not None and (estimate.low > 0 or estimate.high < 0)


def needed_count(difference: float, error: float, count: int, *, alpha: float) -> int | None:
    """Images per model at which such a difference is found four times in five.

    Parameters
    ----------
    difference, error
        Of ``count`` images; the error falls with the square root of their number.
    alpha
        Of one test, divided by the number of tests.

    Returns
    -------
    needed
        None beyond a million.
    """
    if difference == 0 or not np.isfinite([difference, error]).all():
        return None
    sigmas = float(ndtri(1 - alpha / 2) + ndtri(POWER))
    needed = count * (sigmas * error / difference) ** 2
    return max(2, int(np.ceil(needed))) if needed <= BEYOND_REACH else None


SLOWEST, FASTEST = 0.3, 1.0  # the bias falls with 1 / n in the end, and slower below the features' dimension


@dataclass(frozen=True)
class RealAgainstReal:
    """What real images get against real images, and how the bias of few falls."""

    floor: Floor | None  # None where the real images are too few
    exponent: float  # the bias of few images falls with ``count ** -exponent``


def real_against_real(
    real: ArrayLike, *, column: str, metric: MetricName, count: int, rows: int, draws: int, seed: int
) -> RealAgainstReal:
    """Distances between disjoint subsets of the real images.

    A distance between samples of one distribution is nothing but bias, so its growth from one size to half of
    it tells how to take the bias out of the models' distances (Chong & Forsyth 2020 fit a line in ``1 / n``,
    which is the exponent 1; at a hundred images and a thousand dimensions it is nearer to 1/2).

    Parameters
    ----------
    real : (N, D)
    count
        Images on each side that are asked about. If the real ones are fewer than twice as many, or more than
        twice ``rows``, the floor is measured at fewer and extended by the exponent; its note says so.
    draws
        Subsets drawn per size.
    """
    values = np.asanyarray(real)
    size = min(len(values) // 2, count, rows)
    if size < FEWEST // 2 or draws < 2:
        return RealAgainstReal(None, FASTEST)
    rng = np.random.default_rng([seed, 7])
    if len(values) > 2 * rows:
        values = values[np.sort(rng.choice(len(values), 2 * rows, replace=False))]
    distances = subset_distances(metric, values, values)
    found = _between(distances, size, draws, rng)
    if metric != "fid":
        spread = found.std(ddof=1) * size / count  # both sides of one distribution: falls with n
        estimate = Estimate(value=float(found.mean()), low=-1.96 * spread, high=1.96 * spread)
        return RealAgainstReal(Floor(column=column, estimate=estimate, count=count), FASTEST)
    octaves = {size: found} | {part: _between(distances, part, draws, rng) for part in _octaves(size)[1:]}
    measured = {part: _spread(values) for part, values in sorted(octaves.items())}
    means = [float(values.mean()) for values in octaves.values()]
    shrink = (size / count) ** _exponent(means, size, count, is_mean=True)
    note = ""
    if size < count:
        note = (
            f"Measured between {size} and {size} of {len(np.asanyarray(real))} real images, "
            f"and extended to {count} by how it falls with their number."
        )
    floor = Floor(
        column=column, estimate=_spread(found * shrink), count=count, note=note,
        points=tuple(CurvePoint(count=part, estimate=one) for part, one in measured.items()),
    )  # fmt: skip
    return RealAgainstReal(floor, _exponent(means, size, min(count, rows)))


def _spread(distances: Matrix) -> Estimate:
    """Mean of distances (S,) with what 95 % of them lie between, if they are spread evenly."""
    mean, error = float(distances.mean()), float(distances.std(ddof=1))
    return Estimate(value=mean, low=max(0.0, mean - 1.96 * error), high=mean + 1.96 * error, error=error)


def _between(distances: SubsetDistances, size: int, draws: int, rng: np.random.Generator) -> Matrix:
    """Distances between disjoint subsets of a size: (draws,)."""
    order = rng.permuted(np.tile(np.arange(len(distances.real)), (draws, 1)), axis=1)
    return distances(order[:, :size], order[:, size : 2 * size])


def _octaves(size: int) -> list[int]:
    """A size, its half and its quarter, as far as they have two images."""
    return [part for part in (size, size // 2, size // 4) if part >= 2]


def _exponent(means: list[float], size: int, count: int, *, is_mean: bool = False) -> float:
    """Exponent over the last octave below ``count`` images, from mean distances at `_octaves` of ``size``.

    It rises on the way to 1, so where ``count`` is out of reach the rise over the last octave goes on. With
    ``is_mean`` the mean exponent from ``size`` to ``count``.
    """
    sizes = _octaves(size)
    if len(means) < 2 or min(means) <= 0:
        return FASTEST
    steps = [np.log(means[i + 1] / means[i]) / np.log(sizes[i] / sizes[i + 1]) for i in range(len(means) - 1)]
    rise = max(0.0, steps[0] - steps[1]) if len(steps) > 1 else 0.0
    octaves = np.log2(count / size)
    octaves = (octaves + 1) / 2 if is_mean else octaves
    return float(np.clip(steps[0] + rise * octaves, SLOWEST, FASTEST))
