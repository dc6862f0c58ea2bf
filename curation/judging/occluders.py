"""Things painted onto clear faces, so that a network learns what a covered face looks like.

Every shape follows the mesh of the face it is put on. ``python -m curation.train_coverage`` uses these;
how well that carries over to other shapes, other surfaces and real sunglasses and hats is what
``python -m tests.benchmarks.coverage_validity`` measures, with drawings of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from core import face_mesh
from core.face_frame import FRAME
from curation.judging.occluder_shapes import (
    Face,
    Planted,
    at,
    cast_shadow,
    in_blocks,
    polygon,
    rounded,
    roundness,
)
from curation.judging.occluder_textures import (
    Rng,
    hair_surface,
    random_surface,
    skin_surface,
    smooth_noise,
    soften,
)
from curation.judging.occluder_wear import sunglasses


def eye_bar(rng: Rng, face: Face, donor: Face) -> Planted:
    """A bar over the eyes: any surface, or the photo itself blurred or in blocks."""
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
    """A surgical or cloth mask from the nose's bridge to below the chin."""
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
    """Fingers and a palm before mouth, an eye, a cheek or the whole middle."""
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
    """One side, or the lower part, behind a straight or curved edge: a wall, a book, hair, paint."""
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
    """A curtain of strands from the parting over one eye or both."""
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
    """A phone, cup, ball, leaf: any blob or box before some part of the face."""
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
