"""Faults of a photo, planted with a little variety: blur, shadow, light from behind, a colour cast."""

from __future__ import annotations

import cv2
import numpy as np

from core.face_mesh import FACE_OVAL, eye_distance

FOREHEAD, CHIN = 10, 152


def blur(photo: np.ndarray, sigma: float) -> np.ndarray:
    """Out of focus: (H, W, 3) uint8 in and out."""
    return cv2.GaussianBlur(photo, (0, 0), sigma)


def half_shadow(photo: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One half of the face in shadow (25 to 50 % of its values), with a border near the face's middle.

    Either side, border up to an eighth of the eye distance off the middle and up to 12 degrees oblique,
    3 to 15 % of the eye distance soft; on the head alone or on all of that half of the picture.
    """
    top, bottom = points[FOREHEAD, :2], points[CHIN, :2]
    scale = eye_distance(points)
    turn = np.radians(rng.uniform(-12, 12)) + np.arctan2(*(bottom - top))
    across = np.array([np.cos(turn), -np.sin(turn)]) * rng.choice([-1, 1])
    middle = (top + bottom) / 2 + across * rng.uniform(-0.125, 0.125) * scale
    ys, xs = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    distance = (xs - middle[0]) * across[0] + (ys - middle[1]) * across[1]
    dark = _smooth(distance / (scale * rng.uniform(0.03, 0.15)))
    if rng.random() < 0.5:
        dark *= _head(photo.shape, points, feather=scale * 0.15)
    gain = 1 - dark * (1 - rng.uniform(0.25, 0.5))
    return _to_bytes(photo * gain[..., None])


def back_light(photo: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The person at 30 to 50 % of the values before a background moved 60 to 95 % of the way to white."""
    person = find_person(photo, points)[..., None]
    behind = photo + (255.0 - photo) * rng.uniform(0.6, 0.95)
    return _to_bytes(person * photo * rng.uniform(0.3, 0.5) + (1 - person) * behind)


def colour_cast(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Channel gains of any hue, in linear light: the strongest is 2 to 3 times the weakest.

    (A lamp of 3200 K under daylight's white balance makes 2.5.) The luminance of grey is kept.
    """
    angle = rng.uniform(0, 2 * np.pi)
    gains = np.cos(angle + np.array([0, 2, 4]) * np.pi / 3)
    gains *= rng.uniform(*np.log([2, 3])) / np.ptp(gains)
    linear = (photo / 255.0) ** 2.2 * np.exp(gains)
    linear /= np.exp(gains) @ (0.2126, 0.7152, 0.0722)
    return _to_bytes(255 * np.clip(linear, 0, 1) ** (1 / 2.2))


def find_person(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Soft mask (H, W) float32 of head and shoulders, cut out by GrabCut at 128 px."""
    height, width = photo.shape[:2]
    factor = 128 / max(height, width)
    small = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    oval = points[list(FACE_OVAL), :2] * factor
    mask = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.fillConvexPoly(mask, _around(oval, 1.9, up=0.1), cv2.GC_PR_BGD)
    cv2.fillConvexPoly(mask, _around(oval, 1.35, up=0.12), cv2.GC_PR_FGD)
    (left, _), (right, bottom) = oval.min(0), oval.max(0)
    wide = (right - left) * 0.8
    shoulders = [(left, bottom - 2), (right, bottom - 2), (right + wide, 2000), (left - wide, 2000)]
    cv2.fillConvexPoly(mask, np.round(shoulders).astype(np.int32), cv2.GC_PR_FGD)
    cv2.fillConvexPoly(mask, _around(oval, 1.0), cv2.GC_FGD)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, mask, None, *models, 3, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    soft = cv2.GaussianBlur(cv2.resize(person, (width, height), interpolation=cv2.INTER_LINEAR), (0, 0), 4)
    return np.clip(soft, 0, 1)


def _head(shape: tuple[int, ...], points: np.ndarray, feather: float) -> np.ndarray:
    mask = np.zeros(shape[:2], np.float32)
    cv2.fillConvexPoly(mask, _around(points[list(FACE_OVAL), :2], 1.25, up=0.1), 1.0)
    return cv2.GaussianBlur(mask, (0, 0), feather)


def _around(outline: np.ndarray, scale: float, up: float = 0.0) -> np.ndarray:
    """An outline (N, 2) made larger about its centre, moved up by a part of its height."""
    centre = outline.mean(axis=0)
    moved = centre + (outline - centre) * scale - (0, np.ptp(outline[:, 1]) * up)
    return np.round(moved).astype(np.int32)


def _smooth(x: np.ndarray) -> np.ndarray:
    """0 below -1, 1 above 1, smooth between."""
    ramp = np.clip(x / 2 + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
