"""Small histograms as pictures, with what a threshold leaves out in another colour."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

import numpy as np

from dashboard.shared.texts import _

if TYPE_CHECKING:
    from curation.rules import Rule

BINS = 48
WIDTH, HEIGHT = 240, 34
COLOURS = {"in": "#7b6cf0", "out": "#9a98a6", "line": "#d2574c"}  # seen on light and on dark ground


def histogram_image(values: np.ndarray, rule: Rule) -> str:
    """`histogram_svg` as an image element; a page's HTML may hold no SVG of its own."""
    data = base64.b64encode(histogram_svg(values, rule).encode()).decode("ascii")
    alt = html.escape(_("Histogram of {title}", title=_(rule.title)))
    return f'<img class="rule-histogram" alt="{alt}" src="data:image/svg+xml;base64,{data}">'


def histogram_svg(values: np.ndarray, rule: Rule) -> str:
    """Bars of a rule's measurement over its slider's range; what lies beyond counts at the ends.

    Parameters
    ----------
    values : (N,) float
        NaN where there is no reading.
    """
    low, high = (rule.slider or (0.0, 1.0))[:2]
    shown = values[np.isfinite(values)]
    if rule.direction == "within":
        shown = np.abs(shown)
        low = 0.0
    counts, edges = np.histogram(np.clip(shown, low, high), bins=BINS, range=(low, high))
    heights = np.sqrt(counts / max(counts.max(initial=0), 1)) * (HEIGHT - 2)  # a few outliers stay visible
    mildest = edges[1:] if rule.direction == "at_least" else edges[:-1]  # a bar is out when all of it is
    is_out = rule.breaks(mildest) if rule.enabled else np.zeros(BINS, bool)
    step = WIDTH / BINS
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{HEIGHT - h:.1f}" width="{step - 0.8:.1f}" height="{h:.1f}" '
        f'fill="{COLOURS["out" if out else "in"]}"/>'
        for i, (h, out) in enumerate(zip(heights, is_out, strict=True))
        if h > 0
    )
    place = np.clip((rule.threshold - low) / (high - low), 0, 1) * WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'{bars}<line x1="{place:.1f}" x2="{place:.1f}" y1="0" y2="{HEIGHT}" stroke="{COLOURS["line"]}" '
        f'stroke-width="1.5"/></svg>'
    )
