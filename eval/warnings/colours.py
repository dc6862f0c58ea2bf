"""Grey against colour, and red and blue swapped, as OpenCV's order makes them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from eval.comparison.result import Warned
from eval.warnings.chance import shares_differ
from eval.warnings.facts import Facts, SetFacts
from eval.warnings.wording import listed, named, percent

SHARE = 0.05
CLEAR = 0.75  # share of a set's pictures that lean the same way
NEAR = 0.35  # how near swapping must bring a set, relative to how far it is


def grey_mix(facts: Facts) -> Iterator[Warned]:
    """Grey pictures in one set and colour in another."""
    shares = {one.name: one.share(lambda look: look.is_grey) for one in facts.sets}
    counts = {one.name: (sum(look.is_grey for look in one.looks), len(one.looks)) for one in facts.sets}
    if max(shares.values()) - min(shares.values()) > SHARE and shares_differ(counts):
        grey = [f"{named(name)} {percent(share)}" for name, share in shares.items()]
        yield Warned(
            code="grey_mix", severity="misleads", columns=facts.feature_columns,
            sets=tuple(name for name, share in shares.items() if share != shares.get(facts.real.name)) or tuple(shares),
            text=(
                f"The sets hold different shares of grey pictures ({listed(grey)}): the distance measures the missing "
                "colour. Compare grey with grey, or take such pictures out of all sets."
            ),
        )  # fmt: skip


def channels_swapped(facts: Facts) -> Iterator[Warned]:
    """A set whose colours fit the true photos' only with red and blue exchanged."""
    swapped = [one.name for one in facts.models.values() if _is_swapped(one, facts.real)]
    if swapped:
        yield Warned(
            code="channels_swapped", severity="misleads", sets=tuple(swapped), columns=facts.feature_columns,
            text=(
                f"{listed(list(map(named, swapped)))}: red and blue are swapped (the true photos lean to "
                f"{'red' if _lean(facts.real) > 0 else 'blue'}, these the other way by as much). It was written with "
                "OpenCV's order of channels; write it again as RGB."
            ),
        )  # fmt: skip


def _is_swapped(one: SetFacts, real: SetFacts) -> bool:
    if not one.looks or not real.looks:
        return False
    red_real, red_own = (each.share(lambda look: look.red > look.blue) for each in (real, one))
    is_opposite = min(red_real, 1 - red_own) >= CLEAR or min(1 - red_real, red_own) >= CLEAR
    own, true = _lean(one), _lean(real)
    return is_opposite and abs(own + true) < NEAR * abs(own - true)


def _lean(one: SetFacts) -> float:
    """Mean of red minus blue."""
    return statistics.fmean(look.red - look.blue for look in one.looks)
