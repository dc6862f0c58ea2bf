"""Warn of what the pictures themselves show: colour, levels, detail, panels."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from eval.comparison.formatting import quoted, standing_of
from eval.comparison.result import Warned
from eval.warnings.facts import Facts, SetFacts
from eval.warnings.files import levels_differ, shares_differ
from eval.warnings.picture_statistics import PictureStatistics
from eval.warnings.wording import listed, percent

SHARE = 0.05
CLEAR = 0.75  # share of a set's pictures that lean the same way
NEAR = 0.35  # how near swapping must bring a set, relative to how far it is


def grey_mix(facts: Facts) -> Iterator[Warned]:
    """Grey pictures in one set and colour in another."""
    shares = {one.name: one.share(lambda look: look.is_grey) for one in facts.sets}
    counts = {one.name: (sum(look.is_grey for look in one.looks), len(one.looks)) for one in facts.sets}
    if max(shares.values()) - min(shares.values()) > SHARE and shares_differ(counts):
        grey = [f"{quoted(name)} {percent(share)}" for name, share in shares.items()]
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
                f"{listed(list(map(quoted, swapped)))}: red and blue are swapped (the true photos lean to "
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


REWARD_BLUR = ("l1", "psnr", "ssim", "ms_ssim")
SOFT = 0.6  # of the true photos' detail
TRANSPARENT = 0.05
# Medians over a set. Measured on 512 px faces: clipped black .51, true photos 0; washed out 133 to 231, true 12 to 208.
CLIPPED, USUALLY_CLIPPED = 0.2, 0.05
BLACK, WASHED_LOW, RAISED, NARROW = 8, 100, 40, 0.7
TORN, USUALLY_TORN = 0.003, 0.001


def value_range(facts: Facts) -> Iterator[Warned]:
    """Outputs in [-1, 1] that were written as if they were in [0, 1], or the other way round."""
    if not facts.real.looks:
        return
    found = {one.name: how for one in facts.models.values() if (how := _written(one, facts.real))}
    if found:
        told = listed([f"{quoted(name)} ({how})" for name, how in found.items()])
        yield Warned(
            code="value_range", severity="misleads", sets=tuple(found),
            text=(
                f"Written in a wrong range: {told}. Such outputs are in [-1, 1], as a tanh gives them: write "
                "(x + 1) / 2 * 255, once, and compare again."
            ),
        )  # fmt: skip


def _written(one: SetFacts, real: SetFacts) -> str:
    """What is wrong with the levels of a set; empty if nothing is."""
    if not one.looks:
        return ""

    def both(what: Callable[[PictureStatistics], float]) -> tuple[float, float]:
        return _median(one, what), _median(real, what)

    high, usual_high = both(lambda look: look.high)
    if high <= BLACK and usual_high > 10 * BLACK:
        return "nearly black"
    black, usually_black = both(lambda look: look.black)
    if black >= CLIPPED and usually_black <= USUALLY_CLIPPED:
        return f"{percent(black)} of the pixels cut off at black, of the true photos {percent(usually_black)}"
    low, usual_low = both(lambda look: look.low)
    if low >= WASHED_LOW and low > usual_low + RAISED and high - low < NARROW * (usual_high - usual_low):
        return f"washed out, nothing darker than {low:.0f} of 255"
    torn, usually_torn = both(lambda look: look.jumps)
    if torn >= TORN and usually_torn <= USUALLY_TORN:
        return "black and white side by side, as negative numbers become when they are cut to 8 bits"
    return ""


def transparency(facts: Facts) -> Iterator[Warned]:
    """Pictures that something shows through, which tools fill differently."""
    sets = [one for one in facts.sets if one.looks]
    shares = {one.name: one.share(lambda look: look.is_transparent) for one in sets}
    counts = {one.name: (sum(look.is_transparent for look in one.looks), len(one.looks)) for one in sets}
    if max(shares.values(), default=0) <= TRANSPARENT:
        return
    is_contest = max(shares.values()) - min(shares.values()) > TRANSPARENT and shares_differ(counts)
    told = listed([f"{quoted(name)} {percent(share)}" for name, share in shares.items() if share])
    yield Warned(
        code="transparency", severity="misleads" if is_contest else "caution", columns=facts.feature_columns,
        sets=tuple(name for name, share in shares.items() if share),
        text=(
            f"Pictures that are partly transparent: {told}. What lies behind is white here, hidden colours in the "
            "tools that drop the fourth channel: the distance moves by as much as between models. Write RGB."
        ),
    )  # fmt: skip


def blurred_outputs(facts: Facts) -> Iterator[Warned]:
    """Outputs with less detail than true photos, where a figure rewards that."""
    columns = tuple(column.key for column in facts.comparison.columns if column.key in REWARD_BLUR)
    if not columns:
        return
    soft = {one.name: share for one in facts.models.values() if (share := _detail(one, facts.real)) < SOFT}
    if soft:
        firsts = {name for name in soft for key in columns if _is_first(facts, key, name)}
        told = listed([f"{quoted(name)} {percent(share)}" for name, share in soft.items()])
        yield Warned(
            code="blurred_outputs", severity="misleads" if firsts else "caution", sets=tuple(soft), columns=columns,
            text=(
                f"The outputs have less detail than the true photos ({told} of theirs), and L1, PSNR and SSIM reward "
                "that: a blurred picture is never far off. Go by LPIPS, by distances of sets, and by eye."
            ),
        )  # fmt: skip
    else:
        yield Warned(
            code="rewards_blur", severity="note", columns=columns,
            text=(
                "L1, PSNR, SSIM and MS-SSIM reward blur: between two guesses, the mean of both costs least. A model "
                "that is best by these alone need not look best."
            ),
        )  # fmt: skip


def _detail(one: SetFacts, real: SetFacts) -> float:
    """Detail of a set as a share of the true photos'; 1 where nothing can be said, or chance may have made it."""
    if not one.looks or not real.looks:
        return 1.0
    values = {each.name: [look.detail for look in each.looks] for each in (one, real)}
    usual = statistics.median(values[real.name])
    if not usual or not levels_differ(values):
        return 1.0
    return statistics.median(values[one.name]) / usual


