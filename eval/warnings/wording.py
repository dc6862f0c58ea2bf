"""Names and numbers in a warning's sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.comparison.formatting import quoted

_MOST = 4


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; of many the first few and how many more. Names go through `quoted` first."""
    if len(names) > _MOST:
        return f"{', '.join(names[: _MOST - 1])} and {len(names) - _MOST + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def grouped(facts: Mapping[str, str]) -> str:
    """Group sets by what they share: ``PNG (real and a), JPEG q75 (b)``."""
    groups: dict[str, list[str]] = {}
    for name, fact in facts.items():
        groups.setdefault(fact, []).append(name)
    return ", ".join(f"{fact} ({listed(list(map(quoted, names)))})" for fact, names in groups.items())


def figure(value: float) -> str:
    """A number as a table shows it: four digits that count."""
    return f"{value:.4g}"


def percent(share: float) -> str:
    """A share in per cent, never rounded to none or all if it is not."""
    if 0 < share < 0.01:
        return "under 1 %"
    return "over 99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")
