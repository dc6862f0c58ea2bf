"""Places under one column. A model is best only if it is separated from every other; otherwise it is a tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval.comparison.result import PairResult, Standing


def standings(
    values: Mapping[str, float | None], pairs: Sequence[PairResult], *, column: str, higher_is_better: bool
) -> tuple[Standing, ...]:
    """Places of all models, best first.

    A model's rank is one more than the number of models that are better and separated from it, so equal ranks
    say that the numbers do not tell them apart. Models without a value come last.

    Parameters
    ----------
    values
        By model; None where there is none.
    pairs
        Of every two models; see `eval.comparison.result.PairResult`.
    """
    separated = {frozenset((pair.first, pair.second)) for pair in pairs if pair.is_separated}
    known = {name: value for name, value in values.items() if value is not None}
    order = sorted(known, key=lambda name: -known[name] if higher_is_better else known[name])
    found = []
    for name in order:
        others = [other for other in order if other != name]
        above = [
            other
            for other in others
            if frozenset((name, other)) in separated
            and (known[other] > known[name]) == higher_is_better
            and known[other] != known[name]
        ]
        tied = tuple(other for other in others if frozenset((name, other)) not in separated)
        is_best = bool(others) and not above and not tied
        found.append(
            Standing(column=column, model=name, rank=1 + len(above), is_best=is_best, tied_with=tied)
        )
    missing = [name for name in values if name not in known]
    return (
        *found,
        *(Standing(column=column, model=name, rank=1 + len(known), is_best=False) for name in missing),
    )