def _is_first(facts: Facts, column: str, model: str) -> bool:
    standing = standing_of(facts.comparison, column, model)
    return standing is not None and standing.rank == 1


def _median(one: SetFacts, what: Callable[[PictureStatistics], float]) -> float:
    return statistics.median(what(look) for look in one.looks)


MOST = 0.8  # share of a set's pictures with the same number of panels
SEAM = 2.0
CERTAIN = 3  # so many squares in a row are no photo


def strips(facts: Facts) -> Iterator[Warned]:
    """Pictures stacked above each other: U-GAT-IT writes seven, from its input to its cycle."""
    found = {one.name: -count for one in facts.sets if (count := _panels(one, facts.real)) < 0}
    if found:
        told = listed([f"{quoted(name)} ({count} above each other)" for name, count in found.items()])
        yield Warned(
            code="strips", severity="misleads", sets=tuple(found), columns=_columns(facts),
            text=(
                f"Each file holds several pictures: {told}. U-GAT-IT writes its results like that; the output is only "
                "one of them. Take it out with: python -m eval.sets.split IN OUT"
            ),
        )  # fmt: skip


def sheets(facts: Facts) -> Iterator[Warned]:
    """Pictures side by side, input and output in one file, as Pix2PixHD's and pix2pix's sheets."""
    found = {one.name: count for one in facts.sets if (count := _panels(one, facts.real)) > 1}
    if found:
        told = listed([f"{quoted(name)} ({count} side by side)" for name, count in found.items()])
        yield Warned(
            code="sheets", severity="misleads", sets=tuple(found), columns=_columns(facts),
            text=(
                f"Each file holds several pictures: {told}, so that input and truth are scored as output. Take the "
                "output out with: python -m eval.sets.split IN OUT"
            ),
        )  # fmt: skip


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
