"""Warn of what files, names and counts show."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from scipy.stats import fisher_exact, mannwhitneyu

from eval.comparison.formatting import quoted
from eval.comparison.result import Warned
from eval.warnings.facts import Facts, SetFacts
from eval.warnings.wording import grouped, listed, percent

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
        told = listed([f"{missing} of {len(one)} of {quoted(one.name)}" for one, missing in some])
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
                f"No output of {listed([quoted(one.name) for one in none])} is named as a photo, so there are no "
                f"paired scores and no paired tests. {_advice(none, real)}"
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


FEW = 50
MANY_LEFT_OUT = 0.05
SLIGHT = 0.02


def few_images(facts: Facts) -> Iterator[Warned]:
    """Sets so small that every number is mostly chance."""
    small = [one for one in facts.sets if len(one) < FEW]
    if small:
        sizes = listed([f"{quoted(one.name)} ({len(one)})" for one in small])
        names = {one.name for one in small}
        is_seen = any(
            pair.is_separated and pair.column in facts.feature_columns
            for pair in facts.comparison.pairs
            if facts.real.name in names or names & {pair.first, pair.second}
        )
        what = (
            "only a large difference can be told from chance, as one is here; the size of each number is mostly bias. "
            "Go by the order, and add images before a number is quoted."
            if is_seen
            else "distances between such sets are mostly chance. Add images."
        )
        yield Warned(
            code="few_images", severity="misleads", sets=tuple(one.name for one in small),
            columns=facts.feature_columns, text=f"Fewer than {FEW} images in {sizes}: {what}",
        )  # fmt: skip


def rank_deficient(facts: Facts) -> Iterator[Warned]:
    """Fewer images than features: the Fréchet distance's covariances are singular, and its bias is large."""
    width = facts.dimensions
    if width is None or not (columns := facts.columns("fid")):
        return
    small = [one for one in facts.sets if len(one) <= width]
    if small:
        fewest = min(len(one) for one in small)
        yield Warned(
            code="rank_deficient", severity="misleads", sets=tuple(one.name for one in small), columns=columns,
            text=(
                f"{fewest} images describe {width} features: the covariance has rank {max(fewest - 1, 0)}, and "
                "much of the value is a bias that differs between models. Compare it with the floor only, and go "
                f"by KID, or use more than {width} images."
            ),
        )  # fmt: skip


def unequal_counts(facts: Facts) -> Iterator[Warned]:
    """Models with different numbers of images: fewer images alone make the distance larger."""
    sizes = {name: len(one) for name, one in facts.models.items()}
    if len(set(sizes.values())) < 2:
        return
    fewest, most = min(sizes.values()), max(sizes.values())
    columns = tuple(key for key in facts.feature_columns if key not in facts.columns("kid"))
    yield Warned(
        code="unequal_counts", sets=tuple(sizes), columns=columns,
        severity="caution" if most - fewest <= SLIGHT * most else "misleads",
        text=(
            f"The models have different numbers of images "
            f"({listed([f'{quoted(n)} {c}' for n, c in sizes.items()])}); with "
            f"fewer images the distance grows by itself. Use the same {fewest} for all: a protocol that ends with "
            f"_{fewest} takes as many of each. KID is not affected."
        ),
    )  # fmt: skip


def files_left_out(facts: Facts) -> Iterator[Warned]:
    """Files that could not be used: perhaps just the ones on which a model fails."""
    sets = [one for one in facts.sets if one.left_out]
    if sets:
        worst = max(one.left_out / (len(one) + one.left_out) for one in sets)
        counts = listed([f"{one.left_out} of {quoted(one.name)}" for one in sets])
        yield Warned(
            code="files_left_out", severity="caution" if worst > MANY_LEFT_OUT else "note",
            sets=tuple(one.name for one in sets),
            text=f"Files that could not be used: {counts} (at most {percent(worst)} of a set). The list says why.",
        )  # fmt: skip


ALPHA = 0.01  # of a false alarm, over all pairs of sets


def shares_differ(counts: Mapping[str, tuple[int, int]]) -> bool:
    """Tell whether the shares of some two sets differ (Fisher's exact test, Bonferroni over the pairs).

    Parameters
    ----------
    counts
        By set, how many pictures have a property, and how many pictures there are.
    """
    pairs = list(combinations(counts.values(), 2))
    return any(
        fisher_exact([[mine, of - mine], [theirs, all_theirs - theirs]]).pvalue * len(pairs) < ALPHA
        for (mine, of), (theirs, all_theirs) in pairs
    )


