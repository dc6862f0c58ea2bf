"""The parts of a face as curves, at the face frame's proportions (eyes at y 244, mouth at y 385).

Pairs are given for the right half of the picture and mirrored for the left.
"""

from __future__ import annotations

import math

import numpy as np

from data.demo.hand import Curve, Hand, ellipse, mirror, spline

Points = list[tuple[float, float]]
EYE = (326.0, 244.0)


def sided(points: Curve, left: bool) -> Points:
    return mirror(points) if left else [(float(x), float(y)) for x, y in points]


def scaled(points: Curve, centre: tuple[float, float], sx: float, sy: float, dx: float = 0, dy: float = 0) -> Points:
    cx, cy = centre
    return [(cx + (x - cx) * sx + dx, cy + (y - cy) * sy + dy) for x, y in points]


def eye(
    hand: Hand, left: bool, *, size: float = 1.0, openness: float = 1.0, tilt: float = 0.0, look: float = 0.0,
    crease: bool = True, lashes: int = 0, lower: bool = True, double: bool = True, pupil: float = 5.2,
    dx: float = 0.0, dy: float = 0.0,
) -> None:
    """An almond with lid crease, iris and pupil; ``tilt`` lifts the outer corner by that many pixels."""

    def place(points: Curve) -> Points:
        put = [(EYE[0] + x * size + dx, EYE[1] + y * size - tilt * x / 33 + dy) for x, y in points]
        return sided(put, left)

    o = openness
    upper = [(-35, 8), (-30, 4), (-21, -5 * o), (-8, -11 * o), (7, -12.5 * o), (21, -8.5 * o), (31, -1.5), (37, 2)]
    below = [(-31, 7), (-18, 10 * o), (0, 12.5 * o), (16, 11 * o), (27, 6), (34, 0)]
    hand.line(place(upper), width=1.2, care=1.6)
    if double:
        again = [(-20, -4 * o), (-7, -10.5 * o), (8, -11.5 * o), (22, -7 * o), (36, 1)]
        hand.line(place(again), width=1.0, care=1.6)
    if lower:
        hand.line(place(below), width=0.7, care=1.6)
    if crease:
        fold = [(-25, -8 * o), (-11, -17 * o - 1), (6, -20 * o - 1), (22, -16 * o - 1), (34, -9)]
        hand.line(place(fold), width=0.6, care=1.4)
    gaze = -look if left else look
    radius, top = 13.5, -1.0
    high = math.degrees(math.asin(min(0.98, (11.0 * o + top) / radius)))
    low = math.degrees(math.asin(min(1.0, (12.5 * o - top) / radius)))
    if low > 84:
        hand.line(place(ellipse(gaze, top, radius, radius, -high, 180 + high)), width=0.9, care=1.8)
    else:  # the lower lid hides the iris' lowest part
        for start, stop in ((-high, low), (180 + high, 180 - low)):
            hand.line(place(ellipse(gaze, top, radius, radius, start, stop)), width=0.9, care=1.8)
    px, py = place([(gaze, top)])[0]
    hand.dot(px, py, pupil * size)
    if lashes:
        arc = spline(place(upper))
        for fraction in np.linspace(0.5, 0.98, lashes):
            x, y = arc[int(fraction * (len(arc) - 1))]
            out = (-1 if left else 1) * (2 + 8 * (fraction - 0.4))
            hand.line([(x, y), (x + out * 0.6, y - 4), (x + out * 1.3, y - 7)], width=0.6, care=2)


