"""Which rows of the sets are compared: the same inputs where names say so, a seeded sample where they are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.significance.subsets import Rows

LEAST_SHARED = 8  # inputs; fewer pairs say nothing
REAL_ROWS = 1000  # of a real set that is not the truths of the same inputs


@dataclass(frozen=True)
class Sample:
    """Rows of a model and of the real images that are looked at together."""

    # model, real: row ids.
    model: Rows
    real: Rows
    # Whether the k-th real image is the truth of the k-th output: then they are drawn together.
    is_matched: bool


@dataclass(frozen=True)
class Cases:
    """Names of all sets' rows.

    Parameters
    ----------
    counts
        Rows by model.
    real_count
        Rows of the real set.
    names, real_names
        A name per row, or None. Names that repeat within a set are no names.
    limit
        Rows of a set that are looked at.
    is_reference
        Whether the real rows stand for a mean and a covariance: they are taken whole or not at all.
    """

    counts: Mapping[str, int]
    real_count: int
    names: Mapping[str, Sequence[str]]
    real_names: Sequence[str] | None
    limit: int
    seed: int
    is_reference: bool = False

    def of(self, model: str) -> frozenset[str] | None:
        """A model's names; None where it has none, or they repeat."""
        given = self.names.get(model, ())
        distinct = frozenset(given)
        return distinct if given and len(distinct) == len(given) else None

    def shared(self, first: str, second: str) -> frozenset[str] | None:
        """Inputs that both models were given; None if too few to compare by them."""
        ours, theirs = self.of(first), self.of(second)
        if ours is None or theirs is None:
            return None
        common = ours & theirs
        enough = len(common) >= max(LEAST_SHARED, min(len(ours), len(theirs)) / 2)
        return common if enough else None

    def sample(
        self,
        model: str,
        cases: frozenset[str] | None,
        *,
        limit: int | None = None,
        real_limit: int = REAL_ROWS,
    ) -> Sample:
        """Rows of a model for these inputs (None: any), and of the real images to go with them.

        The same inputs always give the same draw, so that models are compared on them alone.
        """
        limit = min(limit or self.limit, self.limit)
        some_real = self._some(self.real_count, self.real_count if self.is_reference else real_limit, 2)
        if cases is None:
            stream = 10 + list(self.counts).index(model)
            return Sample(self._some(self.counts[model], limit, stream), some_real, False)
        ordered = sorted(cases)
        chosen = [ordered[i] for i in self._some(len(ordered), limit, 1)]
        rows = _rows(self.names[model], chosen)
        if self._is_truth(cases):
            return Sample(rows, _rows(self.real_names or (), chosen), True)
        return Sample(rows, some_real, False)

    def _is_truth(self, cases: frozenset[str]) -> bool:
        """Whether the real set holds the truth of each input, and little else."""
        if self.real_names is None or len(self.real_names) > 1.25 * len(cases):
            return False
        distinct = set(self.real_names)
        return len(distinct) == len(self.real_names) and cases <= distinct

    def share(self, model: str, sample: Sample) -> float:
        """Give what part of all images a sample is: of model and real set together, as few of either hurt."""
        return _effective(len(sample.model), len(sample.real)) / _effective(
            self.counts[model], self.real_count
        )

    def _some(self, count: int, limit: int, stream: int) -> Rows:
        if count <= limit:
            return np.arange(count)
        rng = np.random.default_rng([self.seed, stream])
        return np.sort(rng.choice(count, limit, replace=False))


def _effective(first: int, second: int) -> float:
    return 2 / (1 / first + 1 / second)


def _rows(names: Sequence[str], chosen: Sequence[str]) -> Rows:
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[name] for name in chosen], dtype=np.intp)
