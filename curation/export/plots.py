"""Histograms as small SVG files, drawn here so that equal numbers give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

WIDTH, HEIGHT = 360, 170
BINS = 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 26, 30


def draw_histogram(values: Sequence[float], title: str, unit: str = "") -> str:
    """SVG of how often values occur; missing ones (NaN) are counted in the title.

    Parameters
    ----------
    title
        Above the bars.
    unit
        Below them.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = numbers[np.isfinite(numbers)]
    missing = f", {len(numbers) - len(known)} unknown" if len(known) < len(numbers) else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="16" fill="#222">{escape(title)} ({len(known)} images{missing})</text>',
        *(_bars(known, unit) if len(known) else ()),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _bars(known: np.ndarray, unit: str) -> list[str]:
    low, high = float(known.min()), float(known.max())
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(known, bins=BINS, range=(low, high))
    floor, step = HEIGHT - _BOTTOM, (WIDTH - _LEFT - _RIGHT) / BINS
    scale = (floor - _TOP) / max(int(counts.max()), 1)
    parts = []
    for place, count in enumerate(counts):
        tall = round(count * scale, 1)
        parts.append(
            f'<rect x="{_LEFT + place * step:.1f}" y="{floor - tall:.1f}" width="{step - 1:.1f}" '
            f'height="{tall:.1f}" fill="#3b6ea5"><title>{edges[place]:.3g} to {edges[place + 1]:.3g}: '
            f"{count}</title></rect>"
        )
    parts.append(f'<path d="M{_LEFT} {floor}H{WIDTH - _RIGHT}" stroke="#555"/>')
    parts.append(f'<text x="{_LEFT - 4}" y="{_TOP + 4}" text-anchor="end" fill="#555">{counts.max()}</text>')
    for x, anchor, value in ((_LEFT, "start", low), (WIDTH - _RIGHT, "end", high)):
        parts.append(f'<text x="{x}" y="{HEIGHT - 12}" text-anchor="{anchor}" fill="#555">{value:.3g}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle" fill="#555">{escape(unit)}</text>'
    )
    return parts