def brow(
    hand: Hand, left: bool, *, height: float = 0.0, thick: float = 9.0, arch: float = 1.0, angle: float = 0.0,
    hairs: int = 22, outline: bool = False, length: float = 1.0,
) -> None:
    """A brow of short hairs along its arch; with ``hairs`` 0 a line or two. ``angle`` lifts the outer end."""
    base = 201 + height
    middle = [(288, base + 5), (305, base - 3 * arch), (325, base - 9 * arch), (345, base - 9 * arch), (362, base - 1), (374, base + 9)]
    middle = [(288 + (x - 288) * length, y - angle * (x - 288) / 86) for x, y in middle]
    curve = spline(middle, 1.0)
    if hairs:
        for fraction in np.linspace(0.0, 0.94, hairs):
            i = int(fraction * (len(curve) - 1))
            x, y = curve[i]
            taper = min(0.65 + 1.2 * fraction, 1.0 - 0.75 * max(0.0, (fraction - 0.35) / 0.65))
            half = thick / 2 * taper * hand.rng.uniform(0.75, 1.15)
            lean = 5 + 13 * fraction + hand.rng.normal(0, 1.5)
            tail = curve[min(i + int(lean), len(curve) - 1)]
            hair = [(x - 1, y + half), ((x + tail[0]) / 2, (y + tail[1]) / 2 - half * 0.1), (tail[0], tail[1] - half * (1 - fraction))]
            hand.line(sided(hair, left), width=0.7, care=1.5)
    if outline or not hairs:
        hand.line(sided(middle, left), width=1.15)
        if thick > 6:
            hand.line(sided([(x, y + thick * (0.7 - 0.11 * i)) for i, (x, y) in enumerate(middle)], left), width=1.1)


def nose(hand: Hand, *, style: str = "full", width: float = 1.0, length: float = 0.0, bridge: str = "right") -> None:
    """``full``: wings, nostrils, tip and a bridge line; ``line``: the L that people draw; ``dots``: nostrils."""
    centre = (256.0, 330.0)

    def place(points: Curve) -> Points:
        return scaled(points, centre, width, 1.0, 0, length)

    if style == "line":
        hand.line([(268, 250), (273, 280), (284, 312 + length), (287, 329 + length), (274, 337 + length), (248, 338 + length)])
        return
    if style == "hook":
        hand.line(place([(226, 322), (221, 333), (232, 339), (246, 336), (256, 342), (267, 337), (280, 339), (290, 332), (286, 322)]))
        return
    nostril = [(264, 338), (269, 333.5), (276, 333), (280, 336.5)]
    if style == "dots":
        hand.lines([place(nostril), place(mirror(nostril))], width=1.1)
        return
    wing = [(284, 312), (291, 321), (292, 331), (286, 338), (280, 336.5)]
    hand.lines([place(wing), place(mirror(wing))], width=0.95, care=1.3)
    hand.lines([place(nostril), place(mirror(nostril))], width=1.2, care=1.5)
    hand.line(place([(245, 339), (250, 343), (256, 344.5), (262, 343), (267, 339)]), width=0.9, care=1.5)
    hand.line(place([(243, 316), (240, 323), (243, 330)]), width=0.55, care=1.5)
    if bridge in ("right", "both"):
        hand.line([(279, 217), (273, 234), (270, 254), (272, 282)], width=0.65)
    if bridge in ("left", "both"):
        hand.line([(233, 217), (239, 234), (242, 254), (240, 282)], width=0.65)


