"""Sets that differ in how their pictures were stored: packing and size move distances more than models do."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from eval.comparison.result import Warned
from eval.warnings.chance import levels_differ, shares_differ
from eval.warnings.facts import Facts, SetFacts
from eval.warnings.wording import grouped, percent

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
