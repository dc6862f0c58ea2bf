"""Drawings as strokes: a small JSON form, and how a stroke becomes pixels.

A drawing is what a mouse or a finger left: lines with a pen width, in the pixels of the face frame.
``data/demo/drawings`` holds such files, each beside the picture that `render_strokes` makes of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import FRAME

MAX_WIDTH = 64.0
MAX_POINTS = 100_000
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_SUPERSAMPLING = 8
_SHIFT = 4  # OpenCV takes coordinates in units of 2 ** -_SHIFT pixels


@dataclass(frozen=True, eq=False)
class Stroke:
    """One line from pen-down to pen-up.

    Attributes
    ----------
    width
        Pen width in pixels at 512, above 0 and at most `MAX_WIDTH`.
    points : (N, 2) float32
        x and y in pixels at 512, N >= 1; a single point is a dot. (0, 0) is the centre of the top left
        pixel; points may lie outside the frame.
    """

    width: float
    points: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A named drawing; ``name`` is its file's stem, ``title`` is for people."""

    name: str
    title: str
    strokes: tuple[Stroke, ...]


def parse_drawing(content: Any) -> Drawing:
    """Check the decoded JSON of a drawing.

    Parameters
    ----------
    content
        ``{"name": str, "title": str, "strokes": [{"width": number, "points": [[x, y], ...]}, ...]}``
        and nothing else.

    Raises
    ------
    ValueError
        If a key is missing or unknown, a number is not finite, or there is nothing to draw.
    """
    fields = _object(content, {"name", "title", "strokes"}, "a drawing")
    name, title, strokes = fields["name"], fields["title"], fields["strokes"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"name must be lower-case words joined by underscores, got {name!r}.")
    if not isinstance(title, str) or not title.strip():
        raise ValueError(f"title of {name} must be a text, got {title!r}.")
    if not isinstance(strokes, list) or not strokes:
        raise ValueError(f"strokes of {name} must be a list with at least one stroke.")
    parsed = tuple(_stroke(stroke, f"stroke {i} of {name}") for i, stroke in enumerate(strokes))
    total = sum(len(stroke.points) for stroke in parsed)
    if total > MAX_POINTS:
        raise ValueError(f"{name} has {total} points, at most {MAX_POINTS} are drawn.")
    return Drawing(name=name, title=title, strokes=parsed)


def load_drawing(path: str | Path) -> Drawing:
    """Read a drawing's JSON file; its name must be the file's stem.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no JSON or no drawing; the message names the file.
    """
    path = Path(path)
    try:
        drawing = parse_drawing(json.loads(path.read_text(encoding="utf-8")))
        if drawing.name != path.stem:
            raise ValueError(f"the drawing calls itself {drawing.name!r}, expected {path.stem!r}.")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a drawing: {error}") from error
    return drawing


def drawing_to_json(drawing: Drawing) -> str:
    """Write the text of a drawing's file, coordinates rounded to a tenth of a pixel, one stroke a line."""
    lines = [
        json.dumps(
            {
                "width": round(float(stroke.width), 2),
                "points": [[round(float(x), 1), round(float(y), 1)] for x, y in stroke.points],
            },
            separators=(",", ":"),
        )
        for stroke in drawing.strokes
    ]
    name, title = json.dumps(drawing.name), json.dumps(drawing.title, ensure_ascii=False)
    return f'{{"name":{name},"title":{title},"strokes":[\n' + ",\n".join(lines) + "\n]}\n"


def render_strokes(strokes: Iterable[Stroke], size: int = FRAME) -> NDArray[np.uint8]:
    """Draw strokes with a round pen, black on white, antialiased.

    Parameters
    ----------
    strokes
        In the pixels of the 512 frame; positions and widths scale with ``size``.
    size
        Side of the picture, at least 1.

    Returns
    -------
    sketch : (size, size) uint8
        0 ink, 255 paper.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}.")
    side = size * _SUPERSAMPLING
    scale = side / FRAME
    canvas = np.full((side, side), 255, np.uint8)
    for stroke in strokes:
        # Pixel centres lie at whole numbers, in the frame as on the larger canvas.
        points = (np.asarray(stroke.points, np.float64) + 0.5) * scale - 0.5
        fixed = np.clip(np.round(points * 2**_SHIFT), -(2**24), 2**24).astype(np.int32)
        if len(fixed) == 1:
            radius = max(round(stroke.width * scale / 2 * 2**_SHIFT), 1)
            centre = (int(fixed[0, 0]), int(fixed[0, 1]))
            cv2.circle(canvas, centre, radius, 0, -1, cv2.LINE_AA, _SHIFT)
        else:
            line = fixed.reshape(-1, 1, 2)
            cv2.polylines(canvas, [line], False, 0, _thickness(stroke.width * scale), cv2.LINE_AA, _SHIFT)
    small = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small, dtype=np.uint8)


def _thickness(width: float) -> int:
    """OpenCV's thickness for a line of that width: its antialiased lines are 1.4 wider, and even ones only."""
    return 2 * round((width - 1.4) / 2) if width >= 2.4 else 1


def _stroke(content: Any, what: str) -> Stroke:
    """One stroke, checked; ``what`` names it in messages."""
    fields = _object(content, {"width", "points"}, what)
    width, points = fields["width"], fields["points"]
    if not _is_number(width) or not 0 < width <= MAX_WIDTH:
        raise ValueError(f"the width of {what} must be above 0 and at most {MAX_WIDTH:g}, got {width!r}.")
    if not isinstance(points, list) or not points:
        raise ValueError(f"the points of {what} must be a list with at least one point.")
    for point in points:
        if not isinstance(point, list) or len(point) != 2 or not all(_is_number(value) for value in point):
            raise ValueError(f"a point of {what} must be two finite numbers [x, y], got {point!r}.")
    return Stroke(width=float(width), points=np.array(points, dtype=np.float32))


def _object(content: Any, keys: set[str], what: str) -> dict[str, Any]:
    """A JSON object with exactly these keys."""
    if not isinstance(content, dict):
        raise ValueError(f"{what} must be an object with {', '.join(sorted(keys))}.")
    if set(content) != keys:
        raise ValueError(f"{what} must have the keys {', '.join(sorted(keys))}, got {sorted(content)}.")
    return content


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