def mouth(
    hand: Hand, *, style: str = "closed", width: float = 1.0, full: float = 1.0, smile: float = 0.0, cupid: float = 1.0,
    shade: bool = True,
) -> None:
    """``closed`` lips with the parting line, ``teeth`` a laugh, ``line`` a single curve; ``smile`` lifts the corners."""
    centre = (256.0, 386.0)

    def place(points: Curve) -> Points:
        curved = [(x, y - smile * (abs(x - 256) / 56) ** 2 + smile * 0.35) for x, y in points]
        return scaled(curved, centre, width, 1.0)

    if style == "line":
        hand.line(place([(202, 386), (222, 388), (256, 390), (290, 388), (310, 386)]))
        return
    if style == "teeth":
        top = [(194, 372), (215, 376), (238, 377), (256, 379), (274, 377), (297, 376), (318, 372)]
        hand.line(place(top), width=0.95, care=1.3)
        hand.line(place([(194, 372), (220, 363), (244, 359), (256, 363), (268, 359), (292, 363), (318, 372)]), width=1.0)
        hand.line(place([(196, 374), (213, 392), (236, 403), (256, 406), (276, 403), (299, 392), (316, 374)]), width=0.9, care=1.3)
        hand.line(place([(205, 388), (226, 408), (256, 417), (286, 408), (307, 388)]), width=0.95)
        hand.line(place([(212, 390), (234, 397.5), (256, 399), (278, 397.5), (300, 390)]), width=0.55, care=1.3)
        for x, low in ((228, 395), (241, 397), (256, 399), (271, 397), (284, 395)):
            hand.line(place([(x, 380), (x, low)]), width=0.45, care=1.5)
        return
    parting = [(199, 387), (214, 386), (232, 384.5), (247, 386), (256, 389), (265, 386), (280, 384.5), (298, 386), (313, 387)]
    hand.line(place(parting), width=1.15, care=1.3)
    c = 4.5 * cupid
    top = [(201, 386), (222, 386 - 10 * full), (245, 386 - 18 * full), (256, 386 - 18 * full + c), (267, 386 - 18 * full), (290, 386 - 10 * full), (311, 386)]
    hand.line(place(top), width=0.85, care=1.2)
    hand.line(place([(205, 390), (222, 387 + 14 * full), (241, 387 + 22 * full), (271, 387 + 22 * full), (290, 387 + 14 * full), (307, 390)]), width=0.9, care=1.2)
    if shade:
        hand.line([(239, 421 + 5 * (full - 1)), (256, 425 + 5 * (full - 1)), (273, 421 + 5 * (full - 1))], width=0.6)


JAW: Points = [(402, 214), (404, 250), (401, 290), (394, 335), (381, 380), (358, 423), (325, 459), (290, 480), (256, 486)]
JAW_SQUARE: Points = [(402, 214), (405, 255), (403, 300), (399, 346), (388, 394), (366, 433), (333, 464), (296, 484), (256, 490)]
JAW_NARROW: Points = [(398, 214), (399, 250), (394, 295), (382, 340), (362, 388), (335, 430), (305, 464), (280, 481), (256, 485)]


def jaw(hand: Hand, half: Points = JAW, *, split: bool = True, width: float = 1.0, skip: int = 0) -> None:
    """Cheeks and chin; ``split`` draws the two sides one after the other, ``skip`` leaves the upper points away."""
    half = half[skip:]
    if not split:
        hand.line(mirror(half) + half[-2::-1], width=width)
        return
    hand.line(mirror(half) + [(268.0, half[-1][1] - 0.5)], width=width)
    hand.line([*half[:-1], (250.0, half[-1][1])], width=width)


def ear(hand: Hand, left: bool, *, inner: bool = True) -> None:
    outer = [(403, 240), (412, 229), (424, 231), (429, 247), (425, 275), (419, 299), (410, 315), (400, 313)]
    hand.line(sided(outer, left))
    if inner:
        hand.line(sided([(408, 246), (417, 242), (420, 254), (415, 276), (409, 292)], left), width=0.65)
        hand.line(sided([(405, 270), (411, 266), (411, 278), (406, 287)], left), width=0.6)


def neck(hand: Hand, *, spread: float = 0.0, collar: bool = False) -> None:
    side = [(352, 432), (350, 462), (354, 487), (372 + spread, 511)]
    hand.lines([side, mirror(side)])
    if collar:
        hand.line([(170, 500), (200, 511)])
        hand.line([(342, 500), (312, 511)])


def glasses(hand: Hand, *, round_: bool = False) -> None:
    """Two rims, a bridge and the temples."""
    if round_:
        rim = ellipse(325, 249, 45, 42, -170, 195)
    else:
        rim = [(277, 226), (300, 219), (345, 219), (374, 225), (375, 248), (366, 274), (340, 284), (306, 283), (284, 272), (276, 246), (278, 224)]
    hand.lines([mirror(rim), rim], width=1.25)
    hand.line([(236, 238), (247, 231), (265, 231), (276, 238)], width=1.2)
    temple = [(374, 234), (400, 236), (412, 240)]
    hand.lines([temple, mirror(temple)], width=1.2)
