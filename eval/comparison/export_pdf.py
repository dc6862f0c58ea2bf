"""A comparison as a PDF to print: the same parts as the HTML report, on A4."""

from __future__ import annotations

import io
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image as Picture
from reportlab.graphics import shapes
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from eval.comparison.charts import GREY, INK, Mark, Scene, curve_chart, interval_chart, map_chart
from eval.comparison.export_html import CaseStrip, board_rows, case_strips, main_column
from eval.comparison.formatting import in_words, pair_text, pairs_of, real_words, verdict, warnings_in_order
from eval.comparison.result import Column, Comparison

MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
COLUMNS_WIDE = 5  # of the leaderboard side by side
PICTURE_SIDE, PICTURE_PX, MAX_IN_ROW = 19 * mm, 128, 9
NAME_WIDE = 14 * mm
FONT, BOLD = "Vera", "VeraBd"  # come with reportlab; they have the letters of Western Europe
_INK, _GREY, _LINE = colors.HexColor(INK), colors.HexColor(GREY), colors.HexColor("#dcd9d1")


_TIGHT = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 3),
          ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 2),
          ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]  # fmt: skip


def to_pdf(comparison: Comparison, folder: Path | None = None) -> bytes:
    """The report as the bytes of a PDF file; the same comparison gives the same bytes.

    Parameters
    ----------
    folder
        Of the comparison, for its pictures; without it the report shows none.
    """
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    judged = main_column(comparison)
    charts = (
        curve_chart(comparison, judged, "n"),
        curve_chart(comparison, judged, "step"),
        map_chart(comparison),
    )
    story: list[Flowable] = [
        _text(comparison.title, 18, bold=True),
        _text(
            f"{comparison.created[:16].replace('T', ' ')} UTC, protocol {comparison.protocol.name}, "
            f"{comparison.protocol.extractor}, {real_words(comparison.real)}", 9, colour=_GREY,
        ),
        Spacer(0, 8),
        _text(verdict(comparison, judged).sentence, 12, bold=True),
        *_warnings(comparison),
        *_board(comparison, judged),
        *_pairs(comparison),
        *(KeepTogether([_head(scene.title), drawing_of(scene)]) for scene in charts if scene),
        *_cases(case_strips(comparison, judged, folder)),
        *_settings(comparison),
    ]  # fmt: skip
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=comparison.title, author="Sketch2Face Studio", invariant=1,
    )  # fmt: skip
    document.build(story, onFirstPage=_number, onLaterPages=_number)
    return buffer.getvalue()


def drawing_of(scene: Scene) -> shapes.Drawing:
    """A chart as reportlab draws it, as wide as the page allows."""
    drawing = shapes.Drawing(scene.width, scene.height)
    for mark in scene.marks:
        drawing.add(_shape(mark, scene.height))
    return drawing


def _shape(mark: Mark, height: float) -> shapes.Shape:
    points = [(x, height - y) for x, y in mark.points]
    colour = colors.HexColor(mark.colour)
    if mark.kind == "text":
        ((x, y),) = points
        return shapes.String(
            x,
            y,
            _known(mark.text),
            fontName=FONT,
            fontSize=mark.size * 0.92,
            fillColor=colour,
            textAnchor=mark.anchor,
        )
    flat = [value for point in points for value in point]
    if mark.kind == "dot":
        return shapes.CycleOutputs(
            *flat, mark.size, fillColor=colour, fillOpacity=mark.opacity, strokeWidth=0, strokeOpacity=0
        )
    if mark.kind == "area":
        return shapes.Polygon(
            flat, fillColor=colour, fillOpacity=mark.opacity, strokeWidth=0, strokeOpacity=0
        )
    return shapes.PolyLine(flat, strokeColor=colour, strokeWidth=mark.size, strokeOpacity=mark.opacity)


def _warnings(comparison: Comparison) -> list[Flowable]:
    rows = [
        _text(f"{warned.severity}: {warned.text}" + (f" ({in_words(warned.sets)})" if warned.sets else ""), 9)
        for warned in warnings_in_order(comparison)
    ]
    return [_head("Where the numbers mislead"), *rows] if rows else []


