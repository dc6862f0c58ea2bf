"""All that is known about one image, for the detail view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core import face_mesh
from core.face_frame import alignment_targets
from curation.library.records import GROUP_PICTURE
from dashboard.components.group_pictures import group_links
from dashboard.review.words import READINGS, decision_words, measure_bar

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library
    from curation.library.records import Decision, Provenance
    from curation.rules import Rules

_CONTOURS = (
    (*face_mesh.FACE_OVAL, face_mesh.FACE_OVAL[0]),
    face_mesh.EYE_LEFT_UPPER, face_mesh.EYE_LEFT_LOWER, face_mesh.EYE_RIGHT_UPPER, face_mesh.EYE_RIGHT_LOWER,
    face_mesh.BROW_LEFT_UPPER, face_mesh.BROW_LEFT_LOWER, face_mesh.BROW_RIGHT_UPPER, face_mesh.BROW_RIGHT_LOWER,
    face_mesh.LIPS_OUTER_UPPER, face_mesh.LIPS_OUTER_LOWER, face_mesh.LIPS_INNER_UPPER, face_mesh.LIPS_INNER_LOWER,
    face_mesh.NOSE_BASE,
)  # fmt: skip


def detail_of(library: Library, table: pd.DataFrame, image_id: str) -> dict[str, Any] | None:
    """What the detail view shows beside the tile's own facts; None for an image that is gone."""
    if image_id not in table.index:
        return None
    row: pd.Series = table.loc[image_id]  # type: ignore[assignment]  # ids are unique
    examination = library.examination(image_id)
    landmarks = b"" if examination is None else examination.landmarks
    rules = library.rules()
    dots, lines = mesh_paths(landmarks)
    return {
        "id": image_id,
        "hasOriginal": library.files.original(image_id).is_file(),
        "width": _whole(row["width"]),
        "height": _whole(row["height"]),
        "anchors": [list(map(float, anchor)) for anchor in library.alignment_of(image_id)],
        "targets": alignment_targets().tolist(),
        "dots": dots,
        "lines": lines,
        "measures": [measure_bar(name, _number(row[name]), rules, row["rule"] or "") for name in READINGS],
        "sentence": _sentence(row, rules),
        "history": [history_line(entry) for entry in reversed(library.history(image_id))],
        "sources": [line for origin in library.provenance(image_id) for line in origin_lines(origin)],
        "links": group_links(library, table, image_id),
    }


def _sentence(row: pd.Series, rules: Rules) -> str:
    """Why the image is in or out, as the machine sees it."""
    if row["verdict"] == "keep":
        return "Passes all rules."
    if row["verdict"] != "reject":
        return "Not examined yet."
    value, threshold = _number(row["value"]), _number(row["threshold"])
    if value is None or threshold is None:
        return str(row["rule"])
    return rules.explain(str(row["rule"]), value, threshold)


def mesh_paths(landmarks: bytes) -> tuple[str, str]:
    """SVG paths over the 512 px frame: a dot per mesh point, and the contours of the features."""
    points = np.frombuffer(landmarks, dtype=np.float16).reshape(-1, 2).astype(np.float32)
    if len(points) < face_mesh.FACE_POINTS or not np.isfinite(points).all():
        return "", ""
    dots = "".join(f"M{x:.0f} {y:.0f}h.01" for x, y in points)
    lines = "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points[list(contour)]) for contour in _CONTOURS
    )
    return dots, lines


def history_line(entry: Decision) -> str:
    """``2026-05-01 12:30 · Ann keeps, + glasses``, in UTC."""
    parts = [decision_words(entry.decision)]
    parts += [f"+ {name}" for name in entry.added_labels] + [f"− {name}" for name in entry.removed_labels]
    what = ", ".join(part for part in parts if part)
    if entry.kind != "decide":
        what = f"{'undoes' if entry.kind == 'undo' else 'redoes'}: {what}"
    elif entry.settles:
        what += ", which settles it"
    if entry.undone and entry.kind == "decide":
        what += " (undone)"
    return f"{entry.made_at.replace('T', ' ')[:16]} · {entry.reviewer} {what}"


def origin_lines(origin: Provenance) -> list[str]:
    """Where an image came from, one fact a line."""
    if origin.source.startswith(GROUP_PICTURE):  # the way to the picture is a link of its own
        page = "" if origin.page == origin.source else origin.page
        origin = replace(origin, source="Cut from a group picture", page=page)
    first = " · ".join(
        part for part in (origin.source, origin.name, origin.added_at.replace("T", " ")[:16]) if part
    )
    facts = {
        "Address": origin.url, "Page": origin.page, "Licence": origin.licence, "Author": origin.author,
        "Brought by": origin.uploader,
    }  # fmt: skip
    return [first, *(f"{name}: {value}" for name, value in facts.items() if value)]


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _whole(value: Any) -> int:
    number = _number(value)
    return 0 if number is None else int(number)
