"""Occluders for the benchmark alone: other shapes, other surfaces and other ways to draw than training has.

Surfaces are the two photos that scikit-learn ships, fractal noise, dots, weave and print; skin comes from
the ten tones of the Monk scale. Each function takes a random generator and mesh points in the 512 px
frame, and gives RGBA (512, 512, 4) float32, colours in [0, 255] and alpha in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from core import face_mesh
from tests.benchmarks.unseen_drawing import (
    Rng,
    S,
    bump,
    fill,
    fractal,
    join,
    px,
    sample_photos,
    spline,
    surface,
)

MONK = np.array([
    (246, 237, 228), (243, 231, 219), (247, 234, 208), (234, 218, 186), (215, 189, 150),
    (160, 126, 86), (130, 92, 67), (96, 65, 52), (58, 49, 42), (41, 36, 32),
], np.float32)  # fmt: skip


def eye_bar(rng: Rng, points: np.ndarray) -> np.ndarray:
    """A slanted bar with a word, a scribble, a strip of tape, or a strip of some photo."""
    left, right, _ = face_mesh.anchors(points)
    along = (right - left) / np.linalg.norm(right - left)
    up = np.array([along[1], -along[0]])
    reach, half = rng.uniform(40, 95), rng.uniform(26, 50)
    slant = along * rng.uniform(-18, 18)
    corners = [left - along * reach + up * half + slant, right + along * reach + up * half + slant,
               right + along * reach - up * half - slant, left - along * reach - up * half - slant]  # fmt: skip
    alpha = fill(np.array(corners))
    colour = surface(rng)
    kind = rng.integers(4)
    if kind == 0:
        page = np.full((S, S, 3), 8, np.uint8)
        cv2.putText(page, "CENSORED", (int(left[0] - 35), int(left[1] + 12)), 2, 1.3, (235, 235, 235), 3)
        colour = page.astype(np.float32)
    elif kind == 1:  # crossed out with a thick pen
        alpha = np.zeros((S, S), np.float32)
        xs = np.linspace(0, 1, 16)[:, None]
        zigzag = (left - along * reach) * (1 - xs) + (right + along * reach) * xs
        zigzag = zigzag + up * (half * np.where(np.arange(16) % 2, 1, -1))[:, None]
        cv2.polylines(alpha, [zigzag.astype(np.int32)], False, 1.0, int(rng.integers(18, 30)))
        colour = np.broadcast_to(rng.uniform(0, 255, 3), (S, S, 3))
    elif kind == 2:  # torn tape
        colour = np.broadcast_to(np.array((214, 190, 140)) * rng.uniform(0.7, 1.1), (S, S, 3))
        alpha = alpha * (cv2.GaussianBlur(fractal(rng), (0, 0), 2) > 0.12)
    return join(colour, alpha, 0.8)


def mask(rng: Rng, points: np.ndarray) -> np.ndarray:
    """A cup-shaped mask with a seam, a bandana's triangle, or a scarf pulled up."""
    p = points[:, :2]
    kind = rng.integers(3)
    ys, xs = np.mgrid[0:S, 0:S].astype(np.float32)
    bridge = p[195] * 0.6 + p[197] * 0.4
    if kind == 0:
        rim = np.array(
            [
                bridge,
                p[118] + (0, 6),
                p[147],
                p[58] + (6, 0),
                p[152] + (0, 14),
                p[288] - (6, 0),
                p[376],
                p[347] + (0, 6),
            ]
        )
        alpha = fill(spline(rim))
        light = 1 - 0.35 * np.clip(np.abs(xs - p[1, 0]) / 120, 0, 1) - 0.25 * (np.abs(xs - p[1, 0]) < 2)
        colour = np.array([(244, 244, 240), (40, 40, 44), (190, 205, 220), (232, 200, 205)], np.float32)[
            rng.integers(4)
        ]
        colour = colour * (light + 0.04 * fractal(rng))[..., None]
        for ear, rim_at in ((p[127], p[147]), (p[356], p[376])):
            cv2.line(alpha, px(ear), px(rim_at), 1.0, 3, cv2.LINE_AA)
    elif kind == 1:
        rim = np.array(
            [p[127] + (0, 30), p[118], bridge, p[347], p[356] + (0, 30), p[152] + (rng.uniform(-25, 25), 75)]
        )
        alpha, colour = fill(rim), surface(rng) * (0.7 + 0.3 * fractal(rng))[..., None]
    else:
        top = bridge[1] + rng.uniform(0, 30) + 14 * np.sin(xs[0] / rng.uniform(25, 60) + rng.uniform(0, 6))
        alpha = ((ys > top) & (np.abs(xs - p[1, 0]) < rng.uniform(150, 210) + 0.2 * (ys - top))).astype(
            np.float32
        )
        waves = 0.75 + 0.25 * np.sin((ys + 0.3 * (xs - 256) + 20 * fractal(rng)) / rng.uniform(7, 14))
        colour = surface(rng) * waves[..., None]
    return join(colour, alpha, 1.0)


