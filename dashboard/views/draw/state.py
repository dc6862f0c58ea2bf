"""Everything that one visitor's session remembers. No other file names a session key.

All of it lives in the memory of that session alone; nothing drawn or uploaded is written to disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import cv2
import numpy as np
import streamlit as st

from core.conversion.settings import ConversionSettings
from dashboard.views.draw.drawing import EMPTY, MAX_POINTS, digest, fabric_from_sketch, tile_url

if TYPE_CHECKING:
    from core.pipeline import FaceResult
    from core.scan_cleanup import PaperDrawing

T = TypeVar("T")

HISTORY_LENGTH = 12
LOADS_KEPT = 20
STEPS_KEPT = 200  # of redo; those before come back at once
POINTS_KEPT = 4 * MAX_POINTS  # of the undo, and of the strip: five times as many are 100 MB
PLACINGS_KEPT = 4
FACES_KEPT = 64  # of one drawing, each with other settings: about 1 MB each, most of it the photo
COUNTED = 1000  # changes and loads are counted up to this number and then from 0 again

# Widgets and components. Those that are restored from the history are read back by name.
CANVAS, TOOLBAR, EXAMPLES, RECENT = "canvas", "toolbar", "examples", "recent"
LIVE, CONVERT, KEEP_LINES, MODE, NEIGHBOUR_COUNT = "live", "convert", "keep_lines", "mode", "neighbour_count"
STAGE1, PARTS, ATTENTION, GHOST, LINES_OVER = "stage1", "parts", "attention", "ghost", "lines_over"
GENERATOR, GENERATORS, COMPARE, COMPARISON = "generator", "generators", "compare", "comparison"
FIT, PLACEMENT, PLACEMENT_MENU = "fit", "placement", "placement_menu"
UPLOAD, UPLOAD_MENU = "upload", "upload_menu"
KEPT = "kept"
VARIANTS, PEOPLE, SKIN, HAIR = "variants", "people", "skin", "hair"
_SESSION = "draw_session"
BY_PARTS = "stage 1 by parts"  # beside the names of generators, none of which holds a space


@dataclass(frozen=True)
class Tools:
    """What the pen does; sizes are diameters in pixels of the 512 px paper."""

    tool: Literal["pen", "eraser"] = "pen"
    brush: int = 3
    eraser: int = 20
    guide: bool = True
    ghost: bool = False
    mirror: bool = False
    change: int = 0  # counts the changes that the browser made, so that it knows which have arrived


@dataclass(frozen=True)
class Drawing:
    """What is on the paper: the canvas's own strokes and, once it has sent them, the pixels."""

    fabric: dict[str, Any] = field(default_factory=lambda: dict(EMPTY))
    sketch: np.ndarray | None = None  # (512, 512) uint8
    digest: str = digest(EMPTY)

    @cached_property
    def points(self) -> int:
        """The points of all strokes."""
        return sum(len(item.get("path", ())) for item in self.fabric.get("objects", []))


def drawing_from(fabric: dict[str, Any]) -> Drawing:
    """A drawing that the canvas has yet to turn into pixels."""
    return Drawing(fabric, None, digest(fabric))


def _objects(drawing: Drawing) -> list[Any]:
    objects: list[Any] = drawing.fabric.get("objects", [])
    return objects


def _leading(drawing: Drawing, count: int) -> str:
    """Digest of a drawing's first objects."""
    return digest({"objects": _objects(drawing)[:count]})


FaceKey = tuple[str, ConversionSettings]  # of a drawing and what really matters of its settings


