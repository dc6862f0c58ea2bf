"""Compute how far reviewers agree beyond chance.

Kappa is scikit-learn's figure (the tests compare), written here because importing `sklearn.metrics` takes a page 1.9 s
of processor time and 82 MB.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of two reviewers who decided about the same images."""

    first: str
    second: str
    images: int  # how many both have decided about
    percent: float  # on how many of these they agree, 0 to 100
    # Cohen's kappa: 1 full agreement, 0 what chance gives, ``None`` where both always said the same one word, which
    # chance explains as well.
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """Agreement of each pair of reviewers, and over all pairs."""

    pairs: tuple[PairAgreement, ...]

    @property
    def images(self) -> int:
        """Count the pairs of decisions that were compared."""
        return sum(pair.images for pair in self.pairs)

    @property
    def percent(self) -> float | None:
        """Average over all pairs, weighted by their images; ``None`` if nobody shares one."""
        return sum(pair.percent * pair.images for pair in self.pairs) / self.images if self.images else None

    @property
    def kappa(self) -> float | None:
        """Average over the pairs that have one, weighted by their images."""
        having = [(pair.kappa, pair.images) for pair in self.pairs if pair.kappa is not None]
        weight = sum(images for _, images in having)
        return sum(kappa * images for kappa, images in having) / weight if weight else None


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Compute the agreement of two raters beyond chance (Cohen 1960).

    Parameters
    ----------
    first, second : (N,)
        What each said about the same N things.

    Returns
    -------
    kappa
        At most 1; ``None`` if N is 0, or both only ever used one and the same word.
    """
    if len(first) != len(second):
        raise ValueError(f"expected as many ratings of both, got {len(first)} and {len(second)}")
    if not first:
        return None
    words = {word: code for code, word in enumerate(sorted({*first, *second}))}
    counts = np.zeros((len(words), len(words)))
    np.add.at(counts, ([words[word] for word in first], [words[word] for word in second]), 1)
    shares = counts / counts.sum()
    observed = float(np.trace(shares))
    expected = float(shares.sum(axis=0) @ shares.sum(axis=1))
    return (observed - expected) / (1 - expected) if expected < 1 - 1e-12 else None


def compare_reviewers(ratings: Iterable[tuple[Hashable, str, str]]) -> Agreement:
    """Compare all pairs of reviewers.

    Parameters
    ----------
    ratings
        ``(image, reviewer, decision)``, one of each reviewer and image at most.

    Returns
    -------
    agreement
        Pairs that share at least one image, in alphabetical order.
    """
    said: dict[str, dict[Hashable, str]] = defaultdict(dict)
    for image, reviewer, decision in ratings:
        said[reviewer][image] = decision
    pairs = []
    for first, second in combinations(sorted(said), 2):
        shared = [image for image in said[first] if image in said[second]]
        if not shared:
            continue
        left = [said[first][image] for image in shared]
        right = [said[second][image] for image in shared]
        agreed = sum(a == b for a, b in zip(left, right, strict=True))
        pairs.append(
            PairAgreement(first, second, len(shared), 100 * agreed / len(shared), cohen_kappa(left, right))
        )
    return Agreement(tuple(pairs))
