"""Show the review grid: tiles and the detail of one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core import face_mesh
from core.face_frame import alignment_targets
from curation.library.records import GROUP_PICTURE
from dashboard import access
from dashboard.shared.group_pictures import group_links
from dashboard.shared.links import address
from dashboard.shared.resources import component
from dashboard.shared.texts import _, ngettext, translate_sentence
from dashboard.views.review.filters import PAGE_SIZE
from dashboard.views.review.formatting import READINGS, decision_words, measure_bar, pose_text, short_reason
from dashboard.views.review.routes import PREFIX
from dashboard.views.review.state import GRID, IdempotencyLog, ReviewSession

if TYPE_CHECKING:
    from curation.library.library import Library
    from curation.library.records import Decision, Provenance
    from curation.rules import Rules
    from dashboard.views.review.filters import Choices

_COLUMNS = (
    "verdict", "rule", "value", "threshold", "decision", "disputed", "reviewers", "labels", "yaw", "pitch",
    "roll", "duplicate_group", "proposal",
)  # fmt: skip


def tiles_of(library: Library, table: pd.DataFrame, ids: Sequence[str]) -> list[dict[str, Any]]:
    """One small dict per image, in order; an image that was deleted meanwhile is marked as gone."""
    places = table.index.get_indexer(pd.Index(ids))
    here = places[places >= 0]
    columns = {name: table[name].array.take(here).tolist() for name in _COLUMNS}
    sizes = group_sizes(table, columns["duplicate_group"])
    said = opinions_of(library) if any(columns["disputed"]) else {}
    tiles = []
    row = 0
    for image_id, place in zip(ids, places, strict=True):
        if place < 0:
            tiles.append(_gone(image_id))
            continue
        facts = {name: values[row] for name, values in columns.items()}
        tiles.append(_tile(library, image_id, facts, sizes) | {"said": said.get(image_id, "")})
        row += 1
    return tiles


def _tile(library: Library, image_id: str, facts: dict[str, Any], sizes: dict[Any, int]) -> dict[str, Any]:
    yaw, pitch, roll = (_number(facts[name]) for name in ("yaw", "pitch", "roll"))
    return {
        "id": image_id,
        "v": picture_version(library, image_id),
        "verdict": facts["verdict"] or "",
        "isCopy": facts["rule"] == "duplicate" and facts["verdict"] == "reject",
        "why": short_reason(
            facts["verdict"] or "", facts["rule"] or "", _number(facts["value"]), _number(facts["threshold"])
        ),
        "d": facts["decision"] or "",
        "disputed": bool(facts["disputed"]),
        "who": list(facts["reviewers"]),
        "labels": list(facts["labels"]),
        "yaw": None if yaw is None else round(yaw, 1),
        "pitch": None if pitch is None else round(pitch, 1),
        "pose": pose_text(yaw, pitch, roll),
        "dup": sizes.get(facts["duplicate_group"], 0),
        "p": _number(facts["proposal"]),
    }


def as_seen_alone(tile: dict[str, Any], decision: str, reviewer: str) -> dict[str, Any]:
    """Hide what others have said of an image, so that a second opinion is one."""
    who = [reviewer] if decision else []
    return {**tile, "d": decision, "disputed": False, "said": "", "who": who}


def facts_beside(table: pd.DataFrame, image_id: str) -> list[str]:
    """What helps to choose between faces that look alike."""
    if image_id not in table.index:
        return []
    row: pd.Series = table.loc[image_id]  # type: ignore[assignment]  # ids are unique
    facts = [str(row["name"])]
    for name in ("eye_distance_px", "sharpness"):
        value = _number(row[name])
        if value is not None:
            facts.append(f"{_(READINGS[name].title)} {value:,.4g}")
    return facts


def opinions_of(library: Library) -> dict[str, str]:
    """Who said what, of every image on which reviewers differ."""
    return {
        entry.image_id: ", ".join(f"{who}: {_(decision)}" for who, decision, _when in entry.opinions)
        for entry in library.disagreements()
    }


def _gone(image_id: str) -> dict[str, Any]:
    texts = dict.fromkeys(("v", "verdict", "d", "pose", "said"), "")
    numbers = dict.fromkeys(("yaw", "pitch", "p"))
    others = {"isCopy": False, "disputed": False, "who": [], "labels": [], "dup": 0, "gone": True}
    return {"id": image_id, "why": _("deleted"), **texts, **numbers, **others}


def picture_version(library: Library, image_id: str) -> str:
    """A word that changes with the crop; empty where there is no picture."""
    try:
        return f"{library.files.thumb(image_id).stat().st_mtime_ns // 1000:x}"
    except OSError:
        return ""


def addresses(library: Library, ids: Sequence[str]) -> list[str]:
    """Ends of the thumbnails' addresses, so that the browser can fetch the next page beforehand."""
    return [f"{image_id}?v={version}" for image_id in ids if (version := picture_version(library, image_id))]


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def group_sizes(table: pd.DataFrame, groups: Sequence[str]) -> dict[str, int]:
    """How many images each of some groups of duplicates holds."""
    wanted = set(groups) - {""}
    if not wanted:
        return {}
    column = table["duplicate_group"].cat
    counts = np.bincount(column.codes.to_numpy(), minlength=len(column.categories))
    places = column.categories.get_indexer(pd.Index(list(wanted)))
    return dict(zip(wanted, counts[places].tolist(), strict=True))


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
        "width": int(_number(row["width"]) or 0),
        "height": int(_number(row["height"]) or 0),
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
        return _("Passes all rules.")
    if row["verdict"] != "reject":
        return _("Not examined yet.")
    value, threshold = _number(row["value"]), _number(row["threshold"])
    if value is None or threshold is None:
        return str(row["rule"])
    return translate_sentence(rules.explain(str(row["rule"]), value, threshold))


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
        what = _("undoes: {what}", what=what) if entry.kind == "undo" else _("redoes: {what}", what=what)
    elif entry.settles:
        what = _("{what}, which settles it", what=what)
    if entry.undone and entry.kind == "decide":
        what = _("{what} (undone)", what=what)
    return f"{entry.made_at.replace('T', ' ')[:16]} · {entry.reviewer} {what}"


