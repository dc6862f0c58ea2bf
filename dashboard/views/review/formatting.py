"""Measurements, verdicts and decisions in a reviewer's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curation.rules import Rule, Rules


@dataclass(frozen=True)
class Reading:
    """How a measurement is called and shown: title, format, and the scale of its bar."""

    title: str
    form: str
    low: float
    high: float


READINGS = {
    "faces": Reading("Faces", "{:.0f}", 0, 5),
    "eye_distance_px": Reading("Eye distance", "{:.0f} px", 0, 300),
    "yaw": Reading("Turned (yaw)", "{:+.1f}°", -45, 45),
    "pitch": Reading("Up or down (pitch)", "{:+.1f}°", -45, 45),
    "roll": Reading("Tilted (roll)", "{:+.1f}°", -45, 45),
    "roll_aligned": Reading("Tilt left over", "{:+.1f}°", -45, 45),
    "sharpness": Reading("Sharpness", "{:.2f}", 0, 1.5),
    "brightness": Reading("Brightness", "{:.2f}", 0, 1),
    "dynamic_range": Reading("Range of tones", "{:.2f}", 0, 1),
    "shadow": Reading("Shadow", "{:.2f}", 0, 1),
    "backlight": Reading("Light from behind", "{:.2f}", 0, 1),
    "colour_cast": Reading("Colour cast", "{:.1f}", 0, 10),
    "eyes_open": Reading("Eyes open", "{:.2f}", 0, 1),
    "mouth_open": Reading("Mouth open", "{:.2f}", 0, 1),
    "covered": Reading("Face covered", "{:.0%}", 0, 1),
    "head_covered": Reading("Head covered", "{:.0%}", 0, 1),
    "padding": Reading("Beyond the border", "{:.0%}", 0, 0.5),
    "stretch": Reading("Stretch", "{:.2f}", 1, 1.6),
    "width": Reading("Width", "{:.0f} px", 0, 4000),
    "height": Reading("Height", "{:.0f} px", 0, 4000),
    "frame": Reading("Border around it", "{:.0%}", 0, 0.5),
    "chroma": Reading("Colours of the face", "{:.1f}", 0, 10),
    "drawn": Reading("Looks drawn", "{:.0%}", 0, 1),
    "hidden": Reading("Hidden face", "{:.0%}", 0, 1),
}
# The order in which sorts and bars are offered, and further columns to sort by.
SORT_TITLES = {
    "added_at": "Time added",
    "confidence": "Confidence",
    "proposal": "Proposal",
    "rule": "Rule",
    "source": "Source",
    **{name: reading.title for name, reading in READINGS.items()},
}

_SHORT = {
    "unreadable": "unreadable",
    "hidden": "probably covered",
    "no_face": "no face",
    "faces": "{:.0f} faces",
    "eye_distance": "eyes {:.0f} px",
    "yaw": "turned {:.0f}°",
    "pitch": "up/down {:.0f}°",
    "roll": "tilted {:.0f}°",
    "stretch": "stretch {:.2f}",
    "padding": "border {:.0%}",
    "covered": "covered {:.0%}",
    "head_covered": "hat {:.0%}",
    "drawn": "drawn {:.0%}",
    "greyscale": "no colour {:.1f}",
    "sharpness": "blurred {:.2f}",
    "too_dark": "dark {:.2f}",
    "too_bright": "bright {:.2f}",
    "flat": "flat {:.2f}",
    "shadow": "shadow {:.2f}",
    "backlight": "back light {:.2f}",
    "colour_cast": "colour cast {:.0f}",
    "eyes_closed": "eyes shut {:.2f}",
    "mouth_open": "mouth open {:.2f}",
    "duplicate": "duplicate",
}


def short_reason(verdict: str, rule: str, value: float | None, threshold: float | None = None) -> str:
    """Two words for a tile: ``turned 23°``; just beyond the threshold one decimal more, ``turned 10.4°``."""
    if verdict == "keep":
        return "passes"
    if not verdict:
        return "not examined"
    form = _SHORT.get(rule, rule.replace("_", " "))
    if "{" not in form:
        return form
    if value is None:
        return rule.replace("_", " ")
    words = form.format(abs(value))
    if threshold is not None and words == form.format(abs(threshold)):
        words = form.replace(":.2", ":.3").replace(":.0", ":.1").format(abs(value))
    return words


def pose_text(yaw: float | None, pitch: float | None, roll: float | None) -> str:
    """The pose in numbers."""
    names = (("yaw", yaw), ("pitch", pitch), ("roll", roll))
    return ", ".join(f"{name} {round(angle) + 0:+d}°" for name, angle in names if angle is not None)


def measure_bar(name: str, value: float | None, rules: Rules, decided_by: str) -> dict[str, object]:
    """One bar of the detail view: where the value lies, and where the rules want it.

    ``at``, ``from`` and ``to`` are parts of the bar's length; ``from`` to ``to`` is what is kept.
    """
    reading = READINGS[name]
    mine = [rule for rule in rules.enabled if rule.column == name]
    allowed_low, allowed_high = _allowed(mine)
    ends = [e for e in (value, allowed_low, allowed_high) if e is not None and math.isfinite(e)]
    low, high = min([reading.low, *ends]), max([reading.high, *ends])

    def place(at: float) -> float:
        return round(min(1.0, max(0.0, (at - low) / (high - low))), 4)

    limit = " and ".join(_limit(rule, reading) for rule in mine)
    return {
        "title": reading.title,
        "text": "–" if value is None else reading.form.format(value),
        "sentence": f"{reading.title}: {limit or 'no rule'}",
        "ruled": bool(mine),
        "at": None if value is None else place(value),
        "from": place(allowed_low),
        "to": place(allowed_high),
        "off": value is not None and not allowed_low <= value <= allowed_high,
        "deciding": any(rule.name == decided_by for rule in mine),
    }


def _allowed(rules: list[Rule]) -> tuple[float, float]:
    low, high = -math.inf, math.inf
    for rule in rules:
        if rule.direction in ("at_least", "within"):
            low = max(low, rule.threshold if rule.direction == "at_least" else -rule.threshold)
        if rule.direction in ("at_most", "within"):
            high = min(high, rule.threshold)
    return low, high


def _limit(rule: Rule, reading: Reading) -> str:
    words = {"at_least": "at least ", "at_most": "at most ", "within": "within ±"}[rule.direction]
    return words + reading.form.replace("+", "").format(rule.threshold)


def decision_words(decision: str | None) -> str:
    """What a person did: ``keeps``, ``rejects``, ``is unsure``, ``took it back``."""
    if decision is None:
        return ""
    words = {"keep": "keeps", "reject": "rejects", "unsure": "is unsure", "": "took the decision back"}
    return words.get(decision, decision)
