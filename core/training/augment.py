"""Augment training pairs: damage and geometry of sketches, and what a discriminator is shown.

Every function takes its own ``numpy.random.Generator``, so that a sample is a pure function of (seed, step, place in
the batch) and training resumes exactly. Those for discriminators (DiffAugment, Zhao et al. 2020, arXiv 2006.10738)
take the random numbers themselves, so that real and fake can share them and several processes agree with one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.sketches import face_interior, mesh_strokes, soft_threshold


@dataclass(frozen=True)
class AugmentConfig:
    """How often and how strongly sketches are damaged; lengths are for 256 pixels.

    Attributes
    ----------
    edges, mesh, both
        Odds of the three kinds of sketch: edges of the photo; mesh strokes with edges outside the
        face; everything.
    max_rotation_deg, max_scale, max_shift_px
        Geometry shared by sketch and photo (the resized crop).
    warp_px
        Most that a smooth warp moves a line of the sketch alone.
    erase
        Chance of erasing 10-50 % of the connected strokes.
    hole, blur
        Chances of a white rectangle (cutout) and of a blurred sketch.
    outline_hair
        Chance of replacing hair strokes by their outline.
    empty_outside
        Chance that nothing but the face is drawn.
    """

    edges: float = 0.3
    mesh: float = 0.35
    both: float = 0.35
    max_rotation_deg: float = 5.0
    max_scale: float = 0.08
    max_shift_px: float = 6.0
    warp_px: float = 2.5
    erase: float = 0.35
    hole: float = 0.2
    blur: float = 0.1
    outline_hair: float = 0.15
    empty_outside: float = 0.08


@dataclass(frozen=True)
class Geometry:
    """An affine map (2, 3) shared by everything that belongs to one photo, and whether it is mirrored."""

    matrix: np.ndarray
    flip: bool

    def apply(self, image: np.ndarray, fill: int | None = None) -> np.ndarray:
        """Move a picture; beyond its border is ``fill``, or its own reflection."""
        size = image.shape[0]
        mode = cv2.BORDER_REFLECT_101 if fill is None else cv2.BORDER_CONSTANT
        value = (fill,) * 3 if fill is not None else (0, 0, 0)
        moved = cv2.warpAffine(image, self.matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=mode,
                               borderValue=value)  # fmt: skip
        return np.ascontiguousarray(moved[:, ::-1]) if self.flip else moved


def random_geometry(rng: np.random.Generator, size: int, config: AugmentConfig) -> Geometry:
    """Rotation, scale, shift and mirror image."""
    scale = size / 256
    angle = rng.uniform(-config.max_rotation_deg, config.max_rotation_deg)
    zoom = 1 + rng.uniform(-config.max_scale, config.max_scale)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, zoom)
    matrix[:, 2] += rng.uniform(-config.max_shift_px, config.max_shift_px, 2) * scale
    return Geometry(matrix, bool(rng.random() < 0.5))


def draw_sketch(
    rng: np.random.Generator, lines: np.ndarray, points: np.ndarray, config: AugmentConfig
) -> np.ndarray:
    """A sketch of a photo, with its own thresholds and its own choice of strokes: (S, S) uint8.

    Parameters
    ----------
    lines : (S, S) uint8
        ``line_map`` of the photo.
    points : (478, 2) float32
    """
    size = lines.shape[0]
    edges = soft_threshold(lines, rng.uniform(0.55, 0.80), rng.uniform(0.84, 0.96))
    odds = np.array([config.edges, config.mesh, config.both])
    kind = rng.choice(3, p=odds / odds.sum())
    if kind == 0 and config.edges < 1:
        sketch = edges
    else:
        interior = face_interior(points, size)
        if kind == 1:
            edges = np.maximum(edges, interior)
        sketch = np.minimum(
            edges, mesh_strokes(points, size, width=rng.uniform(1, 2.4) * size / 256, rng=rng)
        )
    luck = rng.random()
    if luck < config.outline_hair:
        sketch = outline_hair(rng, sketch, face_interior(points, size))
    elif luck < config.outline_hair + config.empty_outside:
        sketch = np.maximum(sketch, 255 - cv2.dilate(face_interior(points, size), np.ones((9, 9), np.uint8)))
    return sketch


def outline_hair(rng: np.random.Generator, sketch: np.ndarray, interior: np.ndarray) -> np.ndarray:
    """Erase the dense strokes outside the face and draw only their outline, as beginners draw hair.

    Parameters
    ----------
    sketch, interior : (S, S) uint8
        ``interior`` is 255 inside the face.
    """
    size = sketch.shape[0]
    scale = size / 256
    window = max(3, round(13 * scale)) | 1
    dense = (cv2.blur(255 - np.maximum(sketch, interior), (window, window)) > 28).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (window, window))
    dense = cv2.morphologyEx(cv2.morphologyEx(dense, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel)
    dense[interior > 128] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dense, connectivity=4)
    hair = np.isin(labels, [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > size * size * 0.01])
    hair = hair.astype(np.uint8)
    result = np.where(hair > 0, 255, sketch).astype(np.uint8)
    contours, _ = cv2.findContours(hair, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(result, contours, -1, 0, max(1, round(rng.uniform(1, 2.5) * scale)), cv2.LINE_AA)
    return result


def damage(rng: np.random.Generator, sketch: np.ndarray, config: AugmentConfig) -> np.ndarray:
    """Make a machine's sketch a person's: crooked, thicker or thinner, with strokes missing; (S, S) uint8.

    Parameters
    ----------
    sketch : (S, S) uint8
    """
    size = sketch.shape[0]
    scale = size / 256
    if rng.random() < 0.6:
        sketch = smooth_warp(rng, sketch, rng.uniform(0.3, 1) * config.warp_px * scale)
    luck = rng.random()
    if luck < 0.25:
        side = max(2, round(2 * scale))
        sketch = cv2.erode(sketch, np.ones((side, side), np.uint8))
    elif luck < 0.32:
        side = max(3, round(3 * scale))
        sketch = cv2.erode(sketch, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    elif luck < 0.5:
        sketch = np.clip(sketch.astype(np.int16) + rng.integers(30, 110), 0, 255).astype(np.uint8)
    if rng.random() < config.erase:
        sketch = erase_strokes(rng, sketch, rng.uniform(0.1, 0.5))
    if rng.random() < config.hole:
        sketch = cut_hole(rng, sketch)
    if rng.random() < config.blur:
        sketch = cv2.GaussianBlur(sketch, (0, 0), rng.uniform(0.5, 1.2) * scale)
    return sketch


def smooth_warp(rng: np.random.Generator, image: np.ndarray, most_px: float) -> np.ndarray:
    """Move every pixel by a smooth random field of at most ``most_px`` pixels."""
    size = image.shape[0]
    cells = int(rng.integers(4, 10))
    field = rng.uniform(-most_px, most_px, (cells, cells, 2)).astype(np.float32)
    field = cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    return cv2.remap(image, xs + field[..., 0], ys + field[..., 1], cv2.INTER_LINEAR, borderValue=255)


def erase_strokes(rng: np.random.Generator, sketch: np.ndarray, fraction: float) -> np.ndarray:
    """Erase ``fraction`` of the connected strokes (as counted) and a few round spots."""
    size = sketch.shape[0]
    count, labels = cv2.connectedComponents((sketch < 250).astype(np.uint8), connectivity=8)
    keep = rng.random(count) >= fraction
    keep[0] = True
    result = np.where(keep[labels], sketch, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 7))):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        cv2.circle(result, (x, y), int(rng.integers(size // 40, size // 12)), 255, -1)
    return result


def cut_hole(rng: np.random.Generator, sketch: np.ndarray) -> np.ndarray:
    """Blank a rectangle of 10-40 % of the side: a part that is not drawn yet."""
    size = sketch.shape[0]
    height, width = (int(v) for v in rng.integers(size // 10, size * 2 // 5, 2))
    top, left = int(rng.integers(0, size - height)), int(rng.integers(0, size - width))
    result = sketch.copy()
    result[top : top + height, left : left + width] = 255
    return result


NUMBERS = 7  # random numbers a sample


def diff_augment(sketch: Tensor, photo: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Colour, shift and cutout, the geometric ones on sketch and photo alike.

    Parameters
    ----------
    sketch, photo : (B, 1, S, S) and (B, 3, S, S) float32 in [-1, 1]
    numbers : (B, 7) float32, uniform in [0, 1)
    """
    photo = change_colours(photo, numbers)
    pair = shift_and_cut(torch.cat([sketch - 1, photo], 1), numbers)
    return pair[:, :1] + 1, pair[:, 1:]


