"""A hand that draws: smooth curves through control points, with the wobble, drift and overshoot of a person.

Everything is seeded, so that the demo drawings can be made again to the pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.strokes import Stroke

Curve = Sequence[tuple[float, float]]
STEP_PX = 4.0


def spline(points: Curve | np.ndarray, step: float = STEP_PX) -> np.ndarray:
    """A centripetal Catmull-Rom curve through ``points``, resampled about every ``step`` pixels: (N, 2)."""
    knots = np.asarray(points, dtype=np.float64)
    if len(knots) < 3:
        return resample(knots, step)
    first, last = 2 * knots[0] - knots[1], 2 * knots[-1] - knots[-2]
    padded = np.vstack([first, knots, last])
    pieces = [_segment(padded[i : i + 4]) for i in range(len(knots) - 1)]
    return resample(np.vstack([*pieces, knots[-1:]]), step)


def _segment(p: np.ndarray, count: int = 24) -> np.ndarray:
    gaps = np.maximum(np.linalg.norm(np.diff(p, axis=0), axis=1) ** 0.5, 1e-6)
    t = np.concatenate([[0.0], np.cumsum(gaps)])
    x = np.linspace(t[1], t[2], count, endpoint=False)[:, None]
    a = [(t[i + 1] - x) / (t[i + 1] - t[i]) * p[i] + (x - t[i]) / (t[i + 1] - t[i]) * p[i + 1] for i in range(3)]
    b = [(t[i + 2] - x) / (t[i + 2] - t[i]) * a[i] + (x - t[i]) / (t[i + 2] - t[i]) * a[i + 1] for i in range(2)]
    return (t[2] - x) / (t[2] - t[1]) * b[0] + (x - t[1]) / (t[2] - t[1]) * b[1]


def resample(points: np.ndarray, step: float = STEP_PX) -> np.ndarray:
    """Points of equal spacing along a polyline, both ends kept."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(int(math.ceil(lengths[-1] / step)) + 1, 2)
    at = np.linspace(0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, points[:, i]) for i in range(2)], axis=1)


def mirror(points: Curve | np.ndarray) -> list[tuple[float, float]]:
    """The same curve on the other half of the face."""
    return [(512.0 - x, y) for x, y in points]


def ellipse(cx: float, cy: float, rx: float, ry: float, start: float, stop: float) -> list[tuple[float, float]]:
    """An arc by control points; degrees, 0 to the right, growing clockwise on the screen."""
    count = max(int(abs(stop - start) / 20) + 1, 4)
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in np.radians(np.linspace(start, stop, count))]