def levels_differ(values: Mapping[str, Sequence[float]]) -> bool:
    """Tell whether the values of some two sets lie elsewhere (Mann-Whitney, Bonferroni over the pairs)."""
    pairs = list(combinations([one for one in values.values() if len(one)], 2))
    return any(
        mannwhitneyu(mine, theirs, method="asymptotic").pvalue * len(pairs) < ALPHA
        for mine, theirs in pairs
        if set(mine) != set(theirs) or len(set(mine)) > 1  # of equal constants nothing can be tested
    )


SHARE = 0.1  # of pictures packed in one lossy way by which sets may differ
QUALITY = 8  # of JPEG
SIZE = 1.1  # ratio of typical sides


def format_mix(facts: Facts) -> Iterator[Warned]:
    """Lossless against lossy, or different JPEG qualities: at q75 alone FID moved by 27."""
    sets = [one for one in facts.sets if len(one)]
    models = [one for one in sets if one.name in facts.models]
    differ, uneven = _differ(sets), _uneven(sets)
    if not (differ or uneven):
        return
    is_contest = _differ(models) or _uneven(models)
    yield Warned(
        code="format_mix", severity="misleads" if is_contest else "caution", sets=tuple(one.name for one in sets),
        columns=facts.feature_columns,
        text=(
            f"The sets are stored differently: {grouped({one.name: _stored(one) for one in sets})}. The distance "
            "then measures the packing as well. Write all as PNG from the start; converting a JPEG does not help."
        ),
    )  # fmt: skip


def size_mix(facts: Facts) -> Iterator[Warned]:
    """Different native sizes: what is enlarged is smoother than what is shrunk."""
    sets = [one for one in facts.sets if len(one)]
    sides = {one.name: _side(one) for one in sets}
    if max(sides.values()) <= SIZE * min(sides.values()) or not levels_differ(
        {one.name: _sides(one) for one in sets}
    ):
        return
    of_models = [sides[name] for name in facts.models if name in sides]
    is_contest = bool(of_models) and max(of_models) > SIZE * min(of_models)
    remedy = (
        "Bring all to the same size, by one good filter, before comparing."
        if is_contest
        else "All models are affected alike; do not compare these values with those of another size."
    )
    yield Warned(
        code="size_mix", severity="caution" if is_contest else "note", sets=tuple(one.name for one in sets),
        columns=facts.feature_columns,
        text=(
            f"The pictures have different sizes: {grouped({one.name: _size(one) for one in sets})}. Resizing "
            f"leaves its mark. {remedy}"
        ),
    )  # fmt: skip


def _differ(sets: Sequence[SetFacts]) -> bool:
    """Whether sets are packed with loss in different ways, or some with loss and some without."""
    for kind in {p.header.format for one in sets for p in one.pictures if p.header.is_lossy}:
        counts = {
            one.name: (sum(p.header.is_lossy and p.header.format == kind for p in one.pictures), len(one))
            for one in sets
        }
        shares = [some / of for some, of in counts.values()]
        if max(shares) - min(shares) > SHARE and shares_differ(counts):
            return True
    return False


def _uneven(sets: Sequence[SetFacts]) -> bool:
    """Whether the JPEGs of some sets were packed harder."""
    quality = [found for one in sets if (found := _quality(one)) is not None]
    is_apart = len(quality) > 1 and max(quality) - min(quality) > QUALITY
    return is_apart and levels_differ({one.name: _qualities(one) for one in sets})


def _quality(one: SetFacts) -> float | None:
    """Median JPEG quality, None where hardly any is a JPEG."""
    found = _qualities(one)
    return statistics.median(found) if len(found) > SHARE * len(one) else None


def _qualities(one: SetFacts) -> list[float]:
    return [picture.header.quality for picture in one.pictures if picture.header.quality is not None]


def _stored(one: SetFacts) -> str:
    kinds = Counter(picture.header.format for picture in one.pictures).most_common()
    quality = _quality(one)
    told = [
        f"{kind}{f' q{quality:.0f}' if kind == 'JPEG' and quality is not None else ''}"
        f"{f' ({percent(count / len(one))})' if len(kinds) > 1 else ''}"
        for kind, count in kinds[:3]
    ]
    return " and ".join(told)


def _side(one: SetFacts) -> float:
    return statistics.median(_sides(one))


def _sides(one: SetFacts) -> list[float]:
    return [min(picture.header.width, picture.header.height) for picture in one.pictures]


def _size(one: SetFacts) -> str:
    (size, count), *_ = Counter((p.header.width, p.header.height) for p in one.pictures).most_common(1)
    typical = f"{size[0]} x {size[1]}"
    return typical if count == len(one) else f"mostly {typical}"
