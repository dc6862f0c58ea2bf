"""Measurements, verdicts and decisions in a reviewer's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.texts import N_, _

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
    "faces": Reading(N_("Faces"), "{:.0f}", 0, 5),
    "eye_distance_px": Reading(N_("Eye distance"), "{:.0f} px", 0, 300),
    "yaw": Reading(N_("Turned (yaw)"), "{:+.1f}°", -45, 45),
    "pitch": Reading(N_("Up or down (pitch)"), "{:+.1f}°", -45, 45),
    "roll": Reading(N_("Tilted (roll)"), "{:+.1f}°", -45, 45),
    "roll_aligned": Reading(N_("Tilt left over"), "{:+.1f}°", -45, 45),
    "sharpness": Reading(N_("Sharpness"), "{:.2f}", 0, 1.5),
    "brightness": Reading(N_("Brightness"), "{:.2f}", 0, 1),
    "dynamic_range": Reading(N_("Range of tones"), "{:.2f}", 0, 1),
    "shadow": Reading(N_("Shadow"), "{:.2f}", 0, 1),
    "backlight": Reading(N_("Light from behind"), "{:.2f}", 0, 1),
    "colour_cast": Reading(N_("Colour cast"), "{:.1f}", 0, 10),
    "eyes_open": Reading(N_("Eyes open"), "{:.2f}", 0, 1),
    "mouth_open": Reading(N_("Mouth open"), "{:.2f}", 0, 1),
    "covered": Reading(N_("Face covered"), "{:.0%}", 0, 1),
    "head_covered": Reading(N_("Head covered"), "{:.0%}", 0, 1),
    "padding": Reading(N_("Beyond the border"), "{:.0%}", 0, 0.5),
    "stretch": Reading(N_("Stretch"), "{:.2f}", 1, 1.6),
    "width": Reading(N_("Width"), "{:.0f} px", 0, 4000),
    "height": Reading(N_("Height"), "{:.0f} px", 0, 4000),
    "frame": Reading(N_("Border around it"), "{:.0%}", 0, 0.5),
    "chroma": Reading(N_("Colours of the face"), "{:.1f}", 0, 10),
    "drawn": Reading(N_("Looks drawn"), "{:.0%}", 0, 1),
    "hidden": Reading(N_("Hidden face"), "{:.0%}", 0, 1),
}
# The order in which sorts and bars are offered, and further columns to sort by.
SORT_TITLES = {
    "added_at": N_("Time added"),
    "confidence": N_("Confidence"),
    "proposal": N_("Proposal"),
    "rule": N_("Rule"),
    "source": N_("Source"),
    "duplicate_group": N_("Look-alikes together"),
    "similarity": N_("Similarity"),
    **{name: reading.title for name, reading in READINGS.items()},
}

_SHORT = {
    "unreadable": N_("unreadable"),
    "hidden": N_("probably covered"),
    "no_face": N_("no face"),
    "faces": N_("{:.0f} faces"),
    "eye_distance": N_("eyes {:.0f} px"),
    "yaw": N_("turned {:.0f}°"),
    "pitch": N_("up/down {:.0f}°"),
    "roll": N_("tilted {:.0f}°"),
    "stretch": N_("stretch {:.2f}"),
    "padding": N_("border {:.0%}"),
    "covered": N_("covered {:.0%}"),
    "head_covered": N_("hat {:.0%}"),
    "drawn": N_("drawn {:.0%}"),
    "greyscale": N_("no colour {:.1f}"),
    "sharpness": N_("blurred {:.2f}"),
    "too_dark": N_("dark {:.2f}"),
    "too_bright": N_("bright {:.2f}"),
    "flat": N_("flat {:.2f}"),
    "shadow": N_("shadow {:.2f}"),
    "backlight": N_("back light {:.2f}"),
    "colour_cast": N_("colour cast {:.0f}"),
    "eyes_closed": N_("eyes shut {:.2f}"),
    "mouth_open": N_("mouth open {:.2f}"),
    "duplicate": N_("duplicate"),
}


def short_reason(verdict: str, rule: str, value: float | None, threshold: float | None = None) -> str:
    """Two words for a tile: ``turned 23°``; just beyond the threshold one decimal more, ``turned 10.4°``."""
    if verdict == "keep":
        return _("passes")
    if not verdict:
        return _("not examined")
    form = _(_SHORT.get(rule, rule.replace("_", " ")))
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
    names = ((_("yaw"), yaw), (_("pitch"), pitch), (_("roll"), roll))
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

    limit = _(" and ").join(_limit(rule, reading) for rule in mine)
    return {
        "title": _(reading.title),
        "text": "–" if value is None else reading.form.format(value),
        "sentence": f"{_(reading.title)}: {limit or _('no rule')}",
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
    limit = reading.form.replace("+", "").format(rule.threshold)
    if rule.direction == "within":
        return _("within ±{limit}", limit=limit)
    return (
        _("at least {limit}", limit=limit)
        if rule.direction == "at_least"
        else _("at most {limit}", limit=limit)
    )


def decision_words(decision: str | None) -> str:
    """What a person did: ``keeps``, ``rejects``, ``is unsure``, ``took it back``."""
    if decision is None:
        return ""
    words = {
        "keep": _("keeps"), "reject": _("rejects"), "unsure": _("is unsure"), "": _("took the decision back"),
    }  # fmt: skip
    return words.get(decision, decision)
