"""Files that hold several pictures each, as the reference projects write their results."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from eval.comparison.result import Warned
from eval.warnings.facts import Facts, SetFacts
from eval.warnings.wording import listed, named

MOST = 0.8  # share of a set's pictures with the same number of panels
SEAM = 2.0
CERTAIN = 3  # so many squares in a row are no photo


def strips(facts: Facts) -> Iterator[Warned]:
    """Pictures stacked above each other: U-GAT-IT writes seven, from its input to its cycle."""
    found = {one.name: -count for one in _sets(facts) if (count := _panels(one, facts.real)) < 0}
    if found:
        told = listed([f"{named(name)} ({count} above each other)" for name, count in found.items()])
        yield Warned(
            code="strips", severity="misleads", sets=tuple(found), columns=_columns(facts),
            text=(
                f"Each file holds several pictures: {told}. U-GAT-IT writes its results like that; the output is only "
                "one of them. Take it out with: python -m eval.sets.split IN OUT"
            ),
        )  # fmt: skip


def sheets(facts: Facts) -> Iterator[Warned]:
    """Pictures side by side, input and output in one file, as Pix2PixHD's and pix2pix's sheets."""
    found = {one.name: count for one in _sets(facts) if (count := _panels(one, facts.real)) > 1}
    if found:
        told = listed([f"{named(name)} ({count} side by side)" for name, count in found.items()])
        yield Warned(
            code="sheets", severity="misleads", sets=tuple(found), columns=_columns(facts),
            text=(
                f"Each file holds several pictures: {told}, so that input and truth are scored as output. Take the "
                "output out with: python -m eval.sets.split IN OUT"
            ),
        )  # fmt: skip


def _sets(facts: Facts) -> tuple[SetFacts, ...]:
    return facts.sets


def _columns(facts: Facts) -> tuple[str, ...]:
    return tuple(column.key for column in facts.comparison.columns)


def _panels(one: SetFacts, real: SetFacts) -> int:
    """How many pictures most files of a set hold; 1 unless seams, or another shape than the true photos', show it."""
    looks = one.looks
    if not looks:
        return 1
    usual = statistics.mode(look.panels for look in looks)
    alike = [look.seam for look in looks if look.panels == usual]
    if abs(usual) < 2 or len(alike) < MOST * len(looks):
        return 1
    is_of_another_shape = bool(real.looks) and statistics.mode(look.panels for look in real.looks) != usual
    is_certain = abs(usual) >= CERTAIN or statistics.median(alike) >= SEAM or is_of_another_shape
    return usual if is_certain else 1
