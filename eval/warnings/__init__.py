"""Check a comparison for what makes its numbers mislead: pure checks over its facts, each with a code of its own.

A few checks need what only the run itself knows: whether inputs were ignored, photos learnt by heart, faces looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from eval.comparison.formatting import in_words, quoted
from eval.comparison.result import Comparison, ModelResult, Severity, Warned
from eval.significance.memorisation import memorised
from eval.warnings import copies, files, pictures, scores
from eval.warnings.facts import Facts, gather

if TYPE_CHECKING:
    from eval.comparison.sources import Material
    from eval.comparison.stages import Stages
    from eval.sets.file_hash_cache import FileHashCache

__all__ = ["CHECKS", "Facts", "check", "gather", "warnings_of"]

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
    """Give everything that the checks find, what misleads first."""
    found = [warned for one in CHECKS for warned in one(facts)]
    return tuple(sorted(found, key=lambda warned: _ORDER[warned.severity]))


MAX_SUSPECTS = 0.05  # share of outputs nearer to a training photo than unseen photos are
SURE = 0.01


def warnings_of(
    comparison: Comparison,
    material: Material,
    stages: Stages,
    *,
    missing: Mapping[str, str],
    dimensions: int,
    seen: FileHashCache | None = None,
) -> tuple[Warned, ...]:
    """Collect everything that makes a number of this comparison mislead.

    Parameters
    ----------
    missing
        By model, why there are no landmarks; empty where there are.
    dimensions
        Width of the features.
    seen
        Remembers what pictures look like.
    """
    facts = gather(
        comparison,
        material.real,
        material.fakes,
        training=material.training,
        dimensions=dimensions,
        checkpoints={name: len(steps) for name, steps in material.checkpoints.items()},
        seen=seen,
        progress=stages.within("looking for what misleads"),
    )
    own = (*ignoring(comparison), *memorising(comparison), *without_detector(missing))
    return (*own, *check(facts))


def ignoring(comparison: Comparison) -> Iterator[Warned]:
    """Warn of models whose outputs fit their own inputs no better than other people's."""
    if names := tuple(model.name for model in comparison.models if model.ignores_input):
        text = (
            f"{in_words(names)}: the outputs fit their own inputs no better than other people's. Such a model "
            "ignores its input, whatever its distance says."
        )
        yield Warned(code="ignores_input", severity="misleads", text=text, sets=names)


def memorising(comparison: Comparison) -> Iterator[Warned]:
    """Warn of models whose outputs lie nearer to training photos than photos that were not trained on."""
    usual = _distances(comparison.real_nearest_training)
    for model in comparison.models:
        own = _distances(model.nearest_training)
        if not usual or not own:
            continue
        found = memorised(own, usual)
        if found.share > MAX_SUSPECTS and found.p < SURE:
            yield Warned(
                code="memorised", severity="misleads", text=_near(model, found.share), sets=(model.name,)
            )


def _near(model: ModelResult, share: float) -> str:
    return (
        f"{share:.0%} of the images of {quoted(model.name)} lie nearer to a training photo than 99 % of the "
        f"true photos "
        "that were not trained on. Look at them beside their nearest training photo: the model may repeat it."
    )


def _distances(nearest: tuple[tuple[str, float] | None, ...]) -> list[float]:
    return [one[1] for one in nearest if one is not None]


def without_detector(missing: Mapping[str, str]) -> Iterator[Warned]:
    """Warn of scores of landmarks that nobody could measure here."""
    if names := tuple(name for name, reason in missing.items() if reason):
        text = f"No face was looked for, so landmarks and faces found are left out: {missing[names[0]]}"
        yield Warned(code="no_face_detector", severity="caution", text=text, sets=names)