def change_colours(photo: Tensor, numbers: Tensor) -> Tensor:
    """Brightness, saturation and contrast of (B, 3, S, S), by the first three of each row of ``numbers``."""
    u = numbers.to(photo.device)[:, :, None, None, None]
    photo = photo + (u[:, 0] - 0.5) * 0.6
    grey = photo.mean(1, keepdim=True)
    photo = grey + (photo - grey) * (0.5 + u[:, 1])
    mean = photo.mean((1, 2, 3), keepdim=True)
    return mean + (photo - mean) * (0.75 + 0.5 * u[:, 2])


def shift_and_cut(images: Tensor, numbers: Tensor) -> Tensor:
    """Shift (B, C, S, S) by up to a tenth of the side and blank a rectangle, by the last four ``numbers``.

    What comes in from outside, and the rectangle, is 0.
    """
    size = images.shape[-1]
    shift = (numbers[:, 3:5] - 0.5) * 0.2  # of the side
    theta = torch.zeros(len(numbers), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1
    theta[:, :, 2] = (shift * size).round() / size * 2
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float(), grid, mode="nearest", align_corners=False)

    axis = torch.arange(size, device=images.device) / size
    near_x = (axis[None] - numbers[:, 5:6].to(images.device)).abs() < 0.15
    near_y = (axis[None] - numbers[:, 6:7].to(images.device)).abs() < 0.15
    return moved * (~(near_y[:, :, None] & near_x[:, None, :]))[:, None].float()
