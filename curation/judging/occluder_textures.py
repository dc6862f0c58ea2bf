"""Surfaces for occluders that are painted onto faces: cloth, skin, hair, and what lies in other photos."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from core.face_frame import FRAME

Rng = np.random.Generator


def random_surface(rng: Rng, donor: np.ndarray) -> np.ndarray:
    """A surface of some kind, (512, 512, 3) float32 in [0, 255].

    Parameters
    ----------
    donor : (512, 512, 3) uint8
        Somebody else's photo; parts of it, enlarged, serve as a natural texture.
    """
    kinds: list[tuple[Callable[[Rng, np.ndarray], np.ndarray], float]] = [
        (_flat, 0.3), (_gradient, 0.15), (_clouds, 0.2), (_stripes, 0.1), (_piece_of, 0.25),
    ]  # fmt: skip
    weights = np.array([weight for _, weight in kinds])
    make = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))][0]
    return make(rng, donor)


def random_colour(rng: Rng) -> np.ndarray:
    """Any colour, (3,) float32; greys, near-black and near-white more often than chance would have it."""
    if rng.random() < 0.45:
        grey = rng.choice([rng.uniform(0, 45), rng.uniform(210, 255), rng.uniform(0, 255)])
        return np.clip(grey + rng.normal(0, 6, 3), 0, 255).astype(np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def smooth_noise(rng: Rng, scale_px: float, *, across: float = 1.0) -> np.ndarray:
    """Noise of unit variance, (512, 512) float32; ``across`` stretches it sideways."""
    rows = max(int(FRAME / scale_px), 2)
    columns = max(int(FRAME / (scale_px * across)), 2)
    small = rng.normal(size=(rows, columns)).astype(np.float32)
    noise = cv2.resize(small, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC)
    return noise / max(float(noise.std()), 1e-6)


def skin_surface(rng: Rng, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Skin in the tone of a photo's cheeks, lighter or darker at random, with soft shading."""
    tone = skin_tone(photo, points) * rng.uniform(0.75, 1.15)
    tone = tone + rng.normal(0, 5, 3)
    shade = 1 + rng.uniform(0.02, 0.12) * smooth_noise(rng, rng.uniform(60, 200))
    grain = rng.uniform(0, 4) * rng.normal(size=(FRAME, FRAME)).astype(np.float32)
    return np.clip(tone * shade[..., None] + grain[..., None], 0, 255).astype(np.float32)


def skin_tone(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Median colour of both cheeks, (3,) float32."""
    patches = []
    for point in (50, 280):  # the middle of each cheek
        x, y = np.clip(points[point, :2].astype(int), 16, FRAME - 17)
        patches.append(photo[y - 14 : y + 15, x - 14 : x + 15].reshape(-1, 3))
    return np.median(np.concatenate(patches), axis=0).astype(np.float32)


def hair_tone(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Median colour above the forehead, (3,) float32: hair on most heads."""
    top = int(np.clip(points[10, 1] - 95, 4, FRAME - 40))
    x = int(np.clip(points[10, 0], 60, FRAME - 61))
    tone: np.ndarray = np.median(photo[top : top + 24, x - 50 : x + 50].reshape(-1, 3), axis=0)
    return tone.astype(np.float32)


def hair_surface(rng: Rng, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Streaks in the tone of a photo's hair, along the vertical."""
    streaks = 0.7 * smooth_noise(rng, rng.uniform(60, 160), across=rng.uniform(0.02, 0.06))
    locks = 0.5 * smooth_noise(rng, rng.uniform(100, 250), across=rng.uniform(0.1, 0.3))
    shade = np.clip(1 + rng.uniform(0.12, 0.35) * (streaks + locks), 0.3, 2)
    tone = np.maximum(hair_tone(photo, points) * rng.uniform(0.8, 1.1), 12)
    return np.clip(tone * shade[..., None], 0, 255).astype(np.float32)


def soften(mask: np.ndarray, sigma: float) -> np.ndarray:
    """A mask with a blurred edge, float32 in [0, 1]."""
    mask = mask.astype(np.float32)
    return mask if sigma < 0.3 else cv2.GaussianBlur(mask, (0, 0), sigma)


def _flat(rng: Rng, _donor: np.ndarray) -> np.ndarray:
    return np.broadcast_to(random_colour(rng), (FRAME, FRAME, 3)).astype(np.float32)


def _gradient(rng: Rng, _donor: np.ndarray) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32) / FRAME - 0.5
    ramp = np.clip(xs * np.cos(angle) + ys * np.sin(angle) + 0.5, 0, 1)[..., None]
    return (random_colour(rng) * ramp + random_colour(rng) * (1 - ramp)).astype(np.float32)


def _clouds(rng: Rng, _donor: np.ndarray) -> np.ndarray:
    noise = smooth_noise(rng, rng.uniform(3, 120), across=rng.uniform(0.3, 3))
    spread = rng.uniform(5, 45)
    return np.clip(random_colour(rng) + spread * noise[..., None], 0, 255).astype(np.float32)


def _stripes(rng: Rng, _donor: np.ndarray) -> np.ndarray:
    angle, period = rng.uniform(0, np.pi), rng.uniform(8, 70)
    ys, xs = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32)
    wave = np.sin((xs * np.cos(angle) + ys * np.sin(angle)) * (2 * np.pi / period))
    if rng.random() < 0.4:  # checked
        wave = np.maximum(wave, np.sin((ys * np.cos(angle) - xs * np.sin(angle)) * (2 * np.pi / period)))
    ramp = np.clip(wave * rng.uniform(1, 6) + 0.5, 0, 1)[..., None]
    return (random_colour(rng) * ramp + random_colour(rng) * (1 - ramp)).astype(np.float32)


def _piece_of(rng: Rng, donor: np.ndarray) -> np.ndarray:
    side = int(rng.uniform(40, 160))
    # The picture's edges show background, hair and clothes rather than a face.
    x = rng.integers(0, FRAME - side) if rng.random() < 0.5 else rng.choice([0, FRAME - side])
    y = rng.choice([0, FRAME - side])
    piece = np.rot90(donor[y : y + side, x : x + side], int(rng.integers(4)))
    return cv2.resize(np.ascontiguousarray(piece), (FRAME, FRAME), interpolation=cv2.INTER_CUBIC).astype(
        np.float32
    )