@dataclass(frozen=True)
class Shown:
    """A finished face with everything needed to come back to it.

    Its pictures travel inside the page as ``data:`` URLs: no address that another visitor could open, and
    none that is gone before a slow browser asks for it.
    """

    drawing: Drawing
    settings: ConversionSettings
    result: FaceResult
    photo_url: str = ""
    refined_url: str = ""
    misfit_px: float | None = None  # see `dashboard.views.draw.decisions.misfit_px`
    is_misplaced: bool = False  # see `dashboard.views.draw.decisions.is_misplaced`
    undrawn: tuple[str, ...] = ()  # see `dashboard.views.draw.decisions.undrawn_parts`
    unpainted: tuple[str, ...] = ()  # see `eval.metrics.unpainted.unpainted_features`
    made: datetime = field(default_factory=datetime.now)

    @cached_property
    def tile_url(self) -> str:
        """The photo in few bytes; empty where there is none."""
        return "" if self.result.photo is None else tile_url(self.result.photo)

    @cached_property
    def thumbnail(self) -> str:
        """The photo at 128 px."""
        photo = self.result.photo
        return "" if photo is None else tile_url(cv2.resize(photo, (128, 128), interpolation=cv2.INTER_AREA))

    @property
    def key(self) -> FaceKey:
        return self.drawing.digest, self.settings.effective()


