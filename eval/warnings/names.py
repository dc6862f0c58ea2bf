"""Outputs that cannot be matched with the photos that they should resemble."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eval.comparison.result import Warned
from eval.warnings.facts import Facts, SetFacts
from eval.warnings.wording import listed, named

# What the reference projects put behind a name.
NUMBERED = re.compile(r"(A2B|B2A)_\d+")
RESULT_ENDING = re.compile(r"_(real|fake|rec|idt)_[AB]$|_(synthesized|real)_image$|_input_label$")


def unmatched_names(facts: Facts) -> Iterator[Warned]:
    """Names of outputs that the true photos do not have: pairs are what tests and single cases go by."""
    real = {picture.name for picture in facts.real.pictures}
    if not real:  # statistics have no names
        return
    none, some = [], []
    for one in facts.models.values():
        missing = sum(picture.name not in real for picture in one.pictures)
        if missing and missing == len(one):
            none.append(one)
        elif missing:
            some.append((one, missing))
    if some:
        told = listed([f"{missing} of {len(one)} of {named(one.name)}" for one, missing in some])
        yield Warned(
            code="unmatched_names", severity="caution", sets=tuple(one.name for one, _ in some),
            text=(
                f"Outputs without a photo of the same name: {told}. They count for distances but for no paired score. "
                f"{_advice([one for one, _ in some], real)}"
            ),
        )  # fmt: skip
    if none:
        yield Warned(
            code="unmatched_names", severity="caution", sets=tuple(one.name for one in none),
            text=(
                f"No output of {listed([named(one.name) for one in none])} is named as a photo, so there are no paired "
                f"scores and no paired tests. {_advice(none, real)}"
            ),
        )  # fmt: skip


def _advice(sets: list[SetFacts], real: set[str]) -> str:
    own = [picture.name for one in sets for picture in one.pictures if picture.name not in real]
    if any(NUMBERED.fullmatch(last_of(name)) for name in own):
        return (
            "They are numbered as U-GAT-IT does; name them as their inputs with: python -m eval.sets.split IN OUT "
            "--inputs DIR"
        )
    last = {last_of(name) for name in real}
    if any(
        (plain := RESULT_ENDING.sub("", last_of(name))) in last and plain != last_of(name) for name in own
    ):
        return "They are a reference project's results; split them with: python -m eval.sets.split IN OUT"
    if sum(last_of(name) in last for name in own) > len(own) / 2:
        return (
            "They would match without the folders' names: name the folder that holds the pictures themselves."
        )
    return "Name each output as the photo of its input."


def last_of(name: str) -> str:
    """A name without its folders."""
    return name.rsplit("/", 1)[-1]
