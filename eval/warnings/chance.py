"""Whether sets differ by more than chance: two draws from one pool are never quite alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from scipy.stats import fisher_exact, mannwhitneyu

ALPHA = 0.01  # of a false alarm, over all pairs of sets


def shares_differ(counts: Mapping[str, tuple[int, int]]) -> bool:
    """Whether the shares of some two sets differ (Fisher's exact test, Bonferroni over the pairs).

    Parameters
    ----------
    counts
        By set, how many pictures have a property, and how many pictures there are.
    """
    pairs = list(combinations(counts.values(), 2))
    return any(
        fisher_exact([[mine, of - mine], [theirs, all_theirs - theirs]]).pvalue * len(pairs) < ALPHA
        for (mine, of), (theirs, all_theirs) in pairs
    )


def levels_differ(values: Mapping[str, Sequence[float]]) -> bool:
    """Whether the values of some two sets lie elsewhere (Mann-Whitney, Bonferroni over the pairs)."""
    pairs = list(combinations([one for one in values.values() if len(one)], 2))
    return any(
        mannwhitneyu(mine, theirs, method="asymptotic").pvalue * len(pairs) < ALPHA
        for mine, theirs in pairs
        if set(mine) != set(theirs) or len(set(mine)) > 1  # of equal constants nothing can be tested
    )