def hand(rng: Rng, points: np.ndarray) -> np.ndarray:
    """Tapered, bent fingers with nails and creases that fan out from a round palm, lit as solids."""
    p = points[:, :2]
    left, right, mouth = face_mesh.anchors(points)
    kind = rng.integers(4)
    one_eye = (left, right)[rng.integers(2)]
    aims = [
        [(mouth, rng.uniform(-0.5, 0.5))],
        [(left, 0.4), (right, -0.4)],
        [(one_eye, rng.uniform(-0.6, 0.6))],
        [(p[1] * 0.5 + mouth * 0.5, rng.uniform(-1.2, 1.2))],
    ][kind]
    height = np.zeros((S, S), np.float32)
    marks = np.zeros((S, S), np.float32)
    nails = np.zeros((S, S), np.float32)
    for aim, lean in aims:
        up = np.array([np.sin(lean), -np.cos(lean)])
        side = np.array([-up[1], up[0]])
        palm = aim - up * rng.uniform(95, 130)
        cv2.ellipse(
            height, px(palm - up * 30), (int(rng.uniform(52, 66)), 75), np.degrees(lean), 0, 360, 16.0, -1
        )
        cv2.line(height, px(palm - up * 60), px(palm - up * 420), 15.0, int(rng.uniform(70, 100)))
        for finger in range(4):
            fan = (finger - 1.5) * rng.uniform(0.09, 0.22)
            way = up * np.cos(fan) + side * np.sin(fan)
            root = palm + side * (finger - 1.5) * 31 + up * 20
            long = rng.uniform(105, 135) * (1 - 0.12 * abs(finger - 1.3))
            for t in np.linspace(0, 1, 40):
                at = root + way * long * t + side * 5 * np.sin(2.5 * t) * (finger - 1.5)
                radius = round(18 - 4.5 * t)
                bump(height, at, radius)
                if any(abs(t - joint) < 0.012 for joint in (0.35, 0.68)):
                    cv2.line(marks, px(at - side * 10), px(at + side * 10), 1.0, 2, cv2.LINE_AA)
            cv2.ellipse(nails, px(root + way * (long - 3)), (6, 9), np.degrees(lean + fan), 0, 360, 1.0, -1)
    alpha = (height > 0).astype(np.float32)
    height = cv2.GaussianBlur(height, (0, 0), 3)
    slope_y, slope_x = np.gradient(height)
    lit = np.clip(
        (1 + 0.45 * slope_x * rng.choice([-1, 1]) + 0.45 * slope_y) / np.sqrt(1 + slope_x**2 + slope_y**2),
        0.3,
        1.2,
    )
    tone = MONK[rng.integers(10)] * np.array((1, 0.9, 0.82), np.float32)
    colour = tone * (lit * (0.92 + 0.12 * fractal(rng)))[..., None]
    colour = colour * (1 - 0.25 * cv2.GaussianBlur(marks, (0, 0), 1))[..., None]
    colour = np.where(nails[..., None] > 0, colour * (1.1, 1.02, 1.02), colour)
    return join(colour, alpha, 1.0)


