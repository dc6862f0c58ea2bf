"""A score of outputs against what they should be, and the same against somebody else's: the control.

Any two faces resemble one another, so a small distance proves nothing. A model that ignores its input gets the
same score with the inputs shuffled, and only that unmasks it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Output = TypeVar("Output")
Truth = TypeVar("Truth")

# Chance that outputs which ignore their input fit it better than strangers' as clearly, for them not to count so.
SURE = 0.01


@dataclass(frozen=True)
class Controlled:
    """Attributes
    ----------
    values
        Score of each output, in order; NaN where there is nothing to score (no face).
    control
        Score of the same outputs against a stranger's truth.
    higher_is_better
        Of the score.
    """

    values: tuple[float, ...]
    control: tuple[float, ...]
    higher_is_better: bool = False

    @property
    def mean(self) -> float:
        return _mean(self.values)

    @property
    def p95(self) -> float:
        """What the worst twentieth of the outputs do not reach."""
        known = [value for value in self.values if not math.isnan(value)]
        share = 5 if self.higher_is_better else 95
        return float(np.percentile(known, share)) if known else math.nan

    @property
    def control_mean(self) -> float:
        return _mean(self.control)

    @property
    def advantage(self) -> float:
        """Mean advantage over the control in standard errors; NaN with fewer than two outputs to compare."""
        gains = self._gains
        if len(gains) < 2:
            return math.nan
        error = float(gains.std(ddof=1) / math.sqrt(len(gains)))
        mean = float(gains.mean())
        if error == 0:
            return math.copysign(math.inf, mean) if mean else 0.0
        return mean / error

    @property
    def ignores_input(self) -> bool:
        """Whether the outputs fit their own inputs no better than strangers', by a one-sided paired t-test.

        A fixed number of standard errors would ask more of few outputs than of many.
        """
        return not stats.t.sf(self.advantage, len(self._gains) - 1) < SURE

    @property
    def _gains(self) -> NDArray[np.float64]:
        gains = np.subtract(self.control, self.values)
        return gains[np.isfinite(gains)] * (-1 if self.higher_is_better else 1)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
