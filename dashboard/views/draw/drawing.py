"""A drawing as the canvas keeps it (Fabric.js JSON), and the plain forms it comes from and goes to.

Coordinates are always those of the 512 x 512 paper, whatever size it is shown at. Black strokes draw,
white strokes erase; a scanned drawing lies under them as a picture. Nothing here knows Streamlit.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from core.errors import UnsafeImage
from core.face_frame import FRAME
from core.image_child import decode_in_child
from core.images import DECODER_ERRORS, over_white, read_photo
from dashboard.shared.texts import _

logger = logging.getLogger(__name__)

PAPER = FRAME
MAX_CANVAS_SIDE = 4 * PAPER  # a screen shows up to four pixels where the paper has one
MAX_CANVAS_BYTES = 20_000_000
INK = "#000000"
ERASER = "#ffffff"
SPARSE_STROKES = 4
MAX_FILE_BYTES = 20_000_000  # of a file of strokes
# Of a whole drawing, wherever it comes from: two hours of drawing. As the canvas reports it, that is 15 MB, and the
# server takes 25 (server.maxWidgetStateSize); a browser that may not report its drawing any more asks for ever.
MAX_STROKES, MAX_POINTS = 10_000, 100_000
FAR = 64 * PAPER  # a pen may leave the paper, to another screen even
LENGTHS = {"M": 3, "L": 3, "Q": 5, "C": 7, "Z": 1}  # of the commands of a path
MAX_SCAN_LETTERS = 2_000_000  # of the picture beneath the strokes, as a data URL
MAX_FIELDS, MAX_TEXT_LETTERS = 60, 100  # of whatever else the canvas says about a stroke
EMPTY: dict[str, Any] = {"objects": []}

Fabric = Mapping[str, Any]
Stroke = Mapping[str, Any]


def fabric_from_strokes(strokes: Sequence[Stroke]) -> dict[str, Any]:
    """Strokes as the canvas draws them.

    Parameters
    ----------
    strokes
        Each ``{"width": px, "points": [[x, y], ...]}`` and, for the eraser, ``"erase": true``.
    """
    return {"objects": [_path(stroke) for stroke in strokes if stroke["points"]]}


def _path(stroke: Stroke) -> dict[str, Any]:
    points = [(round(float(x), 2), round(float(y), 2)) for x, y in stroke["points"]]
    if len(points) == 1:
        points.append((points[0][0] + 0.01, points[0][1]))  # a dot: a line too short to have a direction
    commands: list[list[Any]] = [["M", *points[0]]]
    for here, there in zip(points[1:-1], points[2:], strict=True):
        middle = (round((here[0] + there[0]) / 2, 2), round((here[1] + there[1]) / 2, 2))
        commands.append(["Q", *here, *middle])
    commands.append(["L", *points[-1]])
    return {
        "type": "Path",
        "path": commands,
        "fill": None,
        "stroke": ERASER if stroke.get("erase") else INK,
        "strokeWidth": stroke["width"],
        "strokeLineCap": "round",
        "strokeLineJoin": "round",
    }


def strokes_from_fabric(fabric: Fabric) -> list[dict[str, Any]]:
    """The strokes of a drawing, in the form that ``fabric_from_strokes`` takes.

    The pen's own points are the curve's control points, so nothing is smoothed twice. A scanned drawing
    beneath the strokes is no stroke and left out.
    """
    paths = [item for item in fabric.get("objects", []) if str(item.get("type", "")).lower() == "path"]
    points = [[command[1:3] for command in item["path"] if len(command) >= 3] for item in paths]
    every = np.array([point for one in points for point in one], np.float64).reshape(-1, 2)
    rounded = iter(np.round(every, 2).tolist())  # all at once, as `digest` does
    strokes = []
    for item, one in zip(paths, points, strict=True):
        width = item.get("strokeWidth", 1)
        stroke: dict[str, Any] = {"width": width, "points": list(islice(rounded, len(one)))}
        if is_eraser(item):
            stroke["erase"] = True
        strokes.append(stroke)
    return strokes


def strokes_file(fabric: Fabric) -> bytes:
    """The whole drawing as JSON: its strokes in the form of the example drawings, and the scan beneath them."""
    return json.dumps(drawing_content(fabric), separators=(",", ":")).encode()


def bounded_fabric(
    reported: Any, known: Sequence[tuple[Any, dict[str, Any]]] = ()
) -> tuple[dict[str, Any], bool]:
    """Give what a canvas reports as far as it is a drawing and within the limits of one.

    Anybody can send anything in a canvas's place, and all that is kept here is kept for an undo as well.

    Parameters
    ----------
    known
        Objects of the report before, each with what was given of it. A canvas reports every stroke again with each
        new one; those that stayed are given as the same objects, so that all drawings of a visitor share them.

    Returns
    -------
    fabric, is_whole
        ``is_whole`` is False where something had to be left out: what is no stroke, and strokes beyond the limits.
    """
    found = reported.get("objects") if isinstance(reported, Mapping) else None
    if not isinstance(found, list):
        return dict(EMPTY), False
    objects: list[dict[str, Any]] = []
    points = letters = 0
    is_whole = True
    for place, item in enumerate(found):
        is_known = place < len(known) and known[place][0] == item
        plain = known[place][1] if is_known else _plain_object(item)
        if plain is None:
            is_whole = False
            continue
        points += len(plain.get("path", ()))
        letters += len(plain.get("src", ""))
        if len(objects) == MAX_STROKES or points > MAX_POINTS or letters > MAX_SCAN_LETTERS:
            return {"objects": objects}, False
        objects.append(plain)
    return {"objects": objects}, is_whole


def _plain_object(item: Any) -> dict[str, Any] | None:
    """A stroke or scan of the canvas without what no canvas says of one; None for anything else."""
    if not isinstance(item, dict):
        return None
    plain = {
        name: value
        for name, value in item.items()
        if len(name) <= MAX_TEXT_LETTERS
        and (isinstance(value, _PLAIN) or (isinstance(value, str) and len(value) <= MAX_TEXT_LETTERS))
    }
    width, path, source = item.get("strokeWidth", 0), item.get("path"), item.get("src")
    if not isinstance(width, (int, float)) or not 0 <= width <= PAPER or len(plain) > MAX_FIELDS:
        return None
    if _is_picture(item) and isinstance(source, str) and path is None:
        return plain | {"src": source}
    if str(item.get("type", "")).lower() != "path" or source is not None or not _is_path(path):
        return None
    return plain | {"path": path}


_PLAIN = (int, float, type(None))  # several times as fast as a union


def _is_path(path: Any) -> bool:
    """Whether these are commands of an SVG path, ``["Q", x, y, x, y]``, on the paper or near it."""
    try:
        if not isinstance(path, list) or any(len(command) != LENGTHS[command[0]] for command in path):
            return False
        numbers = [number for command in path for number in command[1:]]
        # Of NaN, max and min may say anything.
        return (
            set(map(type, numbers)) <= _NUMBERS and (not numbers or -FAR <= min(numbers) <= max(numbers) <= FAR)
            and all(map(math.isfinite, numbers))
        )  # fmt: skip
    except (KeyError, TypeError, IndexError):
        return False


_NUMBERS = {int, float}


def drawing_content(fabric: Fabric) -> dict[str, Any]:
    """Give what `strokes_file` writes, before it is text."""
    content: dict[str, Any] = {"size": PAPER, "strokes": strokes_from_fabric(fabric)}
    picture = next((item.get("src") for item in fabric.get("objects", []) if _is_picture(item)), None)
    if picture:
        content["picture"] = picture
    return content


def fabric_from_file(data: bytes) -> dict[str, Any]:
    """The drawing of a file that `strokes_file` made.

    Raises
    ------
    UnsafeImage
        If it is no such file; the message says what is wrong with it.
    """
    if len(data) > MAX_FILE_BYTES:
        raise UnsafeImage(
            _("The file is too large: strokes have at most {mb:g} MB.", mb=MAX_FILE_BYTES / 1e6)
        )
    try:
        return fabric_from_content(json.loads(data))
    except UnsafeImage:  # says what is wrong with the scan
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise UnsafeImage(
            _(
                "The file holds no strokes that can be read. Upload a file that Download, Strokes gave, or a picture."
            )
        ) from None


def fabric_from_content(content: Any) -> dict[str, Any]:
    """Check the drawing of decoded JSON; what is none raises an error that `fabric_from_file` turns into words."""
    # Counted before any is looked at, which takes 13 us each.
    is_too_large = len(content["strokes"]) > MAX_STROKES
    strokes = [] if is_too_large else [_checked_stroke(stroke) for stroke in content["strokes"]]
    picture = content.get("picture", "")
    if not isinstance(picture, str):
        raise ValueError
    if is_too_large or sum(max(2, len(stroke["points"])) for stroke in strokes) > MAX_POINTS:
        raise UnsafeImage(
            _(
                "The drawing is too large: it may have {strokes:,} strokes and {points:,} points in all. "
                "Upload a picture of it instead.",
                strokes=MAX_STROKES,
                points=MAX_POINTS,
            )
        )
    fabric = fabric_from_strokes(strokes)
    return {"objects": [*(_picture_objects(picture) if picture else []), *fabric["objects"]]}


def _checked_stroke(stroke: Any) -> Stroke:
    """A stroke with a width and points that lie on the paper or near it; ValueError for anything else."""
    width = float(stroke["width"])
    points = np.array(stroke["points"], np.float64)
    if not 0 < width <= PAPER or points.ndim != 2 or points.shape[1] != 2:
        raise ValueError
    if not (np.abs(points) <= FAR).all():  # NaN is refused as well
        raise ValueError
    checked: dict[str, Any] = {"width": width, "points": points.tolist()}
    return checked | ({"erase": True} if stroke.get("erase") else {})


def _picture_objects(url: str) -> list[dict[str, Any]]:
    """The scan of a file, decoded and encoded anew: nothing of a stranger's bytes reaches the page."""
    try:
        data = base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)
    except ValueError:
        raise UnsafeImage(_("The picture in the file cannot be read. Upload the scan itself.")) from None
    sketch = np.ascontiguousarray(decode_in_child(read_photo, data)[..., 0])
    if sketch.shape != (PAPER, PAPER):
        raise UnsafeImage(
            _("The picture in the file is not {side} x {side} pixels. Upload the scan itself.", side=PAPER)
        )
    objects: list[dict[str, Any]] = fabric_from_sketch(sketch)["objects"]
    return objects