@dataclass
class Hand:
    """Pen and temperament of the one who draws, and the strokes so far.

    ``wobble`` is the waviness of a line in pixels, ``drift`` how far a whole stroke lands off its
    place, ``overshoot`` how far it runs past its ends. ``passes`` above 1 draws long lines in short
    overlapping pieces, again and again, as a sketcher does. ``warp`` moves every point at the end (a
    tilted or lopsided face).
    """

    seed: int
    width: float = 3.0
    width_spread: float = 0.12
    wobble: float = 0.8
    drift: float = 0.7
    overshoot: float = 2.0
    passes: int = 1
    warp: Callable[[np.ndarray], np.ndarray] | None = None
    strokes: list[Stroke] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def line(self, points: Curve | np.ndarray, *, width: float = 1.0, care: float = 1.0) -> None:
        """One line; ``width`` multiplies the pen's, ``care`` above 1 makes the hand steadier."""
        curve = spline(points)
        length = np.linalg.norm(np.diff(curve, axis=0), axis=1).sum()
        if self.passes > 1 and length > 50:
            self._sketchy(curve, length, width, care)
        else:
            self._put(curve, width, care)

    def lines(self, curves: Sequence[Curve], *, width: float = 1.0, care: float = 1.0) -> None:
        for curve in curves:
            self.line(curve, width=width, care=care)

    def dot(self, x: float, y: float, radius: float) -> None:
        """A small scribbled blob."""
        turns = np.linspace(0, 2 * math.pi * max(1.5, radius / 1.6), 12 * max(2, int(radius)))
        shrink = np.linspace(1, 0.1, len(turns)) * radius
        self._put(np.stack([x + shrink * np.cos(turns), y + shrink * np.sin(turns)], axis=1), 1.0, 4.0)

    def strands(
        self,
        inner: Curve,
        outer: Curve,
        count: int,
        *,
        width: float = 0.85,
        gap: float = 5.0,
        long: float = 0.5,
        loose: float = 0.05,
    ) -> None:
        """Hair that flows between two guide curves.

        Where the guides come close, only so many strands go on that ``gap`` pixels stay between them;
        ``long`` is the share of strands that run all the way they have room for.
        """
        samples = 40
        one, two = (_at_fractions(spline(curve), samples) for curve in (inner, outer))
        room = np.linalg.norm(two - one, axis=1) / (count * gap)
        places = (np.arange(count) + 0.5 + self.rng.uniform(-0.42, 0.42, count)) / count
        ranks = (self.rng.permutation(count) + 0.5) / count
        for place, rank in zip(places, ranks, strict=True):
            fits = np.flatnonzero(room >= rank)
            if len(fits) < 6:
                continue
            low, high = fits[0], fits[-1]
            span = high - low
            if self.rng.random() < long:
                low, high = low + self.rng.integers(0, 4), high - self.rng.integers(0, 5)
            else:
                low, high = low + int(span * self.rng.uniform(0, 0.55)), high - int(span * self.rng.uniform(0, 0.4))
            if high - low < 5:
                continue
            mix = np.clip(place + loose * self.rng.normal() * np.linspace(0, 1, samples), -0.02, 1.02)
            curve = one * (1 - mix[:, None]) + two * mix[:, None]
            self._put(spline(curve[low : high + 1]), width, 0.8)

    def curls(self, region: Callable[[float, float], bool], count: int, *, radius: float = 13.0, width: float = 0.85) -> None:
        """Curly hair: small open spirals, no two centres close, wherever ``region(x, y)`` holds."""
        centres: list[np.ndarray] = []
        for _ in range(count * 60):
            if len(centres) == count:
                break
            spot = self.rng.uniform(0, 512, 2)
            if region(*spot) and all(np.linalg.norm(spot - other) > radius * 1.55 for other in centres):
                centres.append(spot)
        for spot in centres:
            start, way = self.rng.uniform(0, 2 * math.pi), self.rng.choice([-1, 1])
            turns = np.linspace(0, self.rng.uniform(1.1, 1.75) * 2 * math.pi, 22)
            size = radius * self.rng.uniform(0.8, 1.25) * np.linspace(1.1, 0.35, 22)
            ring = np.stack([np.cos(start + way * turns), 0.9 * np.sin(start + way * turns)], axis=1)
            self._put(spline(spot + ring * size[:, None]), width, 1.0)

    def _sketchy(self, curve: np.ndarray, length: float, width: float, care: float) -> None:
        """The line in overlapping pieces, ``passes`` times."""
        for _ in range(self.passes):
            at = 0.0
            while at < length - 8:
                piece = self.rng.uniform(45, 120)
                low, high = (int(np.clip(v / length, 0, 1) * (len(curve) - 1)) for v in (at - 10, at + piece))
                if high - low >= 2:
                    self._put(curve[low : high + 1], width, care)
                at += piece

    def _put(self, curve: np.ndarray, width: float, care: float) -> None:
        """The hand's imperfections, and the stroke is on the paper."""
        points = _run_on(curve, self.overshoot * self.rng.uniform(-0.6, 1.0, 2) / care)
        points = points + self.rng.normal(0, self.drift / care, 2) + self._waves(len(points)) * self.wobble / care
        if self.warp is not None:
            points = self.warp(points)
        pen = self.width * width * float(np.clip(1 + self.rng.normal(0, self.width_spread), 0.7, 1.4))
        self.strokes.append(Stroke(width=round(pen, 2), points=points.astype(np.float32)))

    def _waves(self, count: int) -> np.ndarray:
        """Smooth noise of unit size with a wave length of 30 to 60 pixels: (count, 2)."""
        noise = self.rng.normal(size=(count + 40, 2))
        bell = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
        bell /= np.sqrt((bell**2).sum())
        smooth = np.stack([np.convolve(noise[:, i], bell, mode="same") for i in range(2)], axis=1)
        return smooth[20 : 20 + count] * min(1.0, count / 12)


def _run_on(curve: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Longer (or, below zero, shorter) by that many pixels at the start and at the end."""
    if len(curve) < 3:
        return curve
    head, tail = curve[0] - curve[1], curve[-1] - curve[-2]
    head, tail = head / max(np.linalg.norm(head), 1e-6), tail / max(np.linalg.norm(tail), 1e-6)
    longer = curve.copy()
    longer[0], longer[-1] = curve[0] + head * by[0], curve[-1] + tail * by[1]
    return longer


def _at_fractions(curve: np.ndarray, count: int) -> np.ndarray:
    return curve[np.linspace(0, len(curve) - 1, count).round().astype(int)]


def lopsided(*, turn_deg: float = 0.0, squeeze: float = 1.0, bend: float = 0.0, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """A warp of the whole drawing: turned, one half narrower than the other, and bent by ``bend`` pixels."""
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 2 * math.pi, (2, 3))
    angle = math.radians(turn_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = np.array([256.0, 300.0])

    def warp(points: np.ndarray) -> np.ndarray:
        local = points - centre
        local = np.stack([np.where(local[:, 0] > 0, local[:, 0] * squeeze, local[:, 0]), local[:, 1]], axis=1)
        waves = [
            sum(np.sin(local @ np.array([0.011, 0.009]) * (j + 1) * (1 - 0.6 * i) + phases[i, j]) / (j + 1) for j in range(3))
            for i in range(2)
        ]
        return local @ turn.T + centre + bend * np.stack(waves, axis=1) * 0.6

    return warp
