"""Fréchet and kernel distances of thousands of subsets of the same two sets, in batches.

Permutations, subsamples and curves ask for little else. With inner products at hand, a Fréchet distance needs
one symmetric eigenvalue problem of the subset's size (or of the features' width, where that is smaller), and a
kernel distance only sums.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.feature_stats import checked_features
from eval.metrics.kid import cubic_kernel

Matrix = NDArray[np.float64]
Rows = NDArray[np.intp]
MetricName = Literal["fid", "kid"]

CHUNK = 1_000_000  # numbers in a batch of blocks


class SubsetDistances(ABC):
    """Distances between subsets of a real set and subsets of a pool of fakes.

    Parameters
    ----------
    real, fake : (N, D), (M, D)
        They are held with their inner products: ``8 * (N + M)^2`` bytes. Thin them out before.

    Attributes
    ----------
    resolution : float
        Differences below this are rounding.
    """

    def __init__(self, real: ArrayLike, fake: ArrayLike) -> None:
        self.real = checked_features(real, "real")
        self.fake = checked_features(fake, "fake", dimensions=self.real.shape[1])
        centre = self.real.mean(axis=0)  # inner products around it keep more digits
        ours, theirs = self.real - centre, self.fake - centre
        scale = float((ours**2).sum(axis=1).mean() + (theirs**2).sum(axis=1).mean())
        self.resolution = 1e-7 * scale

    def __call__(self, real_rows: Rows, fake_rows: Rows) -> Matrix:
        """Distances of subsets of two rows and more, without repeats: (B, n) and (B, m) row ids -> (B,)."""
        step = max(1, CHUNK // self._numbers(real_rows.shape[1], fake_rows.shape[1]))
        parts = [
            self._distances(real_rows[start : start + step], fake_rows[start : start + step])
            for start in range(0, len(real_rows), step)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def splits(self, first: Rows, second: Rows) -> Matrix:
        """Distance of all real rows from ``first`` minus that from ``second``, which together are all fakes: (B,).

        Parameters
        ----------
        first, second : (B, n), (B, m)
            Ids of the pool's rows; every row once in one of them.
        """
        everything = np.broadcast_to(np.arange(len(self.real)), (len(first), len(self.real)))
        return self(everything, first) - self(everything, second)

    @abstractmethod
    def _numbers(self, n: int, m: int) -> int:
        """Numbers that one pair of subsets of n and m rows needs at a time."""

    @abstractmethod
    def _distances(self, real_rows: Rows, fake_rows: Rows) -> Matrix: ...


class FrechetOfSubsets(SubsetDistances):
    """Equal to `eval.metrics.fid.frechet_distance` of the subsets to 1e-6 of their spread.

    ``|m1 - m2|^2 + tr S1 + tr S2 - 2 |X1 X2'|_*``: the nuclear norm from eigenvalues, whose error is below
    1e-8 of the largest singular value; never below 0 but by rounding, and not clipped there.
    """

    def __init__(self, real: ArrayLike, fake: ArrayLike) -> None:
        super().__init__(real, fake)
        centre = self.real.mean(axis=0)
        self.real = self.real - centre
        self.fake = self.fake - centre
        self._cross = self.real @ self.fake.T
        self._squares = (self.real**2).sum(axis=1), (self.fake**2).sum(axis=1)

    def splits(self, first: Rows, second: Rows) -> Matrix:
        """See `SubsetDistances.splits`; what one side's Gram matrix lacks of the whole is the other's."""
        n, m = first.shape[1], second.shape[1]
        if len(self.real) > min(n, m) or self._is_narrow(n, m):
            return super().splits(first, second)
        step = max(1, CHUNK // (len(self.real) * n))
        cross = np.ascontiguousarray((self._cross - self._cross.mean(axis=0)).T)
        whole, total = cross.T @ cross, cross.sum(axis=0)
        parts = []
        for start in range(0, len(first), step):
            rows = first[start : start + step]
            chosen = cross[rows]
            grams, sums = chosen.transpose(0, 2, 1) @ chosen, chosen.sum(axis=1)
            others, rest = whole - grams, total - sums
            grams -= sums[:, :, None] * (sums / n)[:, None, :]
            others -= rest[:, :, None] * (rest / m)[:, None, :]
            norms = [_roots(gram) / np.sqrt(count - 1) for gram, count in ((grams, n), (others, m))]
            apart = self._apart(rows) - self._apart(second[start : start + step])
            parts.append(apart - 2 * (norms[0] - norms[1]) / np.sqrt(len(self.real) - 1))
        return np.concatenate(parts) if parts else np.empty(0)

    def _apart(self, fake_rows: Rows) -> Matrix:
        """What a subset adds to its distance from all real rows besides the nuclear norm."""
        m = fake_rows.shape[1]
        mean = _indicator(fake_rows, len(self.fake)) @ self.fake / m
        square = (mean**2).sum(axis=1)  # the real mean is 0
        apart: Matrix = square + (self._squares[1][fake_rows].sum(axis=1) - m * square) / (m - 1)
        return apart

    def _numbers(self, n: int, m: int) -> int:
        width = self.real.shape[1]
        return (n + m) * width if self._is_narrow(n, m) else n * m

    def _is_narrow(self, n: int, m: int) -> bool:
        return self.real.shape[1] < min(n, m)

    def _distances(self, real_rows: Rows, fake_rows: Rows) -> Matrix:
        n, m = real_rows.shape[1], fake_rows.shape[1]
        means = [
            _indicator(rows, len(values)) @ values / rows.shape[1]
            for rows, values in ((real_rows, self.real), (fake_rows, self.fake))
        ]
        traces = [
            (squares[rows].sum(axis=1) - rows.shape[1] * (mean**2).sum(axis=1)) / (rows.shape[1] - 1)
            for rows, squares, mean in zip((real_rows, fake_rows), self._squares, means, strict=True)
        ]
        shift = ((means[0] - means[1]) ** 2).sum(axis=1)
        if self._is_narrow(n, m):
            norms = _nuclear_narrow(
                self.real[real_rows] - means[0][:, None], self.fake[fake_rows] - means[1][:, None]
            )
        else:
            blocks = self._cross[real_rows[:, :, None], fake_rows[:, None, :]]
            blocks -= blocks.mean(axis=1, keepdims=True)
            blocks -= blocks.mean(axis=2, keepdims=True)
            norms = _nuclear(blocks)
        distances: Matrix = shift + traces[0] + traces[1] - 2 * norms / np.sqrt((n - 1) * (m - 1))
        return distances


class KernelOfSubsets(SubsetDistances):
    """Equal to `eval.metrics.kid.kernel_distance` of the subsets."""

    def __init__(self, real: ArrayLike, fake: ArrayLike) -> None:
        super().__init__(real, fake)
        width = self.real.shape[1]
        self._own = cubic_kernel(self.real @ self.real.T, width)
        self._their = cubic_kernel(self.fake @ self.fake.T, width)
        self._cross = cubic_kernel(self.real @ self.fake.T, width)
        largest = max(np.diag(self._own).mean(), np.diag(self._their).mean())
        self.resolution = 1e-12 * float(largest)

    def _numbers(self, n: int, m: int) -> int:
        return len(self._own) + len(self._their)

    def _distances(self, real_rows: Rows, fake_rows: Rows) -> Matrix:
        n, m = real_rows.shape[1], fake_rows.shape[1]
        ours = _indicator(real_rows, len(self._own))
        theirs = _indicator(fake_rows, len(self._their))
        within = ((ours @ self._own) * ours).sum(axis=1) - ours @ np.diag(self._own)
        their = ((theirs @ self._their) * theirs).sum(axis=1) - theirs @ np.diag(self._their)
        across = ((ours @ self._cross) * theirs).sum(axis=1)
        distances: Matrix = within / (n * (n - 1)) + their / (m * (m - 1)) - 2 * across / (n * m)
        return distances


def subset_distances(metric: MetricName, real: ArrayLike, fake: ArrayLike) -> SubsetDistances:
    """Compute the distances of a metric. ValueError if the features do not fit."""
    return (FrechetOfSubsets if metric == "fid" else KernelOfSubsets)(real, fake)


def _indicator(rows: Rows, count: int) -> Matrix:
    """One row per subset with ones where its members are: (B, count)."""
    chosen = np.zeros((len(rows), count))
    np.put_along_axis(chosen, rows, 1.0, axis=1)
    return chosen


def _nuclear(blocks: Matrix) -> Matrix:
    """Sums of singular values of (B, n, m)."""
    turned = blocks.transpose(0, 2, 1)
    grams = blocks @ turned if blocks.shape[1] <= blocks.shape[2] else turned @ blocks
    return _roots(grams)


def _nuclear_narrow(ours: Matrix, theirs: Matrix) -> Matrix:
    """Sums of singular values of ``ours @ theirs'`` (B, n, D), (B, m, D) with D below n and m."""
    own, their = (values.transpose(0, 2, 1) @ values for values in (ours, theirs))
    eigenvalues, vectors = np.linalg.eigh(own)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0))[:, None, :]
    return _roots(root.transpose(0, 2, 1) @ their @ root)


def _roots(symmetric: Matrix) -> Matrix:
    """Sums of the square roots of the eigenvalues of (B, n, n)."""
    roots: Matrix = np.sqrt(np.maximum(np.linalg.eigvalsh(symmetric), 0)).sum(axis=1)
    return roots
