"""Which features of a drawing does its photo leave out? Only what can be told with hardly a false alarm.

All is measured at 256 px on the face template, from the lines that were drawn and what the photo has in their place.
The limits were set on held-out sketches, on the same with ears, glasses, wide mouths and averted eyes drawn over them,
and on human drawings: `tests.benchmarks.unpainted_features` counts how often each is named.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import EYE_LEFT, EYE_RIGHT, FRAME
from core.sketch_input import prepare_sketch
from core.sketches import line_map
from eval.metrics.sketch_agreement import SIZE, Lines, Photo, Sketch, lines_of

Unpainted = Literal[
    "ears", "glasses", "gaze_left", "gaze_right", "mouth", "left", "right", "above", "below"
]  # sides are those of the picture

MIDDLE = SIZE / 2 - 0.5
EYES = tuple((x * SIZE / FRAME, y * SIZE / FRAME) for x, y in (EYE_LEFT, EYE_RIGHT))
Mask = NDArray[np.bool_]


def unpainted_features(
    drawing: Sketch, refined: Sketch, photo: Photo, *, lines: Lines | None = None
) -> tuple[Unpainted, ...]:
    """Name what was drawn and is not painted, or painted otherwise; what was not drawn is never named.

    Parameters
    ----------
    drawing, refined : (S, S) uint8
        Before and after stage 1, black on white.
    photo : (s, s, 3) uint8
    lines : (256, 256) bool
        `lines_of` the drawing, where they are known already: they are most of the work.
    """
    lines = lines_of(drawing) if lines is None else lines
    small = np.asarray(cv2.resize(photo, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)
    found: list[Unpainted] = []
    if _lacks_ears(lines, lab):
        found.append("ears")
    if _lacks_glasses(lines, small):
        found.append("glasses")
    if turned := _lost_gaze(drawing, refined):
        found.append("gaze_left" if turned < 0 else "gaze_right")
    if _is_narrower(drawing, lines, small):
        found.append("mouth")
    beside = _on_background(lines, lab)
    return (*found, *(side for side in beside if "ears" not in found or side in ("above", "below")))


# ---- ears: a closed bulge on both sides of the head, with nothing drawn beyond it, where the photo has no skin
EAR_ROWS, EAR_COLUMNS = slice(96, 184), slice(178, SIZE)  # of the right half; the left one is mirrored
EAR_HEIGHTS, EAR_WIDTHS, EAR_AREA, BULGE_PX = (20, 72), (7, 40), 120, 2
CHEEKS = (slice(150, 170), (*range(88, 108), *range(148, 168)))
SKIN_SHARE, SKIN_TINT, SKIN_SHADE = 0.25, 14, 75


def _lacks_ears(lines: Lines, lab: Photo) -> bool:
    cheeks = np.median(lab[CHEEKS[0], CHEEKS[1]].reshape(-1, 3), axis=0)
    for step in (1, -1):
        ear = _drawn_ear(lines[:, ::step])
        if ear is None:
            return False
        inside = lab[:, ::step][ear].astype(np.float32) - cheeks
        is_skin = (np.hypot(inside[:, 1], inside[:, 2]) < SKIN_TINT) & (inside[:, 0] > -SKIN_SHADE)
        if is_skin.mean() > SKIN_SHARE:
            return False
    return True


def _drawn_ear(lines: Lines) -> Mask | None:
    """The inside of the largest ear in the right half; hair goes on above or below, or has more hair beyond it."""
    zone = lines[EAR_ROWS, EAR_COLUMNS]
    face_side = np.where(zone.any(axis=1), zone.argmax(axis=1), zone.shape[1])
    beside = zone & (np.arange(zone.shape[1]) > face_side[:, None] + 2)
    thick = cv2.dilate(beside.astype(np.uint8), np.ones((3, 3), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(thick, connectivity=8)
    largest = None
    for number in range(1, count):
        top, width, height = boxes[number, 1:4]
        is_cut = top == 0 or top + height == zone.shape[0]
        if is_cut or not (
            EAR_HEIGHTS[0] <= height <= EAR_HEIGHTS[1] and EAR_WIDTHS[0] <= width <= EAR_WIDTHS[1]
        ):
            continue
        ear = beside & (labels == number)
        rows = np.flatnonzero(ear.any(axis=1))
        outermost = zone.shape[1] - 1 - ear[rows, ::-1].argmax(axis=1)
        is_last = outermost >= zone.shape[1] - 2 - zone[rows, ::-1].argmax(axis=1)
        hull = cv2.convexHull(np.argwhere(ear)[:, ::-1].astype(np.int32))
        if len(rows) < 0.8 * np.ptp(rows) or is_last.mean() < 0.85 or cv2.contourArea(hull) < EAR_AREA:
            continue
        # Beside glasses it is the head's own outline, as it goes on above and below.
        around = max(top - 2, 0), min(top + height + 1, len(zone) - 1)
        outline = [face_side[row] for row in around if zone[row].any()]
        if outline and np.median(outermost - np.linspace(outline[0], outline[-1], len(rows))) < BULGE_PX:
            continue
        inside = np.zeros(lines.shape, np.uint8)
        cv2.fillConvexPoly(inside[EAR_ROWS, EAR_COLUMNS], hull, 1)
        inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
        if largest is None or inside.sum() > largest.sum():
            largest = inside > 0
    return largest


# ---- glasses: a ring below and beside each eye and a bridge, where the photo has plain skin
RING_RADII, RING_BINS, RING_FILLED = (17, 37), 10, 8
BRIDGE = (slice(106, 134), slice(119, 137))
BRIDGE_FILLED, PLAIN, CROSSED = 0.7, 0.984, 0.2


@lru_cache(maxsize=1)
def _rings() -> tuple[tuple[Mask, NDArray[np.int64], Mask], ...]:
    """For each eye the ring, its bins from the temple's side over the cheek to the nose, and the part on the cheek."""
    ys, xs = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    rings = []
    for (x, y), outward in zip(EYES, (-1, 1), strict=True):
        across, down = (xs - x) * outward, ys - y
        radius = np.hypot(across / 1.15, down)
        angle = np.degrees(np.arctan2(down, across))
        angle = np.where(angle < -90, angle + 360, angle)
        within = (radius > RING_RADII[0]) & (radius < RING_RADII[1])
        ring = within & (angle > -10) & (angle < 190)
        on_cheek = within & (radius > 19) & (angle > 25) & (angle < 150) & (ys > 134)
        rings.append((ring, ((angle + 10) // (200 / RING_BINS)).astype(np.int64), on_cheek))
    return tuple(rings)


def _lacks_glasses(lines: Lines, photo: Photo) -> bool:
    if lines[BRIDGE].any(axis=0).mean() < BRIDGE_FILLED:
        return False
    for ring, bins, on_cheek in _rings():
        if len(np.unique(bins[lines & ring])) < RING_FILLED or (lines & on_cheek).sum() < 8:
            return False
    darkest = cv2.erode(line_map(photo), np.ones((5, 5), np.uint8))
    return all(_plainness(darkest[lines & on_cheek]) >= 255 * PLAIN for _ring, _bins, on_cheek in _rings())


def _plainness(values: NDArray[np.uint8]) -> float:
    """Mean without the darkest fifth: a rim crosses the side of the nose and the corner of the eye, which are dark."""
    return float(np.sort(values)[int(CROSSED * len(values)) :].mean())


# ---- gaze: both irises drawn to one side, and refined to the middle
LEAST_TURN_PX, MOST_TURN_PX, STRAIGHT_PX = 1.2, 8.0, 1.0
EYE_HALF_WIDTH, EYE_ROWS = 13, (115, 129)


def _lost_gaze(drawing: Sketch, refined: Sketch) -> float:
    """How far both eyes were drawn to a side, in px, where they look straight ahead after stage 1; else 0."""
    drawn, now = _gaze(drawing), _gaze(refined)
    is_turned = (
        drawn[0] * drawn[1] > 0
        and LEAST_TURN_PX < np.abs(drawn).min() <= np.abs(drawn).max() < MOST_TURN_PX
        and np.ptp(drawn) < np.abs(drawn).max()
    )
    is_straight = abs(now.mean()) < STRAIGHT_PX and abs(drawn.mean() - now.mean()) > LEAST_TURN_PX
    return float(drawn.mean()) if is_turned and is_straight else 0.0


def _gaze(sketch: Sketch) -> NDArray[np.float64]:
    """Where the darkest of each eye lies, in px right of its middle; r .83 with the true photo's irises."""
    top, bottom = EYE_ROWS[0] - 8, EYE_ROWS[1] + 8
    page = 255 - prepare_sketch(sketch, SIZE)[top:bottom].astype(np.float32)
    dark = cv2.GaussianBlur(page, (0, 0), 2.5)[8:-8]
    places = np.arange(-EYE_HALF_WIDTH, EYE_HALF_WIDTH + 1)
    turned = []
    for x, _y in EYES:
        weights = dark[:, round(x) + places].mean(axis=0) ** 4 + 1e-9
        turned.append(float(weights @ places / weights.sum()))
    return np.array(turned)


# ---- mouth: level lines beyond both corners, and nothing there in the photo
CORNER_ROWS, CORNER_COLUMNS = slice(173, 206), (28, 64)
NARROWER_PX, NEAR_PX, LINE, BEARD = 8, 3, 0.9, 5


def _is_narrower(drawing: Sketch, lines: Lines, photo: Photo) -> bool:
    drawn = lines[CORNER_ROWS]
    low, high = (round(MIDDLE + away) for away in CORNER_COLUMNS)
    corners = slice(SIZE - high, SIZE - low), slice(low, high)
    if any(drawn[:, corner].any(axis=0).sum() < NARROWER_PX for corner in corners):
        return False
    level = drawn & _is_level(prepare_sketch(drawing, SIZE)[CORNER_ROWS])
    if any(drawn[:, corner].sum() > BEARD * level[:, corner].any(axis=0).sum() for corner in corners):
        return False
    is_plain = (line_map(photo) >= 255 * LINE).astype(np.uint8)
    left_out = level & (cv2.distanceTransform(is_plain, cv2.DIST_L2, cv2.DIST_MASK_3)[CORNER_ROWS] > NEAR_PX)
    return all(left_out[:, corner].any(axis=0).sum() >= NARROWER_PX for corner in corners)


def _is_level(sketch: Sketch) -> Mask:
    """Where lines run within about 40 degrees of the horizontal (structure tensor)."""
    grey = cv2.GaussianBlur(sketch.astype(np.float32), (0, 0), 1)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (
        cv2.GaussianBlur(each, (0, 0), 2.5) for each in (across * across, down * down, across * down)
    )
    level: Mask = np.abs(np.degrees(np.arctan2(2 * xy, xx - yy))) > 96
    return level


# ---- anything else: lines around the head, on the photo's plain background
WINDOW = (15, 15)
PLAIN_STD, LIGHT, GREY, LEAST_LINE_PX = 3.5, 140, 10, 20
BESIDE_PX, ABOVE_PX, BELOW_PX = 64, 60, 215


def _on_background(lines: Lines, lab: Photo) -> tuple[Unpainted, ...]:
    ys, xs = np.nonzero(lines)
    plane = np.ascontiguousarray(lab[..., 0])
    light = cv2.boxFilter(plane, cv2.CV_32F, WINDOW)[ys, xs]
    square = cv2.sqrBoxFilter(plane, cv2.CV_32F, WINDOW)[ys, xs]
    tint = cv2.blur(lab, WINDOW)[ys, xs, 1:].astype(np.float32) - 128
    is_plain = (square - light**2 < PLAIN_STD**2) & (light > LIGHT) & (np.hypot(*tint.T) < GREY)
    ys, xs = ys[is_plain], xs[is_plain]
    places: dict[Unpainted, Mask] = {
        "left": xs < MIDDLE - BESIDE_PX,
        "right": xs > MIDDLE + BESIDE_PX,
        "above": (ys < ABOVE_PX) & (np.abs(xs - MIDDLE) <= BESIDE_PX),
        "below": (ys > BELOW_PX) & (np.abs(xs - MIDDLE) <= BESIDE_PX),
    }
    return tuple(name for name, there in places.items() if there.sum() >= LEAST_LINE_PX)
