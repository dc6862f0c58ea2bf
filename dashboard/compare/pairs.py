"""The pair matrix as HTML: every model against every other. Nothing here knows Streamlit."""

from __future__ import annotations

from dashboard.compare.words import plain
from eval.comparison.result import Column, Comparison, PairResult
from eval.comparison.wording import NOTHING, in_order, number_text, p_text, pair_text, pairs_of, winner_of


def pair_matrix(comparison: Comparison, column: Column) -> str:
    """Every model against every other: who is better, by how much, or a tie. Empty where nothing was tested."""
    pairs = {frozenset((pair.first, pair.second)): pair for pair in pairs_of(comparison, column.key)}
    if not pairs:
        return ""
    names = [model.name for model in in_order(comparison, column)]
    head = "".join(f"<th scope='col'>{plain(name)}</th>" for name in names)
    rows = []
    for name in names:
        cells = "".join(
            _pair_cell(pairs.get(frozenset((name, other))), name, other, column) for other in names
        )
        rows.append(f"<tr><th scope='row'>{plain(name)}</th>{cells}</tr>")
    return (
        "<div class='cmp-scroll' tabindex='0' role='region' aria-label='Pairs'><table class='cmp-pairs'>"
        f"<thead><tr><th scope='col'>row against column</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pair_cell(pair: PairResult | None, name: str, other: str, column: Column) -> str:
    if name == other:
        return "<td class='self' aria-hidden='true'></td>"
    if pair is None or pair.difference.value is None:
        return f"<td>{NOTHING}</td>"
    sign = 1 if pair.first == name else -1
    low, high = pair.difference.low, pair.difference.high
    ends = sorted(sign * end for end in (low, high) if end is not None)
    chance = p_text(pair.p_adjusted if pair.p_adjusted is not None else pair.p)
    if pair.is_separated:
        kind, word = ("better", "better") if winner_of(pair, column)[0] == name else ("worse", "worse")
    else:
        kind, word = "tied", "tie"
    interval = f"<small>{number_text(ends[0])} to {number_text(ends[1])}</small>" if len(ends) == 2 else ""
    limit = pair.extrapolated.value if pair.extrapolated is not None else None
    unbiased = f"<small>without bias {number_text(sign * limit)}</small>" if limit is not None else ""
    needed = (
        f"<small>about {pair.needed:,} images would tell</small>" if pair.needed and kind == "tied" else ""
    )
    return (
        f"<td class='{kind}' title=\"{plain(pair_text(pair, column))}\"><b>{word}</b> "
        f"<span>{number_text(sign * pair.difference.value)}</span>{interval}{unbiased}"
        f"<small>{chance}</small>{needed}</td>"
    )
