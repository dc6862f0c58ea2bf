"""Write the report of a comparison as HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from eval.comparison.cases import best, disagreements, worst
from eval.comparison.charts import Scene, curve_chart, interval_chart, map_chart, to_svg
from eval.comparison.formatting import (
    GROUPS,
    NOTHING,
    floor_rows,
    group_of,
    in_order,
    in_words,
    interval_text,
    number_text,
    pair_text,
    pairs_of,
    real_words,
    standing_of,
    telling_column,
    ties_in_words,
    verdict,
    warnings_in_order,
)
from eval.comparison.pictures import find_picture
from eval.comparison.result import Column, Comparison, ModelResult

CASES_SHOWN = 4


@dataclass(frozen=True)
class Cell:
    """A figure of the leaderboard: the number, what stands under it, and whether it is the separated best."""

    figure: str
    small: str = ""
    is_best: bool = False


@dataclass(frozen=True)
class CaseStrip:
    """A few cases under one heading; of each its name and its pictures, title and file."""

    heading: str
    cases: tuple[tuple[str, tuple[tuple[str, Path], ...]], ...]


def main_column(comparison: Comparison) -> Column:
    """What a report judges by: the first column."""
    return comparison.columns[0]


def board_rows(
    comparison: Comparison, judged: Column, columns: Sequence[Column]
) -> list[tuple[str, str, list[Cell]]]:
    """Name, place in words and cells of each model in the judged order, then of true photos."""
    rows = [
        (
            model.name,
            _place(comparison, judged, model),
            [_cell(comparison, model, column) for column in columns],
        )
        for model in in_order(comparison, judged)
    ]
    for title, words, floors in floor_rows(comparison, columns):
        estimates = [floors[column.key].estimate if column.key in floors else None for column in columns]
        cells = [Cell(number_text(one.value), interval_text(one)) if one else Cell("") for one in estimates]
        rows.append((title, words, cells))
    return rows


def case_strips(comparison: Comparison, judged: Column, folder: Path | None) -> list[CaseStrip]:
    """The worst and best cases of each model and those that models disagree on, where pictures were kept."""
    column = telling_column(comparison, judged)
    if folder is None or column is None:
        return []
    found = []
    for model in comparison.models:
        for word, ranked in (("Worst", worst), ("Best", best)):
            names = [case.name for case in ranked(comparison, model.name, column.key, CASES_SHOWN)]
            found.append(_strip(f"{word} of {model.name} by {column.title}", names, comparison, folder))
    names = [case.name for case in disagreements(comparison, column.key, CASES_SHOWN)]
    found.append(_strip(f"Where models disagree most by {column.title}", names, comparison, folder))
    return [strip for strip in found if strip.cases]


def _strip(heading: str, names: list[str], comparison: Comparison, folder: Path) -> CaseStrip:
    rows = ((name, tuple(_pictures(name, comparison, folder))) for name in names)
    return CaseStrip(heading, tuple((name, pictures) for name, pictures in rows if pictures))


def _pictures(name: str, comparison: Comparison, folder: Path) -> list[tuple[str, Path]]:
    wanted = [("Sketch", find_picture(folder, "sketch", name))]
    wanted += [(model.name, find_picture(folder, "model", name, model.name)) for model in comparison.models]
    wanted += [("Truth", find_picture(folder, "real", name))]
    return [(title, path) for title, path in wanted if path is not None]


def _place(comparison: Comparison, judged: Column, model: ModelResult) -> str:
    words = [ties_in_words(standing_of(comparison, judged.key, model.name)), f"{model.set.count:,} images"]
    words += ["ignores its input"] if model.ignores_input else []
    return ", ".join(word for word in words if word)


def _cell(comparison: Comparison, model: ModelResult, column: Column) -> Cell:
    estimate = model.scores.get(column.key)
    if estimate is None or estimate.value is None:
        return Cell(NOTHING)
    standing = standing_of(comparison, column.key, model.name)
    small = [interval_text(estimate)]
    if standing and standing.tied_with and not standing.is_best:
        small.append("tie")
    if (control := model.control.get(column.key)) is not None:
        small.append(f"shuffled {number_text(control)}")
    is_best = standing is not None and standing.is_best
    return Cell(number_text(estimate.value), ", ".join(word for word in small if word), is_best)


STYLE = """
:root { color-scheme: light; } body { font: 15px/1.5 system-ui, sans-serif; color: #1f1d2b;
  background: #f6f5f2; margin: 0; }
main { max-width: 1100px; margin: 0 auto; padding: 32px 20px 60px; } h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 34px 0 8px; } h3 { font-size: 14px; margin: 18px 0 6px; font-weight: 600; }
.about, small, figcaption { color: #6a6776; } small { display: block; font-size: 12px; }
.verdict { background: #eae8e2; border-radius: 12px; padding: 12px 16px; font-size: 17px; font-weight: 600; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; vertical-align: top;
  padding: 7px 12px 7px 0; border-bottom: 1px solid #dcd9d1; min-width: 84px; }
tbody th { font-weight: 600; } th small { font-weight: 400; }
thead th { font-size: 12.5px; font-weight: 600; vertical-align: bottom; } code { font-size: 12px; color: #6a6776; }
.best { font-weight: 800; } .misleads { color: #b03328; } .caution { color: #8a5f0c; }
svg { display: block; width: 100%; max-width: 760px;
  background: #fff; border-radius: 10px; font-family: system-ui, sans-serif; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 8px; margin: 4px 0 12px; }
figure { margin: 0; }
figure img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 8px; display: block; background: #fff; }
figcaption { font-size: 12px; overflow-wrap: anywhere; }
@page { size: A4; margin: 14mm 12mm 16mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif; color: #6a6776; } }
@media print {
  body { background: #fff; font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section + section { break-before: page; } section > h2:first-child { margin-top: 0; }
  h2, h3, thead { break-after: avoid; } .scroll, figure, svg, tr, li, .row, .verdict { break-inside: avoid; }
  .scroll { overflow: visible; } .scroll table { table-layout: fixed; }
  th, td { min-width: 0; padding: 4px 6px 4px 0; font-size: 9pt; overflow-wrap: anywhere; }
  small, code, thead th { font-size: 7.5pt; } ul { padding-left: 16px; }
  .row { grid-template-columns: repeat(auto-fill, minmax(76px, 1fr)); }
}
"""


def to_html(comparison: Comparison, folder: Path | None = None) -> str:
    """The report, to be read in a browser and printed: on paper each part begins a page.

    Parameters
    ----------
    folder
        Of the comparison, for its pictures; without it the report shows none.
    """
    judged = main_column(comparison)
    head = [
        f"<h1>{escape(comparison.title)}</h1>",
        f'<p class="about">{escape(comparison.created[:16].replace("T", " "))} UTC · protocol '
        f"<code>{escape(comparison.protocol.name)}</code> · {escape(comparison.protocol.extractor)} · "
        f"{escape(real_words(comparison.real))}</p>",
        f'<p class="verdict">{escape(verdict(comparison, judged).sentence)}</p>',
        _warnings(comparison),
        *(_figure(scene) for scene in (interval_chart(comparison, judged),) if scene),
    ]
    charts = (
        curve_chart(comparison, judged, "n"),
        curve_chart(comparison, judged, "step"),
        map_chart(comparison),
    )
    parts = [
        "".join(head),
        _board(comparison),
        _pairs(comparison),
        "".join(f"<h2>{escape(scene.title)}</h2>{_figure(scene)}" for scene in charts if scene),
        "".join(_cases(case_strips(comparison, judged, folder))),
        _settings(comparison),
    ]
    body = "".join(f"<section>{part}</section>" for part in parts if part)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(comparison.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def _warnings(comparison: Comparison) -> str:
    rows = "".join(
        f'<li class="{warned.severity}">{escape(warned.text)}{_names(warned.sets)}</li>'
        for warned in warnings_in_order(comparison)
    )
    return f"<h2>Where the numbers mislead</h2><ul>{rows}</ul>" if rows else ""


def _names(names: tuple[str, ...]) -> str:
    return f" <small>{escape(in_words(names))}</small>" if names else ""


def _board(comparison: Comparison) -> str:
    tables = []
    for group, title in GROUPS.items():
        columns = [column for column in comparison.columns if group_of(column) == group]
        if columns:
            tables.append(f"<h3>{escape(title)}</h3>{_table(comparison, columns)}")
    return (
        f"<h2>Leaderboard</h2>{''.join(tables)}<p class='about'>Under each figure its 95 % interval, and the same with "
        "shuffled partners. Bold: separated from every other model after Holm's correction.</p>"
    )


def _table(comparison: Comparison, columns: Sequence[Column]) -> str:
    head = "".join(
        f"<th>{escape(column.title)}<small>{'higher' if column.higher_is_better else 'lower'} is better"
        f"{', ' + escape(column.unit) if column.unit else ''}</small><code>{escape(column.key)}</code></th>"
        for column in columns
    )
    rows = "".join(
        f"<tr><th>{escape(name)}<small>{escape(place)}</small></th>"
        + "".join(
            f'<td><span class="{"best" if cell.is_best else ""}">{escape(cell.figure)}</span>'
            f"<small>{escape(cell.small)}</small></td>"
            for cell in cells
        )
        + "</tr>"
        for name, place, cells in board_rows(comparison, main_column(comparison), columns)
    )
    return f'<div class="scroll"><table><thead><tr><th>Model</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _pairs(comparison: Comparison) -> str:
    parts = []
    for column in comparison.columns:
        rows = "".join(
            f"<li>{escape(pair_text(pair, column))}</li>" for pair in pairs_of(comparison, column.key)
        )
        parts.append(
            f"<h3>{escape(column.title)} <code>{escape(column.key)}</code></h3><ul>{rows}</ul>"
            if rows
            else ""
        )
    return f"<h2>Pairs</h2>{''.join(parts)}" if any(parts) else ""


def _figure(scene: Scene) -> str:
    return f"<figure>{to_svg(scene)}</figure>"


def _cases(strips: list[CaseStrip]) -> list[str]:
    found = ["<h2>Cases</h2>"] if strips else []
    for strip in strips:
        found.append(f"<h3>{escape(strip.heading)}</h3>")
        for name, pictures in strip.cases:
            figures = "".join(
                f'<figure><img alt="{escape(title)}, case {escape(name)}" src="{_data_url(path)}">'
                f"<figcaption>{escape(title)} · {escape(name)}</figcaption></figure>"
                for title, path in pictures
            )
            found.append(f'<div class="row">{figures}</div>')
    return found


def _data_url(path: Path) -> str:
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _settings(comparison: Comparison) -> str:
    rows = {**comparison.protocol.model_dump(), **comparison.settings}
    rows |= {f"version of {name}": version for name, version in comparison.versions.items()}
    sets = (comparison.real, *(model.set for model in comparison.models))
    facts = "".join(
        f"<tr><th>{escape(key)}</th><td>{escape(str(value))}</td></tr>" for key, value in rows.items()
    )
    used = "".join(
        f"<li>{escape(one.name)}: {escape(one.source)}, {one.count:,} images, digest <code>{one.digest[:16]}</code>"
        + "".join(
            f"<small>left out: {escape(left.name)} ({escape(left.reason)})</small>"
            for left in one.left_out[:50]
        )
        + "</li>"
        for one in sets
    )
    return f"<h2>Settings</h2><table>{facts}</table><h2>Sets</h2><ul>{used}</ul>"