def _is_picture(item: Mapping[str, Any]) -> bool:
    return str(item.get("type", "")).lower() == "image"


def is_eraser(item: Mapping[str, Any]) -> bool:
    """Whether a stroke of the canvas rubs out instead of drawing."""
    return str(item.get("stroke", "")).lower() in (ERASER, "white", "#fff", "rgb(255,255,255)")


def fabric_from_sketch(sketch: np.ndarray) -> dict[str, Any]:
    """A scanned drawing as a picture that lies under the strokes, so that undo and eraser see it.

    Parameters
    ----------
    sketch : (512, 512) uint8, black on white
    """
    if sketch.shape != (PAPER, PAPER) or sketch.dtype != np.uint8:
        raise ValueError(f"expected a sketch ({PAPER}, {PAPER}) uint8, got {sketch.shape} {sketch.dtype}")
    rgba = np.zeros((*sketch.shape, 4), np.uint8)
    rgba[..., 3] = 255 - sketch
    item = {"type": "Image", "src": data_url(rgba), "left": 0, "top": 0, "originX": "left", "originY": "top"}
    return {"objects": [item | {"width": PAPER, "height": PAPER}]}


def fabric_moved(fabric: Fabric, matrix: np.ndarray) -> dict[str, Any]:
    """A drawing moved by an affine (2, 3): its strokes stay strokes, a scan beneath them is moved by pixels."""
    import cv2

    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    objects: list[dict[str, Any]] = []
    for item in fabric.get("objects", []):
        if _is_picture(item):
            moved_scan = cv2.warpAffine(
                255 - _scan(item["src"]), matrix, (PAPER, PAPER), flags=cv2.INTER_LINEAR
            )
            objects += fabric_from_sketch(255 - np.asarray(moved_scan, np.uint8))["objects"]
        for stroke in strokes_from_fabric({"objects": [item]}):
            points = np.array(stroke["points"], np.float64) @ matrix[:, :2].T + matrix[:, 2]
            moved = stroke | {"points": points.tolist(), "width": round(stroke["width"] * scale, 2)}
            objects += fabric_from_strokes([moved])["objects"]
    return {"objects": objects}


