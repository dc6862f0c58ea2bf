"""Make the demo drawings and the guide: ``python -m data.demo.make_drawings`` from the repository's root.

Writes ``drawings/NAME.json`` with ``drawings/NAME.png`` and ``guide.png`` beside this file. All of it is
made by hand, as control points in ``features.py`` and ``faces.py``; no photo was traced.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.atomic_files import write_atomically
from core.images import save_png
from core.strokes import Drawing, Stroke, drawing_to_json, load_drawing, render_strokes
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


def main() -> None:
    folder = FOLDER / "drawings"
    folder.mkdir(exist_ok=True)
    for name, title, draw in DRAWINGS:
        drawing = Drawing(name=name, title=title, strokes=tuple(draw().strokes))
        path = folder / f"{name}.json"
        write_atomically(path, drawing_to_json(drawing).encode())
        save_png(path.with_suffix(".png"), render_strokes(load_drawing(path).strokes))
    save_png(FOLDER / "guide.png", guide_picture())


if __name__ == "__main__":
    main()