def origin_lines(origin: Provenance) -> list[str]:
    """Where an image came from, one fact a line."""
    if origin.source.startswith(GROUP_PICTURE):  # the way to the picture is a link of its own
        page = "" if origin.page == origin.source else origin.page
        origin = replace(origin, source=_("Cut from a group picture"), page=page)
    first = " · ".join(
        part for part in (origin.source, origin.name, origin.added_at.replace("T", " ")[:16]) if part
    )
    facts = {
        _("Address"): origin.url, _("Page"): origin.page, _("Licence"): origin.licence,
        _("Author"): origin.author, _("Brought by"): origin.uploader,
    }  # fmt: skip
    return [first, *(f"{name}: {value}" for name, value in facts.items() if value)]


SCRIPTS = tuple(
    f"views/review/{part}.js"
    for part in ("outbox", "tiles", "cursor", "align", "detail", "beside", "keys", "dialogs")
)


def received_actions() -> Any:
    """What the browser sent with this run, unconfirmed actions of before among it."""
    state = st.session_state.get(GRID)
    post = state.get("post") if state else None
    return post.get("actions") if isinstance(post, dict) else None


def show_grid(
    library: Library,
    session: ReviewSession,
    table: pd.DataFrame,
    book: IdempotencyLog,
    choices: Choices,
    *,
    end_text: str,
) -> None:
    """Show the page of faces that the session is at."""
    ids = session.page_ids()
    first = session.view.page * PAGE_SIZE
    coming = [] if session.view.is_queue else session.ids[first + PAGE_SIZE : first + 2 * PAGE_SIZE]
    detail = detail_of(library, table, session.detail) if session.detail in ids else None
    tiles, beside = (tiles_of(library, table, some) for some in (ids, session.beside))
    beside = [tile | {"facts": facts_beside(table, tile["id"])} for tile in beside]
    if session.view.is_second:
        mine = library.opinions_of([*ids, *session.beside], session.reviewer)
        tiles, beside = (
            [as_seen_alone(tile, mine.get(tile["id"], ""), session.reviewer) for tile in some]
            for some in (tiles, beside)
        )
        detail = detail and {**detail, "history": []}
    data = {
        "root": address(PREFIX),
        "tiles": tiles,
        "coming": addresses(library, coming),
        "pageKey": f"{hash(tuple(ids)):x}",
        "pageText": _page_text(session),
        "pages": 0 if session.view.is_queue else _pages(session),
        "countText": "" if session.view.is_queue else ngettext("{n:,} face", "{n:,} faces", len(session.ids)),
        "canGoBack": session.view.page > 0 and not session.view.is_queue,
        "canGoOn": bool(coming) or _finds_more(session),
        "found": 0 if session.view.is_queue else len(session.ids),
        "isQueue": session.view.is_queue,
        "isDisputes": session.view.disputed,
        "reviewer": session.reviewer,
        "isSignedIn": bool(access.visitor().name),
        "labels": sorted(choices.labels)[:200],
        "hasProposals": choices.has_proposals,
        "detail": detail,
        "beside": beside,
        "done": {client: book.last(client) for client in session.clients},
        "notice": {"number": session.notices, "text": session.notice},
        "trouble": session.trouble,
        "endText": end_text,
    }
    component("views/review/grid", *SCRIPTS)(
        key=GRID, data=data, on_post_change=lambda: None, width="stretch", height="content"
    )


def _finds_more(session: ReviewSession) -> bool:
    """Whether turning the last page looks for more: what a decision takes out of the filter moves up."""
    if not session.page_ids():
        return False
    return session.view.is_queue or session.view.decision == "none" or session.view.disputed


def _page_text(session: ReviewSession) -> str:
    if session.view.is_queue:
        return _("{n} for you", n=len(session.leased)) if session.leased else ""
    pages = _pages(session)
    return _("{page:,} of {pages:,}", page=session.view.page + 1, pages=pages) if pages else ""


def _pages(session: ReviewSession) -> int:
    return -(-len(session.ids) // PAGE_SIZE)