def sunglasses(rng: Rng, points: np.ndarray) -> np.ndarray:
    """Aviators, cat eyes, a one-piece visor, round mirrors that show a photo; brown gradients among them."""
    left, right, _ = face_mesh.anchors(points)
    p = points[:, :2]
    wide, tall = rng.uniform(46, 62), rng.uniform(30, 52)
    t = np.linspace(0, 2 * np.pi, 60)
    kind = rng.integers(4)
    drop = np.stack([np.cos(t) * (1 - 0.12 * np.sin(t)), np.sin(t) * (1 + 0.15 * np.cos(t))], 1)  # aviator
    cat = np.stack([np.cos(t), np.sin(t) * 0.75 - 0.45 * np.clip(np.cos(t), 0, 1) ** 3], 1)
    lens = [drop, cat, drop, np.stack([np.cos(t), np.sin(t)], 1)][kind]
    glass, frame = np.zeros((S, S), np.float32), np.zeros((S, S), np.float32)
    thick = int(rng.integers(2, 7))
    down = np.array((0, rng.uniform(0, 10)))
    if kind == 2:
        centre = (left + right) / 2
        offsets = [
            (p[127], 6, -18), (left, 0, -tall), (centre, 0, -tall), (right, 0, -tall), (p[356], -6, -18),
            (p[356], -8, 12), (right, 10, tall), (centre, 0, 8), (left, -10, tall), (p[127], 8, 12),
        ]  # fmt: skip
        rim = np.array([point + np.array((x, y)) for point, x, y in offsets])
        glass = fill(spline(rim))
    else:
        for eye, sign, ear in ((left, -1, 127), (right, 1, 356)):
            outline = eye + down + lens * (wide * sign, tall)
            glass = np.maximum(glass, fill(outline))
            cv2.polylines(frame, [outline.astype(np.int32)], True, 1.0, thick, cv2.LINE_AA)
            cv2.line(frame, px(eye + down + (sign * wide, -6)), px(p[ear]), 1.0, thick, cv2.LINE_AA)
        cv2.line(frame, px(left + down + (wide - 4, -8)), px(right + down + (4 - wide, -8)), 1.0, thick)
    ys = np.mgrid[0:S, 0:S][0].astype(np.float32)
    ramp = np.clip((ys - left[1]) / (2 * tall) + 0.5, 0, 1)[..., None]
    tints = np.array([(52, 33, 20), (18, 18, 20), (30, 36, 48), (70, 45, 22)], np.float32)
    colour = tints[rng.integers(4)] * (0.7 + rng.uniform(0, 0.9) * ramp)
    if kind == 3:  # mirrored
        photo = sample_photos()[rng.integers(2)]
        mirror = cv2.resize(photo[:, :, ::-1] if rng.random() < 0.3 else photo, (2 * S // 6, 2 * S // 9))
        tiled = np.tile(mirror, (5, 4, 1))[:S, :S].astype(np.float32)
        colour = colour * 0.5 + tiled * rng.uniform(0.25, 0.5)
    opacity = rng.uniform(0.8, 0.97)
    metal = np.array([(190, 160, 90), (25, 25, 28), (120, 120, 125), (110, 60, 30)], np.float32)[
        rng.integers(4)
    ]
    colour = np.where(frame[..., None] > 0.4, metal, colour)
    return join(colour, np.maximum(glass * opacity, frame), 0.8)


def half_face(rng: Rng, points: np.ndarray) -> np.ndarray:
    """A wooden door's edge, an open book, wavy hair, a phone held up, or a torn picture."""
    p = points[:, :2]
    nose, sign = p[1], rng.choice([-1, 1])
    ys, xs = np.mgrid[0:S, 0:S].astype(np.float32)
    ahead = (xs - nose[0]) * sign + rng.uniform(-8, 20)
    kind = rng.integers(5)
    if kind == 0:
        alpha = (ahead + 0.1 * rng.normal() * (ys - 256) > 0).astype(np.float32)
        rings = np.sin(xs / 5 + 14 * fractal(rng))
        colour = np.array((120, 78, 42)) * rng.uniform(0.6, 1.5) * (0.85 + 0.15 * rings)[..., None]
    elif kind == 1:  # a book before mouth and nose
        top = p[197, 1] + rng.uniform(-5, 25) + 0.06 * rng.normal() * (xs - 256)
        alpha = ((ys > top) & (np.abs(xs - nose[0]) < rng.uniform(120, 230))).astype(np.float32)
        colour = surface(rng) * (0.6 + 0.4 * np.clip(np.abs(xs - nose[0]) / 20, 0, 1))[..., None]
    elif kind == 2:
        wave = 22 * np.sin(ys / rng.uniform(22, 45) + rng.uniform(0, 6)) + 10 * fractal(rng)
        alpha = ((ahead + wave > 0) & (ys > 30)).astype(np.float32)
        strands = 0.7 + 0.3 * np.sin((xs + wave) / 1.7 + 8 * fractal(rng))
        tones = np.array([(30, 22, 18), (90, 60, 35), (190, 150, 95), (120, 45, 25)], np.float32)
        colour = tones[rng.integers(4)] * strands[..., None]
    elif kind == 3:
        centre = nose + np.array((sign * rng.uniform(45, 75), rng.uniform(-30, 10)))
        alpha = ((np.abs(xs - centre[0]) < 72) & (np.abs(ys - centre[1]) < rng.uniform(130, 170))).astype(
            np.float32
        )
        colour = np.full((S, S, 3), rng.uniform(5, 60), np.float32)
        cv2.circle(colour, px(centre - (40, 90)), 14, (90, 95, 110), -1)
    else:
        alpha = (ahead + 60 * (fractal(rng) - 0.5) > 0).astype(np.float32)
        colour = surface(rng)
    return join(colour, alpha, 1.0)


def hat(rng: Rng, points: np.ndarray) -> np.ndarray:
    """A turban's folds, a bucket hat, a cowboy hat or a hood; eyes stay free."""
    p = points[:, :2]
    ys, xs = np.mgrid[0:S, 0:S].astype(np.float32)
    middle, half = (p[127, 0] + p[356, 0]) / 2, (p[356, 0] - p[127, 0]) / 2
    line = p[10, 1] + rng.uniform(0, 0.5) * (p[105, 1] - p[10, 1])
    u = (xs - middle) / half
    kind = rng.integers(4)
    if kind == 0:
        alpha = (
            ((u / 1.25) ** 2 + ((ys - line + 60) / 120) ** 2 < 1) & (ys < line - 14 * (1 - u**2))
        ).astype(np.float32)
        colour = surface(rng) * (0.75 + 0.25 * np.sin((ys + 45 * np.abs(u)) / 6))[..., None]
    elif kind == 1:
        alpha = ((np.abs(u) < 1.05 + (ys - line) / 160) & (ys < line + 6 + 10 * u**2)).astype(np.float32)
        colour = surface(rng)
    elif kind == 2:
        brim = np.abs(ys - line + 14 * u**2 - 6) < 13 - 2 * u**2
        alpha = (brim | ((np.abs(u) < 0.95) & (ys < line) & (ys > line - 130 + 12 * np.cos(3 * u)))).astype(
            np.float32
        )
        colour = np.array((110, 75, 45)) * rng.uniform(0.4, 1.6) * (0.85 + 0.2 * fractal(rng))[..., None]
    else:
        inner = (u / 0.98) ** 2 + ((ys - 290) / (290 - line)) ** 2 < 1
        alpha = (~inner & (np.abs(u) < 1.55 - 0.25 * ((ys - 260) / 260) ** 2)).astype(np.float32)
        colour = surface(rng) * (0.8 + 0.2 * fractal(rng))[..., None]
    return join(colour, alpha, 1.2)


Draw = Callable[[Rng, np.ndarray], np.ndarray]
COVERS: dict[str, Draw] = {
    "eye_bar": eye_bar, "mask": mask, "hand": hand, "sunglasses": sunglasses, "half_face": half_face,
}  # fmt: skip


def put_on(photo: np.ndarray, layer: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Lay an RGBA layer of the 512 px frame onto a photo; ``matrix`` (2, 3) takes the photo to the frame."""
    size = (photo.shape[1], photo.shape[0])
    moved = cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    alpha = moved[..., 3:]
    shadow = 1 - 0.25 * cv2.GaussianBlur(np.roll(alpha[..., 0], (6, 3), (0, 1)), (0, 0), 5)[..., None]
    return np.clip(photo * shadow * (1 - alpha) + moved[..., :3] * alpha, 0, 255).astype(np.uint8)
