"""A comparison as one HTML file that needs nothing else: charts as SVG, pictures inside, no script."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from eval.comparison.charts import Scene, curve_chart, interval_chart, map_chart, to_svg
from eval.comparison.report_parts import CaseStrip, board_rows, case_strips, main_column
from eval.comparison.result import Column, Comparison
from eval.comparison.wording import (
    GROUPS,
    group_of,
    in_words,
    pair_text,
    pairs_of,
    real_words,
    verdict,
    warnings_in_order,
)

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
@media print { body { background: #fff; } h2, h3 { break-after: avoid; } figure, svg, tr { break-inside: avoid; } }
"""


def to_html(comparison: Comparison, folder: Path | None = None) -> str:
    """The report.

    Parameters
    ----------
    folder
        Of the comparison, for its pictures; without it the report shows none.
    """
    judged = main_column(comparison)
    body = [
        f"<h1>{escape(comparison.title)}</h1>",
        f'<p class="about">{escape(comparison.created[:16].replace("T", " "))} UTC · protocol '
        f"<code>{escape(comparison.protocol.name)}</code> · {escape(comparison.protocol.extractor)} · "
        f"{escape(real_words(comparison.real))}</p>",
        f'<p class="verdict">{escape(verdict(comparison, judged).sentence)}</p>',
        _warnings(comparison),
        _board(comparison),
        *(_figure(scene) for scene in (interval_chart(comparison, judged),) if scene),
        _pairs(comparison),
        *(
            f"<h2>{escape(scene.title)}</h2>{_figure(scene)}"
            for scene in (
                curve_chart(comparison, judged, "n"),
                curve_chart(comparison, judged, "step"),
                map_chart(comparison),
            )
            if scene
        ),
        *_cases(case_strips(comparison, judged, folder)),
        _settings(comparison),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(comparison.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(body)}</main></body></html>\n"
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
