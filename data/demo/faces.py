"""The demo drawings: each function is one person's way to draw a face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.demo.features import (
    JAW, JAW_NARROW, JAW_SQUARE, Points, brow, ear, eye, glasses, jaw, mouth, neck, nose, scaled,
)
from data.demo.hand import Hand, ellipse, lopsided, mirror, spline

BOTH = (True, False)


def pair(draw: Callable[..., None], hand: Hand, **options: object) -> None:
    for left in BOTH:
        draw(hand, left, **options)


def long_hair() -> Hand:
    """Tidy, frontal; a centre parting and long hair in many strands."""
    hand = Hand(11, width=2.6, wobble=0.5, drift=0.5)
    pair(eye, hand, lashes=6, tilt=2.0)
    pair(brow, hand, thick=8, hairs=24, height=1)
    nose(hand, bridge="right")
    mouth(hand, full=1.12, smile=3)
    jaw(hand, JAW_NARROW, skip=1)
    neck(hand)
    hairline = [(259, 77), (292, 87), (338, 120), (374, 172), (394, 222), (401, 284), (400, 352), (404, 420), (402, 468), (398, 511)]
    crown = [(263, 24), (318, 22), (382, 48), (434, 112), (464, 200), (474, 290), (480, 380), (487, 460), (490, 511)]
    hand.lines([crown, mirror(crown)], width=1.05)
    hand.lines([hairline, mirror(hairline)])
    hand.strands(hairline, crown, 15)
    hand.strands(mirror(hairline), mirror(crown), 15)
    hand.line([(262, 26), (260, 52), (258, 78)], width=0.9)
    return hand


def short_hair() -> Hand:
    """A man with short hair brushed up and to the side."""
    hand = Hand(23, width=2.8, wobble=0.6, drift=0.6)
    pair(eye, hand, openness=0.84, tilt=0.5)
    pair(brow, hand, thick=12, arch=0.6, hairs=26, height=7)
    nose(hand, width=1.1, bridge="both")
    mouth(hand, full=0.72, cupid=0.7, smile=1)
    jaw(hand, JAW_SQUARE)
    pair(ear, hand)
    neck(hand, spread=26)
    part_in: Points = [(340, 106), (296, 92), (240, 94), (186, 112), (148, 144), (126, 186)]
    part_out: Points = [(336, 44), (284, 18), (214, 22), (148, 54), (106, 104), (96, 176)]
    right_in: Points = [(346, 104), (374, 124), (392, 162), (402, 214)]
    right_out: Points = [(344, 46), (390, 66), (418, 116), (417, 200)]
    hand.lines([part_out, right_out], width=1.05)
    hand.strands(part_in, part_out, 13, gap=5.5, long=0.4)
    hand.strands(right_in, right_out, 9, gap=5.5, long=0.4)
    hand.lines([part_in[:4], part_in[2:], right_in], width=0.8)
    for shift in range(5):  # a tuft that falls into the forehead
        x = 322 - 15 * shift
        hand.line([(x + 4, 84 + 2 * shift), (x - 18, 96), (x - 44, 118 - 2 * shift), (x - 58, 136 - 5 * shift)], width=0.85)
    for left in BOTH:
        for step in range(6):
            x, y = 402 + step % 2 * 5, 196 + step * 9
            hair = [(x, y - 10), (x - 2, y + 4), (x - 4, y + 16)]
            hand.line(mirror(hair) if left else hair, width=0.8)
    return hand


def brushed_hair(hand: Hand, hairline: Points, top: Points, count: int, *, lean: float) -> None:
    """Short strands from the hairline towards the outline of the hair, leaning along it."""
    root, end = spline(hairline, 1.0), spline(top, 1.0)
    for place in (np.arange(count) + hand.rng.uniform(0, 1, count)) / count:
        a = root[int(place * (len(root) - 1))]
        other = float(np.clip(place + lean + 0.03 * hand.rng.normal(), 0, 1))
        b = end[int(other * (len(end) - 1))]
        sideways = np.array([-(b - a)[1], (b - a)[0]]) * 0.18
        low, high = hand.rng.uniform(0.0, 0.45), hand.rng.uniform(0.65, 1.0)
        curve = [tuple(a + (b - a) * f + sideways * 4 * f * (1 - f)) for f in np.linspace(low, high, 5)]
        hand.line(curve, width=0.85)


def outline_hair() -> Hand:
    """Hair as an empty outline, the way most people begin."""
    hand = Hand(31, width=3.2, wobble=0.9, drift=1.0)
    pair(eye, hand, openness=1.05, lower=True)
    pair(brow, hand, hairs=0, thick=5)
    nose(hand, style="full", bridge="right")
    mouth(hand, smile=5)
    jaw(hand, JAW, skip=1, split=False)
    neck(hand)
    hand.line([(108, 252), (112, 206), (134, 160), (170, 126), (214, 108), (246, 112), (300, 128), (348, 152), (382, 188), (403, 250)])
    hand.line([(118, 436), (92, 408), (74, 340), (70, 250), (86, 150), (132, 76), (200, 36), (268, 30), (340, 44), (398, 92), (432, 168), (444, 260), (438, 350), (424, 412), (398, 438)])
    hand.lines([[(118, 436), (116, 400), (110, 350)], [(398, 438), (399, 400), (404, 340)]])
    return hand


def sparse() -> Hand:
    """The least that is a face: an oval, two eyes, a nose and a mouth."""
    hand = Hand(41, width=3.6, wobble=1.0, drift=0.8)
    hand.line([(270, 84), (210, 90), (152, 124), (117, 184), (108, 250), (115, 330), (144, 408), (196, 466), (256, 485),
               (316, 466), (368, 408), (397, 330), (404, 250), (395, 184), (360, 124), (302, 90), (240, 86)])
    pair(eye, hand, double=False, crease=False)
    nose(hand, style="line")
    mouth(hand, style="line", smile=6)
    return hand


def crooked() -> Hand:
    """A shaky hand: tilted, one half narrower, eyes of two sizes."""
    hand = Hand(53, width=3.4, wobble=2.4, drift=3.0, overshoot=7, warp=lopsided(turn_deg=-5, squeeze=0.9, bend=7, seed=3))
    eye(hand, True, size=1.12, openness=1.1, dy=-4, lower=True)
    eye(hand, False, size=0.9, openness=0.9, dy=5, look=-3)
    brow(hand, True, hairs=0, thick=7, height=-6)
    brow(hand, False, hairs=0, thick=6, height=6, angle=6)
    nose(hand, style="hook", width=1.1)
    mouth(hand, width=1.05, smile=6, shade=False)
    jaw(hand, JAW, split=True)
    ear(hand, True, inner=False)
    ear(hand, False, inner=True)
    hairline = [(112, 226), (124, 170), (160, 128), (216, 108), (262, 118), (318, 108), (366, 136), (396, 186), (402, 226)]
    top = [(98, 230), (86, 160), (112, 86), (180, 42), (262, 30), (344, 46), (404, 96), (424, 168), (414, 230)]
    hand.lines([hairline, top])
    brushed_hair(hand, hairline, top, 26, lean=-0.03)
    return hand


def half_done() -> Hand:
    """Unfinished: the left half stands, the right has only begun."""
    hand = Hand(61, width=3.0, wobble=0.8, drift=0.8)
    eye(hand, True)
    brow(hand, True, hairs=18)
    hand.line([(294, 250), (304, 240), (318, 232), (336, 231), (352, 240), (361, 247)], width=1.1)
    hand.line([(233, 217), (239, 234), (242, 254), (240, 290)], width=0.8)
    hand.line([(228, 312), (221, 321), (220, 331), (226, 338), (234, 336), (246, 338), (256, 344), (266, 340)])
    hand.line([(199, 387), (214, 386), (232, 384.5), (247, 386), (256, 389), (268, 386)])
    hand.line([(201, 386), (222, 376), (245, 368), (256, 372), (264, 369)])
    hand.line([*mirror(JAW), (276, 485), (300, 476)])
    ear(hand, True)
    hairline = [(110, 226), (120, 176), (150, 132), (196, 108), (250, 100), (290, 102)]
    top = [(96, 232), (88, 170), (106, 98), (160, 50), (230, 30), (300, 30)]
    hand.lines([hairline, top])
    hand.strands(hairline, top, 9)
    return hand


def eyes_and_brows() -> Hand:
    """Someone who starts with the eyes and has come no further."""
    hand = Hand(67, width=2.8, wobble=0.6, drift=0.6)
    pair(eye, hand, lashes=5, tilt=2)
    pair(brow, hand, hairs=22)
    hand.line([(270, 254), (272, 282), (284, 312), (290, 326), (284, 337)], width=0.8)
    return hand


def traced_guide() -> Hand:
    """The guide, followed with a patient finger."""
    hand = Hand(71, width=3.0, wobble=1.2, drift=1.2, overshoot=4)
    for curve in guide_curves():
        hand.line(curve)
    for x in (186.0, 326.0):
        hand.dot(x, 243, 5)
    return hand


def thick_pen() -> Hand:
    """A fat marker."""
    hand = Hand(79, width=7.2, width_spread=0.05, wobble=1.0, drift=1.2, overshoot=2)
    pair(eye, hand, double=False, crease=False, openness=1.15, size=1.12, pupil=6)
    pair(brow, hand, hairs=0, thick=5, height=-3)
    nose(hand, style="hook")
    mouth(hand, shade=False, smile=3, full=1.15)
    jaw(hand, JAW, split=False)
    pair(ear, hand, inner=False)
    hairline = [(108, 226), (118, 174), (150, 134), (204, 142), (262, 116), (296, 100), (336, 118), (380, 150), (400, 196), (404, 226)]
    top = [(94, 236), (82, 160), (104, 86), (172, 38), (258, 24), (342, 38), (406, 88), (430, 160), (418, 236)]
    hand.lines([hairline, top])
    for shift in (0, 34, 70, 108):
        hand.line([(180 + shift, 132 - shift * 0.2), (176 + shift, 96 - shift * 0.2), (196 + shift, 58 - shift * 0.05)], width=0.9)
    hand.line([(378, 140), (372, 100), (346, 68)], width=0.9)
    return hand


def fine_sketch() -> Hand:
    """A thin pencil, every long line searched for with many short ones."""
    hand = Hand(83, width=1.9, width_spread=0.2, wobble=0.9, drift=1.8, overshoot=6, passes=3)
    for _ in range(2):
        pair(eye, hand, lashes=3)
        mouth(hand, full=1.05, smile=1)
        nose(hand, bridge="both")
    pair(brow, hand, hairs=36, thick=9)
    jaw(hand, JAW_NARROW, split=True)
    neck(hand, spread=6)
    parting = [(214, 66), (262, 78), (316, 104), (360, 146), (388, 196), (402, 262), (404, 330), (396, 392)]
    crown = [(216, 26), (282, 14), (356, 36), (414, 86), (448, 160), (462, 250), (456, 340), (430, 416)]
    hand.passes = 2
    hand.lines([parting, crown])
    left_in = [(212, 68), (176, 96), (142, 146), (120, 200), (110, 266), (108, 330), (116, 394)]
    left_out = [(212, 28), (150, 44), (96, 96), (66, 166), (52, 250), (56, 340), (80, 418)]
    hand.lines([left_in, left_out])
    hand.passes = 1
    hand.strands(parting, crown, 24, gap=3.2, long=0.35)
    hand.strands(left_in, left_out, 22, gap=3.2, long=0.35)
    return hand


def glasses_and_beard() -> Hand:
    """A man with glasses and a full beard."""
    hand = Hand(97, width=2.7, wobble=0.6, drift=0.6)
    pair(eye, hand, openness=0.82, crease=False)
    pair(brow, hand, thick=11, arch=0.55, hairs=26, height=-1)
    glasses(hand)
    nose(hand, width=1.1, bridge="")
    mouth(hand, full=0.7, cupid=0.6, shade=False, smile=1)
    hand.lines([JAW_SQUARE[:3], mirror(JAW_SQUARE[:3])])
    pair(ear, hand)
    hairline: Points = [(107, 236), (112, 190), (128, 150), (150, 116), (204, 92), (256, 96), (308, 92), (362, 116), (384, 150), (400, 190), (405, 236)]
    top: Points = [(100, 222), (98, 176), (106, 128), (128, 84), (176, 46), (256, 32), (336, 46), (384, 84), (406, 128), (414, 176), (412, 222)]
    brushed_hair(hand, hairline, top, 58, lean=0.05)
    hand.lines([top[:4], top[3:8], top[7:]])
    outer: Points = [(106, 300), (114, 356), (134, 412), (172, 466), (218, 499), (256, 506), (294, 499), (340, 466), (378, 412), (398, 356), (406, 300)]
    inner: Points = [(112, 296), (132, 340), (160, 368), (184, 398), (206, 424), (256, 432), (306, 424), (328, 398), (352, 368), (380, 340), (400, 296)]
    brushed_hair(hand, inner, outer, 76, lean=0.0)
    hand.lines([outer[:5], outer[4:7], outer[6:]])
    moustache_top: Points = [(188, 392), (206, 368), (236, 352), (256, 354), (276, 352), (306, 368), (324, 392)]
    lip: Points = [(192, 402), (208, 386), (234, 370), (256, 372), (278, 370), (304, 386), (320, 402)]
    brushed_hair(hand, moustache_top, lip, 30, lean=0.0)
    hand.lines([[(248, 412), (249, 420), (248, 428)], [(256, 413), (256, 421), (257, 430)], [(264, 412), (264, 420), (265, 428)]], width=0.8)
    return hand


def laughing() -> Hand:
    """A laugh with teeth, and wavy hair."""
    hand = Hand(101, width=2.7, wobble=0.7, drift=0.6)
    pair(eye, hand, openness=0.8, lashes=5, tilt=1)
    for left in BOTH:
        hand.line(mirror([(304, 262), (324, 266), (344, 261)]) if left else [(304, 262), (324, 266), (344, 261)], width=0.6)
    pair(brow, hand, thick=7, hairs=22, height=-3, arch=1.15)
    nose(hand, width=1.08, bridge="right")
    mouth(hand, style="teeth")
    fold = [(310, 344), (327, 357), (337, 372), (340, 386)]
    hand.lines([fold, mirror(fold)], width=0.65)
    jaw(hand, JAW, skip=1)
    neck(hand)
    inner = [(286, 70), (330, 92), (370, 140), (392, 190), (404, 244), (400, 296), (410, 350), (400, 402), (412, 452), (404, 506)]
    outer = [(282, 22), (352, 24), (416, 66), (450, 130), (476, 200), (466, 268), (488, 336), (470, 400), (486, 460), (470, 508)]
    inner_left = [(282, 72), (232, 86), (176, 116), (134, 166), (112, 218), (106, 262), (112, 320), (100, 376), (112, 436), (104, 504)]
    outer_left = [(280, 22), (206, 20), (132, 48), (78, 108), (50, 180), (58, 246), (32, 316), (50, 384), (30, 446), (44, 508)]
    hand.lines([inner, outer, inner_left, outer_left])
    hand.strands(inner, outer, 11)
    hand.strands(inner_left, outer_left, 12)
    return hand


def curly_hair() -> Hand:
    """A cloud of curls."""
    hand = Hand(109, width=2.8, wobble=0.7, drift=0.6)
    pair(eye, hand, openness=0.95, lashes=4, tilt=1)
    pair(brow, hand, thick=9, hairs=22, height=2)
    nose(hand, width=1.15, bridge="")
    mouth(hand, full=1.25, smile=4)
    jaw(hand, JAW, skip=1)
    neck(hand, spread=10)

    def in_hair(x: float, y: float) -> bool:
        cloud = ((x - 256) / 232) ** 2 + ((y - 232) / 214) ** 2 < 1
        face = ((x - 256) / 156) ** 2 + ((y - 300) / (188 if y < 300 else 300)) ** 2 < 1
        return cloud and not face and y < 410

    hand.curls(in_hair, 90, radius=16)
    return hand


def child_like() -> Hand:
    """Simple and round, as a child would."""
    hand = Hand(103, width=4.2, wobble=1.6, drift=1.5, overshoot=5)
    hand.line(ellipse(256, 286, 152, 196, -100, 275))
    for x in (186.0, 326.0):
        hand.line(ellipse(x, 244, 32, 19, -170, 200))
        hand.line(ellipse(x + 1, 245, 12, 13, -60, 310))
        hand.dot(x + 1, 245, 5)
    hand.lines([[(150, 208), (184, 194), (222, 204)], [(290, 204), (326, 194), (362, 208)]])
    hand.line([(256, 270), (246, 318), (238, 334), (252, 342), (272, 338)])
    hand.line([(194, 374), (220, 396), (256, 404), (294, 396), (318, 374)])
    hand.line([(206, 382), (232, 382), (256, 385), (282, 382), (306, 380)])
    for left in BOTH:
        round_ear = ellipse(412, 262, 18, 30, -100, 110)
        hand.line(mirror(round_ear) if left else round_ear)
    for i, x in enumerate(range(128, 396, 15)):
        height = 92 - 0.0030 * (x - 256) ** 2
        root = 92 + 0.0055 * (x - 256) ** 2
        hand.line([(x, root + 12 * (i % 2)), (x - 5 + 3 * (i % 3), root - height * 0.3), (x + (x - 256) * 0.12, root - height * 0.62)])
    return hand


def bob_with_fringe() -> Hand:
    """A bob with a fringe down to the brows."""
    hand = Hand(107, width=2.8, wobble=0.6, drift=0.6)
    pair(eye, hand, lashes=5, tilt=1.5, openness=1.08)
    pair(brow, hand, hairs=16, thick=6, height=3)
    nose(hand, style="full", width=0.92, bridge="")
    mouth(hand, full=1.1, width=0.92, smile=2)
    jaw(hand, JAW_NARROW, skip=2)
    neck(hand)
    edge: Points = [(118, 206), (150, 192), (190, 184), (256, 180), (322, 184), (362, 192), (394, 206)]
    fringe = spline(edge, 1.0)
    arc = spline([(196, 60), (224, 44), (256, 38), (288, 44), (316, 60)], 1.0)
    for place in (np.arange(36) + hand.rng.uniform(0.2, 0.8, 36)) / 36:
        a, b = arc[int(place * (len(arc) - 1))], fringe[int(place * (len(fringe) - 1))]
        bulge = np.array([(b[0] - 256) * 0.16, -10.0])
        low = hand.rng.uniform(0.05, 0.5)
        b = b + np.array([hand.rng.normal(0, 3), hand.rng.normal(0, 5)])
        hand.line([tuple(a + (b - a) * f + bulge * 4 * f * (1 - f)) for f in np.linspace(low, 1, 6)], width=0.85)
    inner = [(388, 200), (398, 240), (398, 290), (390, 340), (384, 384), (376, 420)]
    outer = [(270, 22), (336, 28), (400, 66), (436, 132), (452, 210), (458, 290), (456, 360), (440, 420), (404, 436)]
    side = [(352, 96), (392, 140), (410, 200), (420, 280), (418, 350), (404, 424)]
    tip = [(376, 420), (392, 432), (410, 436)]
    for mirrored in BOTH:
        curves = [mirror(c) if mirrored else c for c in (inner, outer, side, tip)]
        hand.lines([curves[0], curves[1], curves[3]])
        hand.strands(curves[2], curves[1][2:], 7, long=0.4)
        hand.strands(curves[0], curves[2][1:], 4, long=0.4)
    return hand


def guide_curves() -> list[Points]:
    """The face to trace: oval, hairline, brows, eyes, nose, mouth."""
    curves: list[Points] = [
        [(256, 100), (204, 104), (156, 126), (122, 166), (110, 214), *mirror(JAW)[1:]],
        [(256, 100), (308, 104), (356, 126), (390, 166), (402, 214), *JAW[1:]],
        [(98, 236), (88, 176), (104, 104), (164, 48), (256, 28), (348, 48), (408, 104), (424, 176), (414, 236)],
    ]
    almond_top = [(292, 251), (306, 237), (319, 231), (334, 230), (348, 236), (359, 245)]
    almond_low = [(294, 250), (308, 255), (326, 257), (343, 254), (358, 244)]
    brow_line = [(290, 206), (308, 197), (328, 191), (347, 192), (372, 207)]
    iris = ellipse(326, 243, 12.5, 12.5, -60, 240)
    for curve in (almond_top, almond_low, iris, brow_line):
        curves += [mirror(curve), curve]
    curves += [
        [(228, 312), (221, 323), (222, 333), (232, 338), (246, 337), (256, 343), (266, 337), (280, 338), (290, 333), (291, 323), (284, 312)],
        [(199, 386), (214, 386), (232, 384), (247, 385), (256, 388), (265, 385), (280, 384), (298, 386), (313, 386)],
        [(201, 385), (222, 375), (245, 368), (256, 372), (267, 368), (290, 375), (311, 385)],
        [(208, 391), (226, 404), (244, 410), (268, 410), (286, 404), (304, 391)],
    ]
    return curves


DRAWINGS: tuple[tuple[str, str, Callable[[], Hand]], ...] = (
    ("bob_with_fringe", "Bob with a fringe", bob_with_fringe),
    ("child_like", "Drawn by a child", child_like),
    ("crooked", "A shaky hand", crooked),
    ("curly_hair", "Curls", curly_hair),
    ("eyes_and_brows", "Only the eyes so far", eyes_and_brows),
    ("fine_sketch", "Thin pencil", fine_sketch),
    ("glasses_and_beard", "Glasses and a beard", glasses_and_beard),
    ("half_done", "Half done", half_done),
    ("laughing", "A laugh", laughing),
    ("long_hair", "Long hair", long_hair),
    ("outline_hair", "Hair as an outline", outline_hair),
    ("short_hair", "Short hair", short_hair),
    ("sparse", "A few lines", sparse),
    ("thick_pen", "Thick marker", thick_pen),
    ("traced_guide", "The guide, traced", traced_guide),
)
