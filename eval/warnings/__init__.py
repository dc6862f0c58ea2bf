"""What makes a number mislead: pure checks over the facts of a comparison, each with a code of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eval.comparison.result import Severity, Warned
from eval.warnings import copies, files, pictures, scores
from eval.warnings.facts import Facts, gather

__all__ = ["CHECKS", "Facts", "check", "gather"]

Check = Callable[[Facts], Iterable[Warned]]

CHECKS: tuple[Check, ...] = (
    files.few_images,
    files.rank_deficient,
    files.unequal_counts,
    files.files_left_out,
    files.format_mix,
    files.size_mix,
    pictures.grey_mix,
    pictures.channels_swapped,
    pictures.value_range,
    pictures.transparency,
    pictures.blurred_outputs,
    pictures.strips,
    pictures.sheets,
    files.unmatched_names,
    copies.train_in_reference,
    copies.duplicates_between_sets,
    copies.training_copies,
    copies.reencoded_copies,
    copies.repeated_outputs,
    scores.below_floor,
    scores.metrics_disagree,
    scores.bias_decides,
    scores.best_of_checkpoints,
    scores.custom_weights,
)
_ORDER: dict[Severity, int] = {"misleads": 0, "caution": 1, "note": 2}


def check(facts: Facts) -> tuple[Warned, ...]:
    """Everything that the checks find, what misleads first."""
    found = [warned for one in CHECKS for warned in one(facts)]
    return tuple(sorted(found, key=lambda warned: _ORDER[warned.severity]))
