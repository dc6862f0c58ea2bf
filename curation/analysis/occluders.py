"""Draw occluders onto faces for training: shapes, textures, and things that are worn.

Every shape follows the mesh of the face it is put on. ``python -m curation.train_coverage`` uses these;
how well that carries over to other shapes, other surfaces and real sunglasses and hats is what
``python -m tests.benchmarks.coverage_validity`` measures, with drawings of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from core import face_mesh
from core.face_frame import FRAME

Rng = np.random.Generator


def random_surface(rng: Rng, donor: np.ndarray) -> np.ndarray:
    """Draw a surface of some kind, (512, 512, 3) float32 in [0, 255].

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
    """Draw any colour, (3,) float32; greys, near-black and near-white more often than chance would have it."""
    if rng.random() < 0.45:
        grey = rng.choice([rng.uniform(0, 45), rng.uniform(210, 255), rng.uniform(0, 255)])
        return np.clip(grey + rng.normal(0, 6, 3), 0, 255).astype(np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def smooth_noise(rng: Rng, scale_px: float, *, across: float = 1.0) -> np.ndarray:
    """Draw noise of unit variance, (512, 512) float32; ``across`` stretches it sideways."""
    rows = max(int(FRAME / scale_px), 2)
    columns = max(int(FRAME / (scale_px * across)), 2)
    small = rng.normal(size=(rows, columns)).astype(np.float32)
    noise = cv2.resize(small, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC)
    return noise / max(float(noise.std()), 1e-6)


def skin_surface(rng: Rng, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Draw skin in the tone of a photo's cheeks, lighter or darker at random, with soft shading."""
    tone = skin_tone(photo, points) * rng.uniform(0.75, 1.15)
    tone = tone + rng.normal(0, 5, 3)
    shade = 1 + rng.uniform(0.02, 0.12) * smooth_noise(rng, rng.uniform(60, 200))
    grain = rng.uniform(0, 4) * rng.normal(size=(FRAME, FRAME)).astype(np.float32)
    return np.clip(tone * shade[..., None] + grain[..., None], 0, 255).astype(np.float32)


def skin_tone(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Compute the median colour of both cheeks, (3,) float32."""
    patches = []
    for point in (50, 280):  # the middle of each cheek
        x, y = np.clip(points[point, :2].astype(int), 16, FRAME - 17)
        patches.append(photo[y - 14 : y + 15, x - 14 : x + 15].reshape(-1, 3))
    return np.median(np.concatenate(patches), axis=0).astype(np.float32)


def hair_tone(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Compute the median colour above the forehead, (3,) float32: hair on most heads."""
    top = int(np.clip(points[10, 1] - 95, 4, FRAME - 40))
    x = int(np.clip(points[10, 0], 60, FRAME - 61))
    tone: np.ndarray = np.median(photo[top : top + 24, x - 50 : x + 50].reshape(-1, 3), axis=0)
    return tone.astype(np.float32)


def hair_surface(rng: Rng, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Draw streaks in the tone of a photo's hair, along the vertical."""
    streaks = 0.7 * smooth_noise(rng, rng.uniform(60, 160), across=rng.uniform(0.02, 0.06))
    locks = 0.5 * smooth_noise(rng, rng.uniform(100, 250), across=rng.uniform(0.1, 0.3))
    shade = np.clip(1 + rng.uniform(0.12, 0.35) * (streaks + locks), 0.3, 2)
    tone = np.maximum(hair_tone(photo, points) * rng.uniform(0.8, 1.1), 12)
    return np.clip(tone * shade[..., None], 0, 255).astype(np.float32)


def soften(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Make a mask with a blurred edge, float32 in [0, 1]."""
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


@dataclass(frozen=True)
class Face:
    """An aligned photo (512, 512, 3) uint8 and its mesh points (478, 2 or 3) in the same frame."""

    photo: np.ndarray
    points: np.ndarray

    @property
    def eyes(self) -> np.ndarray:
        """Give the eye centres, picture's left first: (2, 2) float32."""
        return face_mesh.anchors(self.points)[:2]

    @property
    def mouth(self) -> np.ndarray:
        return face_mesh.anchors(self.points)[2]


@dataclass(frozen=True)
class Planted:
    """What covers the face."""

    alpha: np.ndarray  # (512, 512) float32 in [0, 1]: how much of the photo is hidden at each pixel
    surface: np.ndarray  # (512, 512, 3) float32 in [0, 255]: what is seen instead
    shadow: np.ndarray | None = None  # (512, 512) float32 in [0, 1]: factor on the photo underneath

    def on(self, photo: np.ndarray) -> np.ndarray:
        """Draw it onto the photo: (512, 512, 3) uint8."""
        below = photo.astype(np.float32)
        if self.shadow is not None:
            below *= self.shadow[..., None]
        alpha = self.alpha[..., None]
        return np.clip(below * (1 - alpha) + self.surface * alpha + 0.5, 0, 255).astype(np.uint8)


def polygon(outline: np.ndarray) -> np.ndarray:
    mask = np.zeros((FRAME, FRAME), np.float32)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1.0, cv2.LINE_AA)
    return mask


def rounded(outline: np.ndarray, rounds: int) -> np.ndarray:
    """Cut corners off (Chaikin), so that a polygon becomes a curve."""
    for _ in range(rounds):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(
            -1, 2
        )
    return outline


def in_blocks(photo: np.ndarray, side: int) -> np.ndarray:
    small = cv2.resize(photo, (FRAME // side, FRAME // side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (FRAME, FRAME), interpolation=cv2.INTER_NEAREST).astype(np.float32)


def roundness(face: Face, strength: float) -> np.ndarray:
    """Darken towards the sides of the face, as on anything that bulges."""
    across = (np.arange(FRAME, dtype=np.float32) - face.points[1, 0]) / 130
    return np.broadcast_to(1 - strength * np.clip(across**2, 0, 1), (FRAME, FRAME))


def cast_shadow(rng: Rng, mask: np.ndarray) -> np.ndarray | None:
    if rng.random() < 0.4:
        return None
    moved = np.roll(mask, (int(rng.integers(2, 16)), int(rng.integers(-10, 11))), axis=(0, 1))
    return 1 - rng.uniform(0.1, 0.55) * soften(moved, rng.uniform(3, 12))


def at(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def sunglasses(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw dark lenses of many outlines and tints, with frame, bridge and temples."""
    return _glasses(rng, face, donor, opacity=rng.uniform(0.72, 1.0), is_dark=True)


def clear_glasses(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw frames with lenses that one can look through: not covered."""
    return _glasses(rng, face, donor, opacity=rng.uniform(0, 0.12), is_dark=False)


def hat(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw a cap, a beanie, a hat with a brim or a hood, down to the brows at most."""
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


def eye_bar(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw a bar over the eyes: any surface, or the photo itself blurred or in blocks."""
    centre = face.eyes.mean(0) + rng.normal(0, 5, 2)
    size = (rng.uniform(190, 340), rng.uniform(46, 110))
    box = cv2.boxPoints(((float(centre[0]), float(centre[1])), size, float(rng.normal(0, 5))))
    mask = polygon(box)
    kind = rng.random()
    if kind < 0.2:
        surface = cv2.GaussianBlur(face.photo, (0, 0), rng.uniform(12, 25)).astype(np.float32)
    elif kind < 0.4:
        surface = in_blocks(face.photo, int(rng.uniform(20, 44)))
    elif kind < 0.65:
        surface = np.full((FRAME, FRAME, 3), rng.uniform(0, 40), dtype=np.float32)
    else:
        surface = random_surface(rng, donor.photo)
    return Planted(soften(mask, rng.choice([0.0, 1.0, 4.0])), surface)


def face_mask(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw a surgical or cloth mask from the nose's bridge to below the chin."""
    p = face.points[:, :2]
    top = p[6] * (1 - (drop := rng.uniform(0.15, 0.75))) + p[1] * drop
    left, right = (p[i] for i in (int(rng.choice([127, 234, 93])), int(rng.choice([356, 454, 323]))))
    jaw = p[[132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361]]
    jaw = p[1] + (jaw - p[1]) * rng.uniform(1.0, 1.12)
    brow = np.array(
        [(left + top) / 2 + (0, rng.uniform(-12, 14)), (top + right) / 2 + (0, rng.uniform(-12, 14))]
    )
    outline = np.concatenate([[left], jaw, [right], brow[1:], [top], brow[:1]])
    mask = polygon(rounded(outline, int(rng.integers(0, 3))))
    if rng.random() < 0.35:  # medical blue, green, white, black
        colours = np.array(
            [(150, 200, 225), (165, 210, 190), (235, 235, 238), (25, 25, 30)], dtype=np.float32
        )
        base = colours[rng.integers(4)] + rng.normal(0, 10, 3)
        surface = np.broadcast_to(base, (FRAME, FRAME, 3)).astype(np.float32)
    else:
        surface = random_surface(rng, donor.photo)
    folds = np.sin(np.mgrid[0:FRAME, 0:FRAME][0] * (2 * np.pi / rng.uniform(18, 40))).astype(np.float32)
    shade = 1 + rng.uniform(0, 0.1) * folds + rng.uniform(0, 0.12) * smooth_noise(rng, 90)
    surface = surface * (shade * roundness(face, rng.uniform(0, 0.4)))[..., None]
    if rng.random() < 0.6:
        for ear, side in ((127, left), (356, right)):
            cv2.line(mask, at(p[ear]), at(side + np.array((0, 25))), 1.0, int(rng.integers(2, 7)))
    return Planted(soften(mask, rng.uniform(0.5, 2)), np.clip(surface, 0, 255), cast_shadow(rng, mask))


def hand(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw fingers and a palm before mouth, an eye, a cheek or the whole middle."""
    places = [face.mouth, *face.eyes, face.points[1, :2], (face.mouth + face.points[50, :2]) / 2]
    place = places[rng.integers(len(places))] + rng.normal(0, 16, 2)
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.3 else np.pi / 2 + rng.normal(0, 0.9)
    along = np.array([np.cos(angle), np.sin(angle)])  # from finger tips to the wrist
    across = np.array([-along[1], along[0]])
    width = rng.uniform(22, 40)
    layers = np.zeros((FRAME, FRAME), np.float32)
    light = np.ones((FRAME, FRAME), np.float32)
    length = rng.uniform(90, 190)
    count = int(rng.integers(2, 6))
    for finger in range(count):
        offset = (finger - (count - 1) / 2) * width * rng.uniform(0.95, 1.15)
        tip = place + across * offset - along * rng.uniform(20, 70) + rng.normal(0, 5, 2)
        root = place + across * offset * rng.uniform(0.8, 1.1) + along * length
        bend = (tip + root) / 2 + across * rng.normal(0, 6)
        one = np.zeros_like(layers)
        cv2.polylines(one, [np.array([at(tip), at(bend), at(root)])], False, 1.0, int(width))
        depth = cv2.distanceTransform((one > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / (width / 2)
        light = np.where(one > 0.5, 0.55 + 0.5 * np.sqrt(np.clip(depth, 0, 1)), light)
        layers = np.maximum(layers, one)
    palm = np.array([place + along * length + across * s for s in (-1, 1)]) + rng.normal(0, 6, (2, 2))
    far = palm + along * 400
    half = across * width * count * 0.55
    outline = np.array(
        [palm[0] - half * 0, palm.mean(0) - half, far.mean(0) - half, far.mean(0) + half, palm.mean(0) + half]
    )
    layers = np.maximum(layers, polygon(outline))
    owner = face if rng.random() < 0.65 else donor
    surface = skin_surface(rng, owner.photo, owner.points) * light[..., None]
    if rng.random() < 0.1:  # a glove
        surface = random_surface(rng, donor.photo) * light[..., None]
    return Planted(soften(layers, rng.uniform(0.6, 2)), np.clip(surface, 0, 255), cast_shadow(rng, layers))


def half_face(rng: Rng, face: Face, donor: Face) -> Planted:
    """Hide one side, or the lower part, behind a straight or curved edge: a wall, a book, hair, paint."""
    centre = face.points[1, :2] + rng.normal(0, 14, 2)
    angle = rng.choice([0.0, np.pi, np.pi / 2]) + rng.normal(0, 0.25)
    ys, xs = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32)
    ahead = (xs - centre[0]) * np.cos(angle) + (ys - centre[1]) * np.sin(angle)
    side = (ys - centre[1]) * np.cos(angle) - (xs - centre[0]) * np.sin(angle)
    wobble = rng.uniform(0, 10) * smooth_noise(rng, rng.uniform(40, 200))
    edge = ahead + rng.normal(0, 0.0008) * side**2 + wobble - rng.uniform(-10, 35)
    mask = (edge > 0).astype(np.float32)
    if rng.random() < 0.3:  # no further than the face itself, as with paint
        mask *= polygon(face.points[list(face_mesh.FACE_OVAL), :2])
    surface = random_surface(rng, donor.photo)
    if rng.random() < 0.25:
        surface = hair_surface(rng, donor.photo, donor.points)
    return Planted(soften(mask, rng.uniform(0.3, 3)), surface, cast_shadow(rng, mask))


def hair(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw a curtain of strands from the parting over one eye or both."""
    owner = face if rng.random() < 0.6 else donor
    is_both = rng.random() < 0.3
    eye = face.eyes[rng.integers(2)]
    middle = face.eyes.mean(0) if is_both else eye
    spread = rng.uniform(120, 170) if is_both else rng.uniform(45, 85)
    bottom = middle[1] + rng.uniform(35, 220)
    mask = np.zeros((FRAME, FRAME), np.float32)
    for _ in range(int(rng.integers(50, 140))):
        x = middle[0] + rng.uniform(-spread, spread)
        start = np.array([256 + (x - 256) * rng.uniform(0.3, 0.9), rng.uniform(20, 90)])
        end = np.array([x + rng.normal(0, 14), bottom + rng.normal(0, 22)])
        knee = np.array(
            [(start[0] + end[0]) / 2 + np.sign(x - 256) * rng.uniform(0, 30), (start[1] + end[1]) / 2]
        )
        t = np.linspace(0, 1, 12)[:, None]
        line = start * (1 - t) ** 2 + 2 * knee * t * (1 - t) + end * t**2
        cv2.polylines(mask, [line.astype(np.int32)], False, 1.0, int(rng.integers(3, 15)), cv2.LINE_AA)
    surface = hair_surface(rng, owner.photo, owner.points)
    return Planted(soften(mask, rng.uniform(0.4, 1.5)), surface, cast_shadow(rng, mask))


def thing(rng: Rng, face: Face, donor: Face) -> Planted:
    """Draw a phone, cup, ball, leaf: any blob or box before some part of the face."""
    centre = face.points[1, :2] + rng.normal(0, 60, 2)
    if rng.random() < 0.5:
        size = (rng.uniform(90, 300), rng.uniform(90, 240))
        mask = polygon(cv2.boxPoints(((float(centre[0]), float(centre[1])), size, rng.uniform(0, 180))))
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
        radii = rng.uniform(50, 160, len(angles))
        blob = centre + np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)
        mask = polygon(rounded(blob, 2))
    surface = random_surface(rng, donor.photo) * (1 + 0.15 * smooth_noise(rng, 150))[..., None]
    return Planted(soften(mask, rng.uniform(0.4, 2)), np.clip(surface, 0, 255), cast_shadow(rng, mask))


Draw = Callable[[Rng, Face, Face], Planted]
COVERS: dict[str, Draw] = {
    "eye_bar": eye_bar, "mask": face_mask, "hand": hand, "sunglasses": sunglasses,
    "half_face": half_face, "hair": hair, "thing": thing,
}  # fmt: skip
