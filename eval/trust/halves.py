"""How far a distance varies, and what few images add to it, from distances between halves of the sets.

Resampling with replacement repeats images, which lowers a set's covariance and moves the Frechet distance by a
good fifth, so the bootstrap is of no use here. Halves repeat nothing. All sets are cut in two at once, over and
over, and both halves are measured. With a linear part of variance ``a / n`` and a quadratic part of ``b / n^2``
(n: images in a whole set), the half difference of a cut's two distances varies by ``a / n + 2 b / n^2``, and their
mean by ``b / n^2`` from cut to cut. A delete-half jackknife alone (Shao & Wu 1989) has ``a / n + 3 b / n^2`` and
covers too much where few images make the quadratic part large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from eval.comparison.result import Estimate
from eval.trust.subsets import Rows

Matrix = NDArray[np.float64]

FEWEST = 8  # images in a set that is cut
BEYOND_REACH = 1_000_000
POWER = 0.8


@dataclass(frozen=True)
class Halves:
    """A distance, or a difference of two, of whole sets and of their halves.

    Attributes
    ----------
    count
        Images in the whole sets.
    whole
        The distance of the whole sets.
    first, second : (S,)
        The distance of either half in each of S cuts.
    """

    count: int
    whole: float
    first: Matrix
    second: Matrix

    def __sub__(self, other: Halves) -> Halves:
        """The difference of two distances over the same cuts."""
        if (self.count, len(self.first)) != (other.count, len(other.first)):
            raise ValueError(
                f"expected the same cuts, got {len(self.first)} of {self.count} and "
                f"{len(other.first)} of {other.count} images."
            )
        return Halves(
            self.count, self.whole - other.whole, self.first - other.first, self.second - other.second
        )

    @property
    def variances(self) -> tuple[float, float]:
        """The linear and the quadratic part of ``whole``'s variance."""
        across = float((((self.first - self.second) / 2) ** 2).mean())
        quadratic = min(float(((self.first + self.second) / 2).var(ddof=1)), across / 2)
        return across - 2 * quadratic, quadratic

    def error(self, share: float = 1.0) -> float:
        """Standard error of the distance; at ``count / share`` images, if these are a part of them."""
        linear, quadratic = self.variances
        return float(np.sqrt(linear * share + quadratic * share**2))

    def bias(self, exponent: float, share: float = 1.0) -> float:
        """What few images add, if that falls with ``count ** -exponent``; at ``count / share`` images."""
        growth = (self.count / (self.count // 2)) ** exponent - 1
        half = float((self.first.mean() + self.second.mean()) / 2)
        return float((half - self.whole) / growth * share**exponent)


@dataclass(frozen=True)
class Cut:
    """A model's distances by halves, what part of all images they were taken of, and what bias they have.

    ``exponent`` is that of the bias of few images; None without bias. A kernel distance has one as well where
    the real images are the truths of the same inputs: each output meets its own truth in one of N pairs.
    """

    halves: Halves
    share: float
    exponent: float | None


def cuts(count: int, times: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Ids below ``count`` cut in two at random: (times, count // 2) twice; of an odd number one is left out."""
    order = rng.permuted(np.tile(np.arange(count), (times, 1)), axis=1)
    half = count // 2
    return order[:, :half], order[:, half : 2 * half]


def interval(value: float, error: float, *, count: int, alpha: float = 0.05) -> Estimate:
    """A value with its interval (Student's t with ``count - 1`` degrees of freedom)."""
    reach = float(stdtrit(count - 1, 1 - alpha / 2)) * error
    return Estimate(value=value, low=value - reach, high=value + reach, error=error)


def excludes_zero(estimate: Estimate) -> bool:
    """Whether the interval has one sign."""
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
