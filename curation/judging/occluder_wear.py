"""Glasses and hats to paint onto faces: dark lenses hide the eyes, clear ones and hats hide nothing."""

from __future__ import annotations

import cv2
import numpy as np

from core.face_frame import FRAME
from curation.judging.occluder_shapes import Face, Planted, at, cast_shadow, polygon
from curation.judging.occluder_textures import Rng, random_colour, random_surface, smooth_noise, soften


def sunglasses(rng: Rng, face: Face, donor: Face) -> Planted:
    """Dark lenses of many outlines and tints, with frame, bridge and temples."""
    return _glasses(rng, face, donor, opacity=rng.uniform(0.72, 1.0), is_dark=True)


def clear_glasses(rng: Rng, face: Face, donor: Face) -> Planted:
    """Frames with lenses that one can look through: not covered."""
    return _glasses(rng, face, donor, opacity=rng.uniform(0, 0.12), is_dark=False)


def hat(rng: Rng, face: Face, donor: Face) -> Planted:
    """A cap, a beanie, a hat with a brim or a hood, down to the brows at most."""
    p = face.points[:, :2]
    left, right = p[127], p[356]
    wide = (right[0] - left[0]) / 2 * rng.uniform(1.08, 1.35)
    brim = p[10, 1] * (1 - (down := rng.uniform(0.0, 0.65))) + p[[70, 300], 1].mean() * down
    middle = (left[0] + right[0]) / 2 + rng.normal(0, 8)
    ys, xs = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32)
    bow = brim + rng.uniform(-0.002, 0.002) * (xs - middle) ** 2 + rng.normal(0, 0.05) * (xs - middle)
    height = rng.uniform(90, 230)
    dome = np.abs((xs - middle) / wide) ** rng.uniform(2, 5) + np.clip(
        (bow - ys) / height, 0, None
    ) ** rng.uniform(1.5, 6)
    mask = ((dome < 1) & (ys < bow)).astype(np.float32)
    style = rng.random()
    if style < 0.35:  # a brim
        out = np.abs(xs - middle) < wide * rng.uniform(1.0, 1.8)
        mask = np.maximum(mask, (out & (np.abs(ys - bow) < rng.uniform(6, 22))).astype(np.float32))
    elif style < 0.6:  # a hood or a scarf: down the sides too
        outer = ((xs - middle) / (wide * rng.uniform(1.15, 1.5))) ** 2 + (
            (ys - 270) / rng.uniform(250, 330)
        ) ** 2 < 1
        inner = ((xs - middle) / (wide * rng.uniform(0.86, 0.98))) ** 2 + ((ys - 300) / (300 - brim)) ** 2 < 1
        mask = (
            (outer | (ys > 400))
            & ~inner
            & (np.abs(xs - middle) < 1.6 * wide)
            & ((ys < bow) | (np.abs(xs - middle) > wide * 0.7))
        ).astype(np.float32)
    surface = (
        random_surface(rng, donor.photo)
        * (1 + rng.uniform(0, 0.2) * smooth_noise(rng, rng.uniform(8, 120)))[..., None]
    )
    if rng.random() < 0.3:
        surface = surface * (1 + 0.15 * np.sin(xs * (2 * np.pi / rng.uniform(6, 16))))[..., None]  # knitted
    return Planted(soften(mask, rng.uniform(0.5, 2)), np.clip(surface, 0, 255), cast_shadow(rng, mask))


def _glasses(rng: Rng, face: Face, donor: Face, *, opacity: float, is_dark: bool) -> Planted:
    eyes = face.eyes + np.array((0, rng.uniform(-4, 12)))
    tilt = np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1]))
    size = (rng.uniform(84, 128), rng.uniform(50, 104) if is_dark else rng.uniform(46, 90))
    power = rng.choice([2.0, 2.6, 4.0, 8.0])
    droop = rng.uniform(-0.15, 0.3)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    lens = np.stack([np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** (2 / power) * size[0] / 2,
                     np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** (2 / power) * size[1] / 2], 1)  # fmt: skip
    lens[:, 0] *= 1 - droop * lens[:, 1] / size[1]
    turn = np.array([[np.cos(a := np.radians(tilt)), np.sin(a)], [-np.sin(a), np.cos(a)]])
    apart = rng.uniform(0, 8) * np.array([1, 0]) @ turn
    outlines = [eyes[0] - apart + (lens * (-1, 1)) @ turn, eyes[1] + apart + lens @ turn]
    glass, frame = np.zeros((FRAME, FRAME), np.float32), np.zeros((FRAME, FRAME), np.float32)
    thick = int(rng.integers(1, 4 if rng.random() < 0.5 else 12))
    for outline, ear in zip(outlines, (127, 356), strict=True):
        glass = np.maximum(glass, polygon(outline))
        if is_dark or rng.random() < 0.93:
            cv2.polylines(frame, [outline.astype(np.int32)], True, 1.0, thick, cv2.LINE_AA)
        outer = outline[np.argmin(np.abs(outline - face.points[ear, :2]).sum(1))]
        cv2.line(frame, at(outer), at(face.points[ear, :2]), 1.0, thick, cv2.LINE_AA)
    bridge = [outlines[0][np.argmax(outlines[0][:, 0])], outlines[1][np.argmin(outlines[1][:, 0])]]
    cv2.line(frame, at(bridge[0]), at(bridge[1]), 1.0, max(thick, 2), cv2.LINE_AA)
    tint = np.array([(12, 12, 14), (45, 28, 18), (20, 28, 45), (20, 38, 28), (60, 20, 20)], np.float32)[
        rng.integers(5)
    ]
    tint = tint * rng.uniform(0.4, 1.4) if is_dark else np.array([215, 220, 225], np.float32)
    ramp = np.mgrid[0:FRAME, 0:FRAME][0].astype(np.float32)
    ramp = np.clip((ramp - eyes.mean(0)[1]) / size[1] + 0.5, 0, 1)  # 0 at the lens' top, 1 at its foot
    through = opacity * (1 - (rng.uniform(0, 0.35) if rng.random() < 0.4 else 0) * ramp)
    surface = np.broadcast_to(tint, (FRAME, FRAME, 3)).astype(np.float32)
    if rng.random() < 0.6:  # the sky mirrored
        glare = np.clip(smooth_noise(rng, rng.uniform(25, 120)), 0, 2) * rng.uniform(5, 45)
        surface = surface + glare[..., None] * rng.uniform(0.7, 1.1, 3)
    colour = random_colour(rng) * (0.5 if rng.random() < 0.7 else 1)
    surface = np.where(frame[..., None] > 0.5, colour, surface)
    alpha = np.maximum(soften(glass * through, 0.8), soften(frame, 0.7))
    return Planted(
        alpha,
        np.clip(surface, 0, 255).astype(np.float32),
        cast_shadow(rng, frame) if rng.random() < 0.3 else None,
    )