@dataclass
class DrawSession:
    """The Draw page's memory, one object per visitor."""

    tools: Tools = field(default_factory=Tools)
    drawing: Drawing = field(default_factory=Drawing)
    load: dict[str, Any] = field(default_factory=lambda: EMPTY | {"load": 0})  # what the canvas starts from
    replaced: str | None = None  # digest of what a load replaces, until the canvas reports the load
    undo_loads: list[tuple[Drawing, int]] = field(default_factory=list)  # drawings replaced, with their base
    redo_loads: list[tuple[Drawing, int]] = field(default_factory=list)
    report: tuple[Any, dict[str, Any], bool, str] = (
        None,
        EMPTY,
        True,
        "",
    )  # see `dashboard.views.draw.canvas`
    is_cut: bool = False  # the drawing was laid back on the paper without what is too much; see `cut_to`
    base: int = 0  # so many of the drawing's objects came with a load; the rest are strokes of the visitor
    shown: Shown | None = None
    history: tuple[Shown, ...] = ()
    settings: ConversionSettings = field(default_factory=ConversionSettings)
    settings_loads: int = 0  # part of the widgets' keys, see set_settings
    part_change: int = 0  # counts the changes of parts that the browser made, as Tools.change does
    faces: dict[FaceKey, Shown] = field(default_factory=dict)  # every face of the drawing made so far
    refused: dict[str, str] = field(default_factory=dict)  # generators that could not be used, and why
    notice: str = ""  # said once
    is_comparing: bool = False
    ghost: tuple[tuple[Any, ...], str] = ((), "")  # what it was made from, and the picture
    people: tuple[str, tuple[int, ...]] = ("", ())  # digest of a drawing, and whom else it may become
    placings: dict[str, PaperDrawing] = field(
        default_factory=dict
    )  # the last uploads by their scan's address
    upload_error: str = ""
    uploads: int = 0  # part of the uploader's key: a new number empties it
    visit: str = field(
        default_factory=lambda: secrets.token_hex(4)
    )  # tells the browser when it is another session
    is_recalled: bool = False  # the browser has said what it kept
    is_back: bool = False  # the drawing is the one that the browser kept
    replay: tuple[Any, bytes] = (None, b"")  # the file, and the face that it shows
    kept: tuple[Any, str, str] = (
        None,
        "",
        "",
    )  # what the browser is to keep, and the link, with what both are of
    written: list[tuple[Any, str, str]] = field(default_factory=list)  # strokes as both of these have them

    @property
    def can_take_back(self) -> bool:
        """Whether undo finds anything beyond what the canvas itself remembers."""
        return bool(self.undo_loads) or len(_objects(self.drawing)) > self.base

    def put_on_paper(self, drawing: Drawing) -> None:
        """Replace the drawing; the one before can be had back with undo, and its strokes one by one."""
        if drawing.digest == self.drawing.digest:
            return
        self._keep_for_undo([(self.drawing, self.base), *reversed(self.undo_loads)])
        self.redo_loads = []
        self.is_back = False
        self.base = len(_objects(drawing))
        self._load(drawing)

    def cut_to(self, drawing: Drawing) -> bool:
        """Lay what can be taken of a drawing back on the paper, once; False until the canvas has taken that up."""
        if self.is_cut:
            return False
        self.is_cut = True
        self._load(drawing)
        return True

    def restore(self, drawing: Drawing) -> bool:
        """Lay a drawing of before on blank paper, its strokes to undo one by one; on other paper, below the undo."""
        base = sum("path" not in item for item in _objects(drawing))
        if not _objects(self.drawing):
            self.base = base
            self._load(drawing)
            return True
        if drawing.digest != self.drawing.digest:
            self._keep_for_undo([*reversed(self.undo_loads), (drawing, base)])
        return False

    def _keep_for_undo(self, latest: list[tuple[Drawing, int]]) -> None:
        self.undo_loads = _within(latest[:LOADS_KEPT], lambda entry: entry[0].points)[::-1]

    def _keep_for_redo(self, *drawings: Drawing) -> None:
        """Note what was undone, the last to come back first; without pixels, which the canvas sends again."""
        self.redo_loads += [(replace(drawing, sketch=None), self.base) for drawing in drawings]
        del self.redo_loads[1:-STEPS_KEPT]

    def take_back(self) -> None:
        """Undo the last stroke, or the replacement before the first of them.

        The canvas undoes what was drawn since it started; it starts anew with every load and visit.
        """
        objects = _objects(self.drawing)
        if len(objects) > self.base:
            self._keep_for_redo(self.drawing)
            self._load(drawing_from({"objects": objects[:-1]}))
        elif self.undo_loads:
            self._keep_for_redo(self.drawing)
            drawing, self.base = self.undo_loads.pop()
            self._load(drawing)

    def bring_back(self) -> None:
        """Redo what was undone last."""
        if not self.redo_loads:
            return
        drawing, base = self.redo_loads.pop()
        is_stroke = (
            base == self.base and _leading(drawing, len(_objects(self.drawing))) == self.drawing.digest
        )
        if not is_stroke:
            self.undo_loads.append((self.drawing, self.base))
        self.base = base
        self._load(drawing)

    def _load(self, drawing: Drawing) -> None:
        if self.replaced is None:
            self.replaced = self.drawing.digest
        self.load = {"objects": drawing.fabric.get("objects", []), "load": self.load["load"] + 1}
        self.drawing = drawing

    def put_upload(self, placed: PaperDrawing, strokes: Sequence[Any] = ()) -> None:
        """Lay an upload on the paper, under the strokes that were drawn over it."""
        scan = fabric_from_sketch(placed.sketch)["objects"]
        self.put_on_paper(drawing_from({"objects": [*scan, *strokes]}))
        self.placings[scan[0]["src"]] = placed
        self.placings = dict(list(self.placings.items())[-PLACINGS_KEPT:])

    @property
    def placed(self) -> PaperDrawing | None:
        """The upload that lies on the paper now, and where its face was put."""
        objects = _objects(self.drawing)
        return self.placings.get(str(objects[0].get("src"))) if objects else None

    def set_settings(self, wanted: ConversionSettings) -> None:
        """Move the settings; only before their widgets are drawn, that is in a callback.

        They become new widgets. A browser that has not heard of the move yet sends the old values along with
        whatever it sends next, and those would win over a value that was set from here.
        """
        if wanted != self.settings:
            self.settings = wanted
            self.settings_loads += 1

    def refuse(self, wanted: ConversionSettings, why: str) -> bool:
        """Note that a generator or kind of stage 1 fails, and leave it; False if there is no other."""
        default = ConversionSettings()
        if wanted.generator != default.generator:
            self.refused[wanted.generator] = why
            other = replace(wanted, generator=default.generator)
        elif wanted.effective().stage1 != default.stage1:
            self.refused[BY_PARTS] = why
            other = replace(wanted, stage1=default.stage1)
        else:
            return False
        if (self.settings.generator, self.settings.stage1) == (wanted.generator, wanted.stage1):
            self.set_settings(other)
            self.notice = why
        return True

    def trouble_with(self, wanted: ConversionSettings) -> str:
        """Why settings cannot be had; empty where nothing is known against it."""
        by_parts = self.refused.get(BY_PARTS, "") if wanted.effective().stage1 == "parts" else ""
        return self.refused.get(wanted.generator, "") or by_parts

    def come_back(self) -> None:
        """Lay the drawing on a canvas that starts anew, after a visit to another page."""
        self.load = {"objects": self.drawing.fabric.get("objects", []), "load": self.load["load"] + 1}

    def receive(self, reported: Drawing) -> None:
        """Take what the canvas reports, unless that is still the drawing from before a load."""
        if reported.digest == self.drawing.digest:
            if self.drawing.sketch is None:
                self.drawing = reported
        elif reported.digest == self.replaced:
            return
        else:
            self.drawing = reported if self.replaced is not None else self._follow(reported)
        self.replaced = None

    def _follow(self, reported: Drawing) -> Drawing:
        """Keep the redo in step with the canvas's own: strokes undone there, redone there, or drawn.

        Return the drawing to go on with; strokes that are known already are not kept a second time.
        """
        before, now = _objects(self.drawing), len(_objects(reported))
        if now < len(before) and _leading(self.drawing, now) == reported.digest:
            steps = range(min(len(before) - 1, now + LOADS_KEPT), now, -1)
            undone = [drawing_from({"objects": before[:count]}) for count in steps]
            self._keep_for_redo(self.drawing, *undone)
            return replace(reported, fabric={"objects": before[:now]})
        known = [drawing.digest for drawing, _ in self.redo_loads]
        self.redo_loads = self.redo_loads[: known.index(reported.digest)] if reported.digest in known else []
        return reported

    def keep(self, shown: Shown) -> None:
        """Keep a face of the drawing for as long as the drawing stays as it is, with the latest others of it."""
        faces = {key: face for key, face in self.faces.items() if key[0] == shown.drawing.digest}
        faces.pop(shown.key, None)
        faces[shown.key] = shown
        self.faces = dict(list(faces.items())[-FACES_KEPT:])

    def find(self, wanted: ConversionSettings) -> Shown | None:
        """The face of this drawing and settings, where it was made already."""
        return self.faces.get((self.drawing.digest, wanted.effective()))

    def remember(self, shown: Shown) -> None:
        """Show a result and put it first in the strip: one for each drawing and settings, none of the way to it."""
        self.keep(shown)
        self.shown = shown
        others = tuple(entry for entry in self.history if not _leads_to(entry, shown))
        self.history = tuple(_within((shown, *others)[:HISTORY_LENGTH], lambda entry: entry.drawing.points))


def _within(entries: Sequence[T], points: Callable[[T], int]) -> list[T]:
    """Give the first entries that have `POINTS_KEPT` points together, and one in any case."""
    totals = accumulate(points(entry) for entry in entries)
    return [
        entry
        for entry, total in zip(entries, totals, strict=True)
        if total <= POINTS_KEPT or entry is entries[0]
    ]


def _leads_to(entry: Shown, later: Shown) -> bool:
    strokes = entry.drawing.fabric.get("objects", [])
    return (
        entry.settings == later.settings
        and strokes == later.drawing.fabric.get("objects", [])[: len(strokes)]
    )


def draw_session() -> DrawSession:
    """This visitor's memory, made at the first call, with the widgets' defaults beside it."""
    st.session_state.setdefault(LIVE, True)
    session: DrawSession = st.session_state.setdefault(_SESSION, DrawSession())
    return session
