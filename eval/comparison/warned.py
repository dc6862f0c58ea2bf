"""Warnings of a comparison: those of `eval.warnings`, and what only the run itself knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eval.comparison.formatting import in_words, quoted
from eval.comparison.result import Comparison, ModelResult, Warned
from eval.comparison.sources import Material
from eval.comparison.stages import Stages
from eval.sets.file_hash_cache import FileHashCache
from eval.significance.memorisation import memorised
from eval.warnings import check, gather

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
    """Everything that makes a number of this comparison mislead.

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
    """Models whose outputs fit their own inputs no better than other people's."""
    if names := tuple(model.name for model in comparison.models if model.ignores_input):
        text = (
            f"{in_words(names)}: the outputs fit their own inputs no better than other people's. Such a model "
            "ignores its input, whatever its distance says."
        )
        yield Warned(code="ignores_input", severity="misleads", text=text, sets=names)


def memorising(comparison: Comparison) -> Iterator[Warned]:
    """Models whose outputs lie nearer to training photos than photos that were not trained on."""
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
    """Scores of landmarks that nobody could measure here."""
    if names := tuple(name for name, reason in missing.items() if reason):
        text = f"No face was looked for, so landmarks and faces found are left out: {missing[names[0]]}"
        yield Warned(code="no_face_detector", severity="caution", text=text, sets=names)
