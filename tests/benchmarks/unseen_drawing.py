"""Surfaces and shapes of the benchmark's own occluders; see `tests.benchmarks.unseen_occluders`."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

S = 512
Rng = np.random.Generator


@lru_cache(maxsize=1)
def sample_photos() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg"), load_sample_image("flower.jpg")


def surface(rng: Rng) -> np.ndarray:
    """One of the benchmark's own surfaces, (512, 512, 3) float32."""
    kind = rng.integers(5)
    if kind == 0:
        photo = sample_photos()[rng.integers(2)]
        side = int(rng.integers(90, 400))
        y, x = rng.integers(photo.shape[0] - side), rng.integers(photo.shape[1] - side)
        return cv2.resize(photo[y : y + side, x : x + side], (S, S)).astype(np.float32)
    first, second = (rng.beta(0.7, 0.7, 3).astype(np.float32) * 255 for _ in range(2))
    if kind == 1:
        blend = fractal(rng)
    elif kind == 2:  # polka dots
        period, radius = int(rng.integers(18, 60)), rng.uniform(0.2, 0.4)
        ys, xs = np.mgrid[0:S, 0:S] % period / period - 0.5
        blend = (np.hypot(xs, ys) < radius).astype(np.float32)
    elif kind == 3:  # weave
        ys, xs = np.mgrid[0:S, 0:S]
        blend = ((xs // 4 + ys // 4) % 2 * 0.3 + rng.random((S, S)) * 0.3).astype(np.float32)
    else:  # print
        page = np.zeros((S, S), np.uint8)
        for row in range(14, S, 22):
            text = "".join(chr(97 + c) if c < 26 else " " for c in rng.integers(0, 31, 60))
            cv2.putText(page, text, (0, row), cv2.FONT_HERSHEY_SIMPLEX, 0.55, 255, 1, cv2.LINE_AA)
        blend = page.astype(np.float32) / 255
    return first * blend[..., None] + second * (1 - blend[..., None])


def fractal(rng: Rng) -> np.ndarray:
    """Noise of all scales, (512, 512) float32 in [0, 1]."""
    spectrum = np.fft.rfft2(rng.normal(size=(S, S)))
    frequency = np.hypot(np.fft.fftfreq(S)[:, None], np.fft.rfftfreq(S)[None]) + 1 / S
    noise = np.fft.irfft2(spectrum / frequency ** rng.uniform(1.0, 1.8), s=(S, S))
    low, high = np.percentile(noise, (1, 99))
    return np.clip((noise - low) / (high - low), 0, 1).astype(np.float32)


def fill(outline: np.ndarray) -> np.ndarray:
    area = np.zeros((S, S), np.float32)
    cv2.fillPoly(area, [np.round(outline).astype(np.int32)], 1.0, cv2.LINE_AA)
    return area


def spline(corners: np.ndarray) -> np.ndarray:
    """A closed Catmull-Rom curve through the corners."""
    before, after, later = (np.roll(corners, -k, 0) for k in (-1, 1, 2))
    t = np.linspace(0, 1, 10, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * corners
        + (after - before) * t
        + (2 * before - 5 * corners + 4 * after - later) * t**2
        + (3 * corners - before - 3 * after + later) * t**3
    )
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def bump(height: np.ndarray, centre: np.ndarray, radius: int) -> None:
    """Raise a dome where it is higher than what is there."""
    x, y = px(centre)
    if not (radius < x < S - radius and radius < y < S - radius):
        return
    ys, xs = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    dome = np.sqrt(np.clip(radius**2 - xs**2 - ys**2, 0, None)).astype(np.float32) + 12 * (
        xs**2 + ys**2 <= radius**2
    )
    view = height[y - radius : y + radius + 1, x - radius : x + radius + 1]
    np.maximum(view, dome, out=view)


def join(colour: np.ndarray, alpha: np.ndarray, sigma: float) -> np.ndarray:
    soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), sigma)[..., None]
    return np.concatenate([np.clip(colour, 0, 255).astype(np.float32), soft], axis=2)


def px(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
