"""What the trust in a column's numbers is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eval.comparison.result import Curve, Estimate, Floor, PairResult, Standing


@dataclass(frozen=True)
class Trusted:
    """One column: its numbers, and how far they can be trusted.

    Attributes
    ----------
    scores
        By model.
    pairs
        Every two models, in the order they were given.
    standings
        By model, best first; see `eval.trust.standings`.
    floor
        What real images get against real images; None where they are too few, or nothing of the kind exists.
    curves
        Each model's value against the number of images.
    settings
        What was done, for ``Comparison.settings``: rows used by the tests, permutations, resamples.
    """

    scores: dict[str, Estimate]
    pairs: tuple[PairResult, ...]
    standings: tuple[Standing, ...]
    floor: Floor | None
    curves: tuple[Curve, ...]
    settings: Mapping[str, int | float | str | bool]
