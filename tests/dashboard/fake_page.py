"""The real page for tests, with a canvas and networks that they can steer."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from dashboard.drawing import fabric_from_strokes
from dashboard.state import Drawing, drawing_from

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
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, sketch: np.ndarray, *, t: float, k: int, mode: str) -> Any:
        self.calls.append({"sketch": sketch, "t": t, "k": k, "mode": mode})
        small = np.ascontiguousarray(sketch[::2, ::2])
        neighbour = SimpleNamespace(name="face", weight=1 / k, distance=1.0, sketch=small[::2, ::2])
        return SimpleNamespace(
            photo=None if self.is_blank else np.dstack([small] * 3),
            refined_sketch=None if self.is_blank else small,
            neighbours=() if self.is_blank else (neighbour,) * k,
            confidence=None if self.is_blank else self.confidence,
            is_blank=self.is_blank,
            timings={"encode": 10.0, "project": 0.0, "generate": 50.0, "total": 61.0},
            t=t,
            k=k,
            mode=mode,
            generator="pix2pixhd",
        )


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