def scan_of(fabric: Fabric) -> np.ndarray | None:
    """Give the scan beneath a drawing's strokes, (512, 512) uint8; None where there is none."""
    return next((_scan(item["src"]) for item in fabric.get("objects", []) if _is_picture(item)), None)


def _scan(url: str) -> np.ndarray:
    """Give the pixels of a scan; blank paper for a picture that is none of ours, which is not decoded."""
    try:
        data = base64.b64decode(url.partition(",")[2])
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.size == (PAPER, PAPER):
                return 255 - np.asarray(image.convert("RGBA"))[..., 3]
    except DECODER_ERRORS:
        logger.warning("A scan that is no picture was not read.")
    return np.full((PAPER, PAPER), 255, np.uint8)


def data_url(image: np.ndarray) -> str:
    """A picture as a PNG that HTML can show in place."""
    return _in_place(Image.fromarray(image), "PNG", compress_level=3)


def photo_url(photo: np.ndarray) -> str:
    """A photo (S, S, 3) uint8 that HTML can show in place, as a JPEG nobody can tell from it.

    A PNG takes twenty times as long and is six times as large, for each stroke of everybody.
    """
    return _in_place(Image.fromarray(photo), "JPEG", quality=95, subsampling=0)


def tile_url(image: np.ndarray) -> str:
    """A picture in few bytes, for many side by side: (S, S, 3) or (S, S) uint8."""
    return _in_place(Image.fromarray(image).convert("RGB"), "WEBP", quality=90, method=2)


