"""Write the dataset card: what is in an export, where it came from, and what one may do with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape as escape_xml

import numpy as np

from curation.export.manifest_tables import LEFT_OUT
from curation.export.splits import SPLITS
from curation.export.summary import SPLIT_FOLDERS, UNKNOWN, Contents, ExportSummary

if TYPE_CHECKING:
    from curation.library.versions import Version

CARD, PLOTS = "README.md", "plots"
MOST_ROWS = 25
HISTOGRAMS = {
    "yaw": ("Yaw", "degrees, positive to the picture's right"),
    "pitch": ("Pitch", "degrees, positive downwards"),
    "roll": ("Roll", "degrees, positive counter-clockwise"),
    "sharpness": ("Sharpness", "on the face at a fixed eye distance"),
    "eye_distance_px": ("Eye distance", "pixels of the source"),
    "brightness": ("Brightness", "mean luma of the face"),
    "shadow": ("Uneven light", "0 even"),
    "covered": ("Covered", "probability"),
}
_SPDX = {
    "cc0": "cc0-1.0", "cc0 1.0": "cc0-1.0", "cc by 4.0": "cc-by-4.0", "cc by-sa 4.0": "cc-by-sa-4.0",
    "cc by-nc 4.0": "cc-by-nc-4.0", "cc by-nc-sa 4.0": "cc-by-nc-sa-4.0", "cc by-nd 4.0": "cc-by-nd-4.0",
    "cc by-nc-nd 4.0": "cc-by-nc-nd-4.0", "cc by 2.0": "cc-by-2.0", "cc by 3.0": "cc-by-3.0",
    "cc by-sa 3.0": "cc-by-sa-3.0", "mit": "mit", "apache 2.0": "apache-2.0", "public domain": "pddl",
}  # fmt: skip
PLOT_WIDTH, PLOT_HEIGHT = 360, 170
BINS = 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 26, 30


def licence_warnings(contents: Contents) -> list[str]:
    """Write sentences about licences that a user of the dataset must know."""
    found = []
    known = [name for name in contents.licences if name != UNKNOWN]
    if len(known) > 1:
        found.append(
            f"Mixed licences: {len(known)} different ones are in this dataset. What is made of all of it must "
            "keep to the strictest; the column `licence` says which image has which."
        )
    if contents.licences[UNKNOWN]:
        found.append(
            f"Unknown licence: {contents.licences[UNKNOWN]} images came without one. Find out before you "
            "publish them or anything made from them."
        )
    return found


def write_card(folder: Path, version: Version, contents: Contents, summary: ExportSummary) -> None:
    """Write ``README.md`` and ``plots/``."""
    (folder / PLOTS).mkdir()
    plots = []
    for column, (title, unit) in HISTOGRAMS.items():
        readings = contents.readings[column]
        if any(value == value for value in readings):
            svg = draw_histogram(readings, title, unit)
            (folder / PLOTS / f"{column}.svg").write_text(svg, encoding="utf-8", newline="\n")
            plots.append(f"![{title}]({PLOTS}/{column}.svg)")
    sections = [
        _front_matter(contents, summary),
        f"# {_text(version.name)}",
        _text(version.note) or "Aligned face photos and their sketches.",
        *(f"> **Note.** {_text(warning)}" for warning in summary.warnings),
        "## What is in it\n\n"
        + _table(
            ("", "images"),
            {
                "kept": len(version.ids),
                "pairs": summary.images,
                **{f"split {k}": n for k, n in summary.splits.items()},
            },
        )
        + f"\n\nKept by {_listed(contents.decided_by)}. Near duplicates, images of one page and images of one "
        "author share a split. Photos and sketches are 512 x 512 px PNG files with nothing in them but pixels.",
        *summary.people,
        _left_out(version, summary.left_out),
        *_counted("Sources", "source", contents.sources),
        *_counted("Licences", "licence", contents.licences),
        *_counted("Authors", "author", contents.authors),
        *(_counted("Labels", "label", contents.labels) if contents.labels else ()),
        "## Measurements\n\n" + "\n".join(plots) if plots else "",
        "## How to use it\n\n"
        + "\n\n".join(f"{what}:\n```\n{how}\n```" for what, how in summary.commands.items()),
        f"## Version\n\nFrozen {version.created} by {_text(version.who)}. Content hash (images, what was decided "
        f"about them, rules):\n```\n{version.hash}\n```",
        _rules(version),
    ]
    text = "\n\n".join(section for section in sections if section) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8", newline="\n")


def _front_matter(contents: Contents, summary: ExportSummary) -> str:
    """YAML as the Hugging Face hub reads it; JSON strings are valid YAML strings."""
    licences = list(contents.licences)
    spdx = _SPDX.get(licences[0].split("(")[0].strip().casefold()) if len(licences) == 1 else None
    lines = [f"pretty_name: {json.dumps(summary.version)}", f"license: {spdx or 'other'}"]
    if spdx is None:
        one = licences[0] if len(licences) == 1 else "mixed, see the column licence"
        lines.append(f"license_name: {json.dumps(one)}")
    lines += ["task_categories:", "- image-to-image", "tags:", "- faces", "- sketches"]
    lines.append(f"size_categories:\n- {_size_category(summary.images)}")
    if summary.kind == "imagefolder":
        lines += ["configs:", "- config_name: default", "  drop_labels: true", "  data_files:"]
        for split in SPLITS:
            if summary.splits.get(split):
                name = SPLIT_FOLDERS[split]
                lines += [f"  - split: {name}", f"    path: {json.dumps(name + '/**')}"]
    return "\n".join(["---", *lines, "---"])


def _size_category(count: int) -> str:
    for limit, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if count < limit:
            return name
    return "100K<n<1M" if count < 1_000_000 else "n>1M"


def _rules(version: Version) -> str:
    signs = {"at_least": "at least", "at_most": "at most", "within": "within ±"}
    rows = [
        f"| {_text(rule.title)} | {_text(rule.column)} | {signs[rule.direction]} | {rule.threshold:g} "
        f"{_text(rule.unit)} |"
        for rule in version.rules.enabled
    ]
    return (
        "## Rules\n\nWhat nobody decided, these rules did.\n\n"
        + "\n".join(["| rule | reading | is | threshold |", "|---|---|---|---:|", *rows])
        + f"\n\n<details><summary>As text</summary>\n\n```yaml\n{version.rules_text.strip()}\n```\n\n</details>"
    )


def _left_out(version: Version, left_out: Mapping[str, int]) -> str:
    parts = []
    if version.rejected:
        parts.append("## What was left out\n\n" + _table(("by", "images"), version.rejected))
    if version.removed:
        parts.append(f"{len(version.removed)} images were deleted for good after the version was frozen.")
    parts += [
        f"{count} images are kept, but not for training. {LEFT_OUT[code]}" for code, count in left_out.items()
    ]
    return "\n\n".join(parts)


def _counted(title: str, column: str, counts: Counter[str]) -> tuple[str, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = dict(ordered[:MOST_ROWS])
    if len(ordered) > MOST_ROWS:
        rows[f"{len(ordered) - MOST_ROWS} others"] = sum(count for _, count in ordered[MOST_ROWS:])
    return (f"## {title}\n\n" + _table((column, "images"), rows),)


def _table(head: tuple[str, str], rows: Mapping[str, int]) -> str:
    return "\n".join(
        [f"| {head[0]} | {head[1]} |", "|---|---:|", *(f"| {_text(k)} | {n} |" for k, n in rows.items())]
    )


def _listed(counts: Counter[str]) -> str:
    return " and ".join(f"{name} ({count})" for name, count in sorted(counts.items())) or "nobody"


def _text(text: str) -> str:
    """What strangers wrote, on one line and without markup."""
    plain = escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#" else letter for letter in plain)


def draw_histogram(values: Sequence[float], title: str, unit: str = "") -> str:
    """Draw as SVG how often values occur, equal numbers as equal bytes; missing ones (NaN) are counted in the title."""
    numbers = np.asarray(values, dtype=np.float64)
    known = numbers[np.isfinite(numbers)]
    missing = f", {len(numbers) - len(known)} unknown" if len(known) < len(numbers) else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}" '
        f'viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" font-family="sans-serif" font-size="11" role="img">',
        f"<title>{escape_xml(title)}</title>",
        f'<rect width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="16" fill="#222">{escape_xml(title)} ({len(known)} images{missing})</text>',
        *(_bars(known, unit) if len(known) else ()),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _bars(known: np.ndarray, unit: str) -> list[str]:
    low, high = float(known.min()), float(known.max())
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(known, bins=BINS, range=(low, high))
    floor, step = PLOT_HEIGHT - _BOTTOM, (PLOT_WIDTH - _LEFT - _RIGHT) / BINS
    scale = (floor - _TOP) / max(int(counts.max()), 1)
    parts = []
    for place, count in enumerate(counts):
        tall = round(count * scale, 1)
        parts.append(
            f'<rect x="{_LEFT + place * step:.1f}" y="{floor - tall:.1f}" width="{step - 1:.1f}" '
            f'height="{tall:.1f}" fill="#3b6ea5"><title>{edges[place]:.3g} to {edges[place + 1]:.3g}: '
            f"{count}</title></rect>"
        )
    parts.append(f'<path d="M{_LEFT} {floor}H{PLOT_WIDTH - _RIGHT}" stroke="#555"/>')
    parts.append(f'<text x="{_LEFT - 4}" y="{_TOP + 4}" text-anchor="end" fill="#555">{counts.max()}</text>')
    for x, anchor, value in ((_LEFT, "start", low), (PLOT_WIDTH - _RIGHT, "end", high)):
        parts.append(
            f'<text x="{x}" y="{PLOT_HEIGHT - 12}" text-anchor="{anchor}" fill="#555">{value:.3g}</text>'
        )
    middle = (_LEFT + PLOT_WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{PLOT_HEIGHT - 12}" text-anchor="middle" fill="#555">{escape_xml(unit)}</text>'
    )
    return parts