def _board(comparison: Comparison, judged: Column) -> list[Flowable]:
    found: list[Flowable] = [_head("Leaderboard")]
    for first in range(0, len(comparison.columns), COLUMNS_WIDE):
        part = comparison.columns[first : first + COLUMNS_WIDE]
        head = [_text("Model", 8, bold=True)] + [
            _two(column.title, _way(column), bold=True) for column in part
        ]
        body = [
            [
                _two(name, place, bold=True),
                *(_two(cell.figure, cell.small, bold=cell.is_best) for cell in cells),
            ]
            for name, place, cells in board_rows(comparison, judged, part)
        ]
        width = (WIDTH - 34 * mm) / COLUMNS_WIDE
        found += [_table([head, *body], [34 * mm, *[width] * len(part)]), Spacer(0, 8)]
    found.append(
        _text("Under each figure its 95 % interval. Bold: separated from every other model.", 8, colour=_GREY)
    )
    chart = interval_chart(comparison, judged)
    return [*found, drawing_of(chart)] if chart else found


def _pairs(comparison: Comparison) -> list[Flowable]:
    found: list[Flowable] = []
    for column in comparison.columns:
        pairs = pairs_of(comparison, column.key)
        if pairs:
            found.append(_head(column.title, 9))
            found += [_text(pair_text(pair, column), 9) for pair in pairs]
    return [_head("Pairs"), *found] if found else []


def _cases(strips: Iterable[CaseStrip]) -> list[Flowable]:
    found: list[Flowable] = []
    for strip in strips:
        rows = []
        for name, pictures in strip.cases:
            shown = pictures[:MAX_IN_ROW]
            titles = ["", *(_text(title, 6.5, colour=_GREY) for title, _ in shown)]
            pictured = [_text(name, 7, colour=_GREY), *(_image(path) for _, path in shown)]
            widths = [NAME_WIDE, *[PICTURE_SIDE + 4] * len(shown)]
            rows.append(Table([pictured, titles], colWidths=widths, style=_TIGHT, hAlign="LEFT"))
        title = [] if found else [_head("Cases")]
        found.append(KeepTogether([*title, _head(strip.heading, 9), *rows]))
    return found


def _image(path: Path) -> Flowable:
    buffer = io.BytesIO()
    with Picture.open(path) as picture:
        small = picture.convert("RGB")
        small.thumbnail((PICTURE_PX, PICTURE_PX))
        small.save(buffer, "JPEG", quality=85)
    return Image(buffer, PICTURE_SIDE, PICTURE_SIDE, kind="proportional")


def _settings(comparison: Comparison) -> list[Flowable]:
    rows: dict[str, Any] = {**comparison.protocol.model_dump(), **comparison.settings, **comparison.versions}
    for one in (comparison.real, *(model.set for model in comparison.models)):
        rows[f"set {one.name}"] = (
            f"{one.source}, {one.count:,} images, {len(one.left_out)} left out, {one.digest[:16]}"
        )
    table = [[_text(str(key), 7.5, colour=_GREY), _text(str(value), 7.5)] for key, value in rows.items()]
    return [_head("Settings and sets"), _table(table, [44 * mm, WIDTH - 44 * mm])]


def _table(rows: list[list[Any]], widths: list[float]) -> Table:
    look = [("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]  # fmt: skip
    return Table(rows, colWidths=widths, style=look, hAlign="LEFT", splitByRow=1)


def _way(column: Column) -> str:
    return (
        ("higher" if column.higher_is_better else "lower")
        + " is better"
        + (f", {column.unit}" if column.unit else "")
    )


def _two(text: str, small: str, *, bold: bool) -> list[Flowable]:
    return [_text(text, 8.5, bold=bold), *([_text(small, 6.5, colour=_GREY)] if small else [])]


def _head(text: str, size: float = 12) -> Flowable:
    style = ParagraphStyle(
        "head", fontName=BOLD, fontSize=size, leading=size * 1.25, spaceBefore=size, spaceAfter=size * 0.4,
        textColor=_INK, keepWithNext=1,
    )  # fmt: skip
    return Paragraph(escape(_known(text)), style)


def _text(text: str, size: float, *, bold: bool = False, colour: Any = _INK) -> Flowable:
    font = BOLD if bold else FONT
    style = ParagraphStyle("text", fontName=font, fontSize=size, leading=size * 1.35, textColor=colour)
    return Paragraph(escape(_known(text)), style)


def _known(text: str) -> str:
    """Text in letters that the font has."""
    return text.replace("−", "-").encode("cp1252", "replace").decode("cp1252")


def _number(canvas: Any, document: Any) -> None:
    canvas.setFont(FONT, 7)
    canvas.setFillColor(_GREY)
    canvas.drawRightString(A4[0] - MARGIN, 8 * mm, str(document.page))