def _in_place(image: Image.Image, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def has_ink(fabric: Fabric) -> bool:
    """Whether anything was drawn; strokes of the eraser alone are still a blank page."""
    return any(not is_eraser(item) for item in fabric.get("objects", []))


def is_sparse(fabric: Fabric) -> bool:
    """Whether so few strokes were drawn that the face must still be missing parts."""
    items = [item for item in fabric.get("objects", []) if not is_eraser(item)]
    return len(items) < SPARSE_STROKES and all("path" in item for item in items)


def digest(fabric: Fabric) -> str:
    """Name of a drawing's content: equal for equal lines, before and after the canvas took them over."""
    kinds: list[Any] = []
    numbers: list[float] = []
    for item in fabric.get("objects", []):
        path = item.get("path", [])
        kinds.append(
            [is_eraser(item), float(item.get("strokeWidth", 0)), [c[0] for c in path], item.get("src", "")]
        )
        for command in path:
            numbers += command[1:]
    # Rounded all at once: a page run on a long drawing spends more time here than anywhere else.
    rounded = np.round(np.array(numbers, np.float64), 1) + 0.0  # -0 is 0
    content = json.dumps(kinds, separators=(",", ":")).encode()
    return hashlib.sha256(content + rounded.tobytes()).hexdigest()


def sketch_from_png(data: bytes) -> np.ndarray | None:
    """The picture that a browser sends of the canvas, as a sketch; None where it is none.

    Anybody can send anything in its place, so its size is looked at before anything is decoded.

    Returns
    -------
    sketch : (H, W) uint8, black on white
    """
    if len(data) > MAX_CANVAS_BYTES:
        logger.warning("A canvas of %d bytes was not read; at most %d are.", len(data), MAX_CANVAS_BYTES)
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                if max(image.size) > MAX_CANVAS_SIDE:
                    logger.warning("A canvas of %d x %d pixels was not read.", *image.size)
                    return None
                return sketch_from_canvas(
                    np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
                )
        except (*DECODER_ERRORS, MemoryError):
            logger.warning("A canvas that is no picture was not read.")
            return None


def sketch_from_canvas(rgba: np.ndarray) -> np.ndarray:
    """The canvas's transparent picture as a sketch on white paper.

    Parameters
    ----------
    rgba : (H, W, 4) uint8

    Returns
    -------
    sketch : (H, W) uint8, black on white
    """
    red, green, blue, alpha = np.ascontiguousarray(rgba.transpose(2, 0, 1))
    return over_white(
        np.minimum(np.minimum(red, green), blue), alpha
    )  # the darkest first: a third of the work
