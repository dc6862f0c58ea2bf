"""Write the table of a comparison for a paper: Markdown, or LaTeX with booktabs' rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eval.comparison.answer import answer
from eval.comparison.formatting import VOTES_STRENGTH, VOTES_WON, in_order, standing_of
from eval.comparison.result import Column, Comparison, ModelResult
from eval.comparison.table import figure
from eval.comparison.titles import with_titles

_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--",
})  # fmt: skip
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\|*_`<>[]#"})


@dataclass(frozen=True)
class _Cell:
    text: str
    is_best: bool = False


def to_markdown(comparison: Comparison) -> str:
    """Write which model is better, then a table, best model first; bold is separated from every other model."""
    comparison = with_titles(comparison)
    columns, rows = _table(comparison)
    arrows = ["↑" if column.higher_is_better else "↓" for column in columns]
    head = [
        "Model",
        "n",
        *(f"{_md(_title(column))} {arrow}" for column, arrow in zip(columns, arrows, strict=True)),
    ]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    lines += [[_written(cell, _md, "**{}**") for cell in row] for row in rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    said = f"{_md(answer(comparison, columns[0]))}\n\n" if columns else ""
    return f"{said}{table}\n\n{_md(_caption(comparison))}\n"


def to_latex(comparison: Comparison) -> str:
    r"""Write a LaTeX ``table`` (needs ``\usepackage{booktabs}``), best model first; bold as in `to_markdown`."""
    comparison = with_titles(comparison)
    columns, rows = _table(comparison)
    arrows = [r"$\uparrow$" if column.higher_is_better else r"$\downarrow$" for column in columns]
    head = [
        "Model",
        "$n$",
        *(f"{_tex(_title(one))} {arrow}" for one, arrow in zip(columns, arrows, strict=True)),
    ]
    body = [[_written(cell, _tex, r"\textbf{{{}}}") for cell in row] for row in rows]
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{_tex(_caption(comparison))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", rf"{' & '.join(head)} \\", r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in body), r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _title(column: Column) -> str:
    """Of votes also how many there are: their unit."""
    return f"{column.title} ({column.unit})" if column.key in (VOTES_WON, VOTES_STRENGTH) else column.title


def _table(comparison: Comparison) -> tuple[list[Column], list[list[_Cell]]]:
    columns = [
        one for one in comparison.columns if any(one.key in model.scores for model in comparison.models)
    ]
    rows = [
        [
            _Cell(model.name),
            _Cell(str(model.set.count)),
            *(_cell(comparison, model, column) for column in columns),
        ]
        for model in in_order(comparison)
    ]
    return columns, rows


def _cell(comparison: Comparison, model: ModelResult, column: Column) -> _Cell:
    estimate = model.scores.get(column.key)
    if estimate is None or estimate.value is None:
        return _Cell("-")
    text = figure(estimate.value)
    if estimate.low is not None and estimate.high is not None:
        text += f" ({figure(estimate.low)}–{figure(estimate.high)})"
    standing = standing_of(comparison, column.key, model.name)
    return _Cell(text, standing is not None and standing.is_best)


def _written(cell: _Cell, escape: Callable[[str], str], bold: str) -> str:
    return bold.format(escape(cell.text)) if cell.is_best else escape(cell.text)


def _caption(comparison: Comparison) -> str:
    return (
        f"{comparison.title}. Protocol {comparison.protocol.name} ({comparison.protocol.extractor}), "
        f"{comparison.real.count} true photos; in brackets 95 % intervals; bold: separated from every other model."
    )


def _tex(text: str) -> str:
    return " ".join(text.translate(_LATEX).split())


def _md(text: str) -> str:
    return " ".join(text.translate(_MARKDOWN).split())
