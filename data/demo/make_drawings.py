"""Make the demo drawings and the guide: ``python -m data.demo.make_drawings`` from the repository's root.

Writes ``drawings/NAME.json`` with ``drawings/NAME.png`` and ``guide.png`` beside this file. All of it is
made by hand, as control points in ``features.py`` and ``faces.py``; no photo was traced.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.atomic_files import write_atomically
from core.images import save_png
from core.strokes import Stroke, render_strokes
from data.demo.faces import DRAWINGS, guide_curves
from data.demo.hand import spline

FOLDER = Path(__file__).resolve().parent
GUIDE_COLOUR = (120, 152, 190)
GUIDE_WIDTH = 3.0


def guide_picture() -> np.ndarray:
    """The guide as (512, 512, 4) uint8: grey-blue lines on nothing."""
    strokes = [Stroke(width=GUIDE_WIDTH, points=spline(curve).astype(np.float32)) for curve in guide_curves()]
    alpha = 255 - render_strokes(strokes)
    return np.dstack([*(np.full_like(alpha, level) for level in GUIDE_COLOUR), alpha])


def drawing_to_json(name: str, title: str, strokes: Sequence[Stroke]) -> str:
    """Write the text of a drawing's file, coordinates rounded to a tenth of a pixel, one stroke a line."""
    lines = [
        json.dumps(
            {
                "width": round(float(stroke.width), 2),
                "points": [[round(float(x), 1), round(float(y), 1)] for x, y in stroke.points],
            },
            separators=(",", ":"),
        )
        for stroke in strokes
    ]
    head = f'{{"name":{json.dumps(name)},"title":{json.dumps(title, ensure_ascii=False)},"strokes":[\n'
    return head + ",\n".join(lines) + "\n]}\n"


def load_strokes(path: Path) -> list[Stroke]:
    """Read the strokes of a drawing's file."""
    strokes = json.loads(path.read_text(encoding="utf-8"))["strokes"]
    return [Stroke(one["width"], np.array(one["points"], np.float32)) for one in strokes]


def main() -> None:
    folder = FOLDER / "drawings"
    folder.mkdir(exist_ok=True)
    for name, title, draw in DRAWINGS:
        path = folder / f"{name}.json"
        write_atomically(path, drawing_to_json(name, title, draw().strokes).encode())
        save_png(path.with_suffix(".png"), render_strokes(load_strokes(path)))
    save_png(FOLDER / "guide.png", guide_picture())


if __name__ == "__main__":
    main()
