"""Keep a drawing where a reload or a restart of the server finds it again: in the browser, or in a link.

The browser's copy is the file of strokes with the settings beside it. A link holds the same in few letters, in the
part of an address that browsers do not send to servers. Both come back from anybody, so both are checked as uploads
are: what cannot be read is left, and changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import takewhile
from typing import Any

import numpy as np
import streamlit as st

from core.conversion.settings import (
    HAIR_TONES,
    MAX_NEIGHBOURS,
    MODES,
    SKIN_TONES,
    STAGE1_KINDS,
    ConversionSettings,
    PartSettings,
)
from core.errors import UnsafeImage
from dashboard import access
from dashboard.shared.links import address
from dashboard.shared.resources import component, examples
from dashboard.shared.sent_values import is_number
from dashboard.shared.texts import _, translate_sentence
from dashboard.views.draw.canvas import tools_from
from dashboard.views.draw.drawing import (
    MAX_STROKES,
    drawing_content,
    fabric_from_content,
    fabric_from_file,
    has_ink,
    strokes_from_fabric,
)
from dashboard.views.draw.settings import PART_TITLES, SEEDS
from dashboard.views.draw.state import (
    KEPT,
    LIVE,
    Drawing,
    DrawSession,
    Tools,
    drawing_from,
)

LINK_LETTERS = 8000  # chats and mail programs take no longer address
LINK_BYTES = 2_000_000  # of what a link unfolds to
STEP_PX = 0.5  # of a link's coordinates
_GENERATOR = re.compile(r"[^\W_][\w.-]{0,59}")  # as `core.models.folder.plain_name`
# Settings of the whole face, and how each is read of what anybody may have sent: None for what cannot be.
READ: dict[str, Callable[[Any], Any]] = {
    "t": lambda t: round(float(t), 2) if is_number(t, 0, 1) else None,
    "k": lambda k: int(k) if is_number(k, 1, MAX_NEIGHBOURS) else None,
    "mode": lambda mode: mode if mode in MODES else None,
    "stage1": lambda stage1: stage1 if stage1 in STAGE1_KINDS else None,
    "generator": lambda name: name if isinstance(name, str) and _GENERATOR.fullmatch(name) else None,
    "person": lambda person: int(person) if is_number(person, 0, SEEDS) else None,
    "skin": lambda tone: tone if tone in SKIN_TONES else None,
    "hair": lambda tone: tone if tone in HAIR_TONES else None,
}


def show_kept(session: DrawSession) -> None:
    """Show *Copy link*, keep the drawing in the browser, and take up what the browser has kept or was sent."""

    def found() -> None:
        recall(session, st.session_state[KEPT].get("found"))

    def renewed() -> None:
        session.put_on_paper(Drawing())

    key = session.drawing.digest, session.settings, session.tools, st.session_state.get(LIVE)
    if session.kept[0] != key:
        session.kept = key, kept_content(session), write_link(session)
    _key, content, link = session.kept
    is_scan = any("path" not in item for item in session.drawing.fabric.get("objects", []))
    why_not = _("A scan does not fit into a link. Send its strokes: Download, Strokes.") if is_scan else ""
    if len(link) > LINK_LETTERS:
        why_not = _(
            "The drawing is too large for a link: {n:,} letters, {most:,} fit. Send its strokes: Download, Strokes.",
            n=len(link), most=LINK_LETTERS,
        )  # fmt: skip
    who = access.visitor().name
    place = hashlib.sha256(f"{address('')} {who}".encode()).hexdigest()[:12]
    component("views/draw/kept")(
        key=KEPT,
        data={
            "session": session.visit,
            "isRecalled": session.is_recalled,
            "isBack": session.is_back,
            "place": f"studio.drawing.{place}",
            "content": content,
            "link": "" if why_not else link,
            "whyNot": why_not,
            "isDrawn": has_ink(session.drawing.fabric),
        },
        on_found_change=found,
        on_renewed_change=renewed,
        width="content",
        height="content",
    )


def recall(session: DrawSession, found: Any) -> None:
    """Take up what the browser has: what it kept, and over that the drawing of a link that was opened."""
    session.is_recalled = True
    if not isinstance(found, Mapping):
        return
    kept, link = found.get("kept"), found.get("link")
    if isinstance(kept, str) and kept:
        _take_kept(session, kept)
    if isinstance(link, str) and link:
        open_link(session, link)


def _take_kept(session: DrawSession, kept: str) -> None:
    try:
        fabric = fabric_from_file(kept.encode("utf-8", "replace"))
    except UnsafeImage:
        return  # cut off, of another program, or by somebody who tries: as if nothing had been kept
    content = json.loads(kept)
    session.set_settings(settings_from(content.get("settings"), session.settings))
    tools = content.get("tools")
    if isinstance(tools, Mapping):
        session.tools = tools_from({**tools, "change": session.tools.change}, session.tools)
    if isinstance(content.get("live"), bool):
        st.session_state[LIVE] = content["live"]
    if fabric["objects"]:
        session.is_back = session.restore(drawing_from(fabric))


def open_link(session: DrawSession, link: str) -> None:
    """Lay the drawing of a link on the paper, with its settings; what was there before can be had back by undo."""
    try:
        fabric, wanted = read_link(link)
    except UnsafeImage as error:
        session.notice = translate_sentence(error)
        return
    session.set_settings(settings_from(wanted, session.settings))
    session.put_on_paper(drawing_from(fabric))


def open_query(session: DrawSession) -> None:
    """Take up what the address asks for: ``drawing`` or ``example``, and settings by their names."""
    query = st.query_params.to_dict()
    wanted: dict[str, Any] = {name: query[name] for name in READ if name in query}
    for name in ("t", "k", "person"):
        try:
            wanted[name] = float(query[name])
        except (KeyError, ValueError):
            continue
    session.set_settings(settings_from(wanted, session.settings))
    example = next((one for one in examples() if one.name == query.get("example")), None)
    if example is not None:
        session.put_on_paper(example.drawing)
    if query.get("drawing"):
        open_link(session, query["drawing"])
    for name in {"drawing", "example", *READ} & query.keys():
        del st.query_params[name]  # a reload is to bring back what was drawn since


def kept_content(session: DrawSession) -> str:
    """Write what a reload brings back; empty where there is nothing to keep."""
    fabric, how = session.drawing.fabric, settings_content(session.settings)
    is_live = bool(st.session_state.get(LIVE, True))
    if (
        not fabric.get("objects")
        and not how
        and is_live
        and session.tools == Tools(change=session.tools.change)
    ):
        return ""
    scan = {"objects": [item for item in fabric["objects"] if "path" not in item]}
    content = drawing_content(scan) | {"settings": how, "tools": asdict(session.tools), "live": is_live}
    strokes = ",".join(kept for _item, kept, _linked in _written(session) if kept)
    del content["strokes"]
    return f'{{"strokes":[{strokes}],{_json(content)[1:]}'


def write_link(session: DrawSession) -> str:
    """Write strokes and settings in few letters; a scan beneath the strokes is left out."""
    strokes = ",".join(linked for _item, _kept, linked in _written(session) if linked)
    content = f'{{"s":[{strokes}],"o":{_json(settings_content(session.settings))}}}'
    return base64.urlsafe_b64encode(zlib.compress(content.encode())).decode().rstrip("=")


def _written(session: DrawSession) -> list[tuple[Any, str, str]]:
    """Write each object of the drawing as the browser keeps it and as a link holds it, or look up what was written.

    With every stroke the page would otherwise write all strokes before it anew.
    """
    objects = session.drawing.fabric.get("objects", [])
    pairs = zip(objects, session.written, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1][0], pairs))
    session.written = [*session.written[:same], *((item, *_texts(item)) for item in objects[same:])]
    return session.written


def _texts(item: Any) -> tuple[str, str]:
    """Write one stroke as the browser keeps it and as a link holds it; nothing for a scan."""
    for stroke in strokes_from_fabric({"objects": [item]}):
        before_x = before_y = 0
        steps = []
        for x, y in stroke["points"]:
            now_x, now_y = round(x / STEP_PX), round(y / STEP_PX)
            steps += [now_x - before_x, now_y - before_y]
            before_x, before_y = now_x, now_y
        return _json(stroke), _json([stroke["width"], int("erase" in stroke), *steps])
    return "", ""


def _json(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))


def read_link(link: str) -> tuple[dict[str, Any], Any]:
    """Read what `write_link` wrote: the drawing, and its settings as they stand there.

    Raises
    ------
    UnsafeImage
        If it is no such link; the message says what to do.
    """
    try:
        if len(link) > 2 * LINK_LETTERS:
            raise ValueError
        unfold = zlib.decompressobj()
        data = unfold.decompress(
            base64.b64decode(link + "=" * (-len(link) % 4), b"-_", validate=True), LINK_BYTES
        )
        if not unfold.eof:  # cut off, or more than any drawing
            raise ValueError
        content = json.loads(data)
        if len(content["s"]) > MAX_STROKES:
            raise ValueError
        strokes = []
        for width, erases, *steps in content["s"]:
            points = np.cumsum(np.array(steps, np.float64).reshape(-1, 2), axis=0) * STEP_PX
            strokes.append({"width": width, "erase": erases == 1, "points": points.tolist()})
        return fabric_from_content({"strokes": strokes}), content.get("o")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, zlib.error):
        raise UnsafeImage(
            _("The link holds no drawing that can be read: part of it may be missing. Copy all of it.")
        ) from None


def settings_content(wanted: ConversionSettings) -> dict[str, Any]:
    """Give the settings that differ from the usual ones, for JSON."""
    usual = ConversionSettings()
    content = {name: getattr(wanted, name) for name in READ if getattr(wanted, name) != getattr(usual, name)}
    if wanted.parts:
        content["parts"] = {name: [own.t, own.k] for name, own in wanted.parts}
    if wanted.fill:
        content["fill"] = dict(wanted.fill)
    return content


def settings_from(content: Any, now: ConversionSettings) -> ConversionSettings:
    """Read settings; what is missing is as usual, and what cannot be is left out. No settings at all change nothing."""
    if not isinstance(content, Mapping) or not content:
        return now
    parts = {name: _part_from(pair) for name, pair in _entries(content.get("parts"))}
    return ConversionSettings.of(
        {name: own for name, own in parts.items() if own is not None},
        {name: int(seed) for name, seed in _entries(content.get("fill")) if is_number(seed, 0, SEEDS)},
        **{name: value for name, read in READ.items() if (value := read(content.get(name))) is not None},
    )


def _part_from(pair: Any) -> PartSettings | None:
    if not isinstance(pair, list) or len(pair) != 2:
        return None
    t, k = READ["t"](pair[0]), READ["k"](pair[1])
    return None if t is None or k is None else PartSettings(t, k)


def _entries(by_part: Any) -> list[tuple[str, Any]]:
    return (
        [item for item in by_part.items() if item[0] in PART_TITLES] if isinstance(by_part, Mapping) else []
    )
