"""The real page for tests, with a canvas and networks that they can steer."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from core.conversion.request import FaceResult, Neighbour, PartResult
from core.conversion.settings import PartSettings
from core.face_parts.layout import PAINT_ORDER
from dashboard.views.draw.drawing import fabric_from_strokes
from dashboard.views.draw.state import Drawing, DrawSession, drawing_from

STROKES = [{"width": 3, "points": [[100, y], [200, y + 10], [300, y]]} for y in (100, 200, 300, 400, 450)]


def drawn(count: int = 5, *, offset: int = 0) -> Drawing:
    """A drawing of some strokes, as the canvas reports it."""
    strokes = [
        {**stroke, "points": [[x + offset, y] for x, y in stroke["points"]]} for stroke in STROKES[:count]
    ]
    sketch = np.full((512, 512), 255, np.uint8)
    for stroke in strokes:
        x, y = (int(v) for v in stroke["points"][0])
        sketch[y : y + 3, x : x + 200] = 0
    blank = drawing_from(fabric_from_strokes(strokes))
    return Drawing(blank.fabric, sketch, blank.digest)


@dataclass
class FakePipeline:
    """Networks that answer at once and remember what they were asked."""

    confidence: float | None = 0.9
    is_blank: bool = False
    error: Exception | None = None
    generators: list[str] = field(default_factory=lambda: ["pix2pixhd"])
    has_parts: bool = False
    broken: tuple[str, ...] = ()  # generators that cannot be loaded, or "parts"
    missing: tuple[str, ...] = ()  # parts that are not drawn
    photo: np.ndarray | None = None  # by default the drawing itself
    face: str = "face"  # the name of the nearest training face
    calls: list[dict[str, Any]] = field(default_factory=list)
    ghosts: int = 0

    def __call__(self, sketch: np.ndarray, **how: Any) -> FaceResult:
        for name in (how["generator"], how["stage1"]):
            if name in self.broken:
                raise ValueError(f"/srv/models/{name}.safetensors is damaged. Restore it.")
        usual = {"t": 0.5, "k": 10, "mode": "hybrid", "person": None, "skin": None, "hair": None}
        how = usual | {"fill": {}, "parts": {}} | how
        self.calls.append({"sketch": sketch} | how)
        small = np.ascontiguousarray(sketch[::2, ::2])
        is_near = self.confidence is None or self.confidence >= 0.35
        near = Neighbour(self.face, 1 / how["k"], 1.0, small[::2, ::2] if is_near else None)
        return FaceResult(
            photo=None if self.is_blank else np.dstack([small] * 3) if self.photo is None else self.photo,
            refined_sketch=None if self.is_blank else small,
            neighbours=() if self.is_blank else (near,) * how["k"],
            confidence=None if self.is_blank else self.confidence,
            is_blank=self.is_blank,
            timings={"encode": 10.0, "project": 0.0, "generate": 50.0, "total": 61.0},
            parts=self._parts(how, near) if how["stage1"] == "parts" else (),
            attention=255 - small if how["generator"] == "ugatit" else None,
            **{
                name: how[name]
                for name in ("t", "k", "mode", "generator", "stage1", "person", "skin", "hair")
            },
        )

    def _parts(self, how: dict[str, Any], near: Neighbour) -> tuple[PartResult, ...]:
        own = {name: how["parts"].get(name, PartSettings(how["t"], how["k"])) for name in PAINT_ORDER}
        return tuple(
            PartResult(
                name,
                part.t,
                part.k,
                is_drawn=name not in self.missing,
                is_filled=name in self.missing and name in how["fill"],
                neighbours=(near,),
                confidence=self.confidence,
            )
            for name, part in own.items()
        )

    def people(self, sketch: np.ndarray, count: int) -> list[int]:
        return list(range(7, 7 + count))

    def ghost(self, sketch: np.ndarray, *, k: int, stage1: str) -> np.ndarray:
        self.ghosts += 1
        return np.ascontiguousarray(sketch[::2, ::2])


@dataclass
class Page:
    """One visitor's page and the hands that draw on it."""

    app: AppTest
    pipeline: FakePipeline
    canvas: dict[str, Drawing]

    def draw(self, drawing: Drawing) -> AppTest:
        self.canvas["drawing"] = drawing
        return self.app.run()

    def text(self) -> str:
        return " ".join(element.value for element in self.app.get("html"))

    def photos(self) -> list[Any]:
        return list(self.app.image)

    @property
    def session(self) -> DrawSession:
        return self.app.session_state["draw_session"]

    def choose(self, **settings: Any) -> AppTest:
        """Set what the visitor sets in components that AppTest cannot press."""
        self.session.set_settings(replace(self.session.settings, **settings))
        return self.app.run()
