"""A score of outputs against what they should be, and the same against somebody else's: the control.

Any two faces resemble one another, so a small distance proves nothing. A model that ignores its input gets the
same score with the inputs shuffled, and only that unmasks it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from eval.metrics.faithfulness import shuffled_partners

Output = TypeVar("Output")
Truth = TypeVar("Truth")

# Mean advantage over the control, in standard errors, below which a model counts as ignoring its input.
SEPARATED = 3.0


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
        gains = np.subtract(self.control, self.values)
        gains = gains[np.isfinite(gains)] * (-1 if self.higher_is_better else 1)
        if len(gains) < 2:
            return math.nan
        error = float(gains.std(ddof=1) / math.sqrt(len(gains)))
        mean = float(gains.mean())
        if error == 0:
            return math.copysign(math.inf, mean) if mean else 0.0
        return mean / error

    @property
    def ignores_input(self) -> bool:
        """Whether the outputs fit their own inputs no better than strangers'."""
        return not self.advantage >= SEPARATED


def with_control(
    score: Callable[[Output, Truth], float],
    outputs: Sequence[Output | None],
    truths: Sequence[Truth],
    *,
    higher_is_better: bool = False,
    seed: int = 0,
) -> Controlled:
    """Score every output against its own truth and against another one's.

    Parameters
    ----------
    score
        Of one output and one truth.
    outputs
        ``None`` where there is nothing to score; it counts as NaN and takes no part in the control.
    truths
        In the same order.
    seed
        Of the shuffle; no output keeps its own truth.

    Raises
    ------
    ValueError
        If there are not as many truths as outputs, or none.
    """
    if len(outputs) != len(truths) or not outputs:
        raise ValueError(f"expected as many outputs as truths, got {len(outputs)} and {len(truths)}.")
    present = [i for i, output in enumerate(outputs) if output is not None]
    values, control = [math.nan] * len(outputs), [math.nan] * len(outputs)
    strangers = shuffled_partners(len(present), seed=seed) if len(present) > 1 else []
    for position, i in enumerate(present):
        output = outputs[i]
        assert output is not None
        values[i] = score(output, truths[i])
        if strangers:
            control[i] = score(output, truths[present[strangers[position]]])
    return Controlled(tuple(values), tuple(control), higher_is_better)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
