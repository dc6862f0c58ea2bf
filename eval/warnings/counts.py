"""Too few images, unequal numbers of them, and files that could not be used."""

from __future__ import annotations

from collections.abc import Iterator

from eval.comparison.result import Warned
from eval.warnings.facts import Facts
from eval.warnings.wording import listed, named, percent

FEW = 50
MANY_LEFT_OUT = 0.05
SLIGHT = 0.02


def few_images(facts: Facts) -> Iterator[Warned]:
    """Sets so small that every number is mostly chance."""
    small = [one for one in facts.sets if len(one) < FEW]
    if small:
        sizes = listed([f"{named(one.name)} ({len(one)})" for one in small])
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
    """Fewer images than features: the Frechet distance's covariances are singular, and its bias is large."""
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
            f"({listed([f'{named(n)} {c}' for n, c in sizes.items()])}); with "
            f"fewer images the distance grows by itself. Use the same {fewest} for all: a protocol that ends with "
            f"_{fewest} takes as many of each. KID is not affected."
        ),
    )  # fmt: skip


def files_left_out(facts: Facts) -> Iterator[Warned]:
    """Files that could not be used: perhaps just the ones on which a model fails."""
    sets = [one for one in facts.sets if one.left_out]
    if sets:
        worst = max(one.left_out / (len(one) + one.left_out) for one in sets)
        counts = listed([f"{one.left_out} of {named(one.name)}" for one in sets])
        yield Warned(
            code="files_left_out", severity="caution" if worst > MANY_LEFT_OUT else "note",
            sets=tuple(one.name for one in sets),
            text=f"Files that could not be used: {counts} (at most {percent(worst)} of a set). The list says why.",
        )  # fmt: skip
