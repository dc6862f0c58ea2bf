"""Measure an aligned face: regions, expression, sharpness, light.

Sharpness is the energy of fine detail over that of coarser detail, around eyes, brows, nose and lips, in the aligned
photo at half its size: eyes are 70 px apart there, so a face blown up from fewer pixels has little fine
detail and says so. A ratio does not change with brightness or contrast. Noise would count as detail, so
what it adds is taken off: its strength is read from the finest diagonal pattern (the diagonal Haar
coefficients, as in Donoho & Johnstone 1994), which a face hardly has.

Nothing here may depend on the skin. Shadow and colour are read as ratios, which are the same on light and
on dark skin. Light from behind compares the background with what shows the light itself on any skin: the
whites of the eyes and the highlights. ``tests/benchmarks/judging_validity.py`` counts who is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from core import face_mesh
from core.face_frame import FRAME
from curation.align import Alignment, move_points
from curation.analysis.faces import FoundFace
from curation.library.records import Measurements
from curation.pose import HeadPose

SIDE = 256  # eyes are 70 px apart here, so that a face with 60 px between its eyes is not blown up
MIN_PIXELS = 12  # a region with fewer lies outside the frame

BROWS_LEFT = face_mesh.BROW_LEFT_UPPER + face_mesh.BROW_LEFT_LOWER
BROWS_RIGHT = face_mesh.BROW_RIGHT_UPPER + face_mesh.BROW_RIGHT_LOWER
LIPS = face_mesh.LIPS_OUTER_UPPER + face_mesh.LIPS_OUTER_LOWER


@dataclass(frozen=True)
class AlignedFace:
    """An aligned photo made small, and its mesh."""

    pixels: np.ndarray  # (256, 256, 3) uint8
    points: np.ndarray  # (478, 2) float32: in the small picture's pixels

    @classmethod
    def of(cls, aligned: np.ndarray, points: np.ndarray) -> AlignedFace:
        """Build from the aligned photo (512, 512, 3) uint8 and mesh points (478, 2 or 3) in its pixels."""
        if aligned.shape != (FRAME, FRAME, 3) or aligned.dtype != np.uint8:
            raise ValueError(f"expected an aligned photo (512, 512, 3) uint8, got {aligned.shape}")
        small = cv2.resize(aligned, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return cls(small, (points[:, :2] * (SIDE / FRAME)).astype(np.float32))

    @cached_property
    def luma(self) -> np.ndarray:
        """Compute the luma: (256, 256) float32 in [0, 1]."""
        grey: np.ndarray = cv2.cvtColor(self.pixels.astype(np.float32), cv2.COLOR_RGB2GRAY)
        grey *= 1 / 255
        return grey

    @cached_property
    def face(self) -> np.ndarray:
        """Mark the inside of the face's outline: (256, 256) bool."""
        return self.inside(face_mesh.FACE_OVAL)

    @cached_property
    def skin(self) -> np.ndarray:
        """Mark the face without eyes, brows and lips: (256, 256) bool."""
        mask = self.face.astype(np.uint8)
        for part in (face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT, BROWS_LEFT, BROWS_RIGHT, LIPS):
            cv2.fillConvexPoly(mask, self._hull(part), 0)
        return mask > 0

    @cached_property
    def background(self) -> np.ndarray:
        """Mark what lies around the head, above the shoulders: (256, 256) bool."""
        down = self.points[list(face_mesh.FACE_OVAL), 1]
        height = np.ptp(down)
        mask = self._around_face(1.3, 0.1 * height)
        mask[int(np.clip(down.max() - 0.15 * height, 0, SIDE)) :] = False
        return mask

    @cached_property
    def surroundings(self) -> np.ndarray:
        """Mark all but the face: (256, 256) bool."""
        return self._around_face(1.15)

    def _around_face(self, scale: float, lift: float = 0.0) -> np.ndarray:
        """All but the face's outline, which is made wider by ``scale`` and put ``lift`` px higher."""
        outline = self.points[list(face_mesh.FACE_OVAL)]
        centre = outline.mean(axis=0)
        wide = (outline - centre) * scale + centre - (0, lift)
        mask = np.ones((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(mask, np.round(cv2.convexHull(wide.astype(np.float32))).astype(np.int32), 0)
        return mask > 0

    def inside(self, *parts: tuple[int, ...], grow: int = 0) -> np.ndarray:
        """Draw a mask (256, 256) bool of the convex hulls of some mesh points, ``grow`` px wider."""
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for part in parts:
            cv2.fillConvexPoly(mask, self._hull(part), 1)
        if grow:
            mask = cv2.dilate(mask, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8))
        return mask > 0

    def values_inside(self, values: np.ndarray, part: tuple[int, ...]) -> np.ndarray:
        """Read the pixels of ``values`` (256, 256) in the hull of a small part, quicker than a whole mask."""
        hull = self._hull(part)
        left, top, width, height = cv2.boundingRect(hull)
        x, y = max(left, 0), max(top, 0)
        window = values[y : max(top + height, 0), x : max(left + width, 0)]
        mask = np.zeros(window.shape[:2], np.uint8)
        if mask.size:
            cv2.fillConvexPoly(mask, hull - np.array([x, y], np.int32), 1)
        return window[mask > 0]

    def _hull(self, part: tuple[int, ...]) -> np.ndarray:
        hull: np.ndarray = cv2.convexHull(self.points[list(part)].astype(np.int32))
        return hull


# Corners of an eye, then pairs of upper and lower lid; image-left eye first.
EYES = (
    ((33, 133), ((160, 144), (159, 145), (158, 153))),
    ((263, 362), ((387, 373), (386, 374), (385, 380))),
)
LIPS_INNER_MIDDLE = ((82, 87), (13, 14), (312, 317))
MOUTH_CORNERS = (78, 308)

CLOSED_EYE, OPEN_EYE = 0.08, 0.30  # height over width
WIDE_OPEN_MOUTH = 0.7
MAX_TURN_DEG = 60.0  # beyond it the far side is hidden and a correction would only blow up noise


def measure_eyes_open(points: np.ndarray, pose: HeadPose) -> float:
    """Measure the more closed eye: 0 closed, 1 open.

    Parameters
    ----------
    points : (478, 2 or 3) float
        Mesh points in the photo's pixels.
    pose
        Of the same head.
    """
    upright = _upright(points, pose)
    ratios = [
        np.mean([_length(upright, *pair) for pair in lids]) / max(_length(upright, *corners), 1e-6)
        for corners, lids in EYES
    ]
    return float(np.clip((min(ratios) - CLOSED_EYE) / (OPEN_EYE - CLOSED_EYE), 0, 1))


def measure_mouth_open(points: np.ndarray, pose: HeadPose) -> float:
    """Measure the gap between the lips over the mouth's width: 0 closed, 1 wide open; arguments as above."""
    upright = _upright(points, pose)
    gap = np.mean([_length(upright, *pair) for pair in LIPS_INNER_MIDDLE])
    return float(np.clip(gap / max(_length(upright, *MOUTH_CORNERS), 1e-6) / WIDE_OPEN_MOUTH, 0, 1))


def _upright(points: np.ndarray, pose: HeadPose) -> np.ndarray:
    """Points (478, 2) without roll, widths and heights as the face would show them from the front."""
    roll = np.radians(pose.roll)
    x, y = np.asarray(points, dtype=np.float64)[:, :2].T
    across = x * np.cos(roll) - y * np.sin(roll)
    down = x * np.sin(roll) + y * np.cos(roll)
    turns = np.clip(np.abs([pose.yaw, pose.pitch]), 0, MAX_TURN_DEG)
    return np.stack([across, down], axis=1) / np.cos(np.radians(turns))


def _length(points: np.ndarray, one: int, other: int) -> float:
    return float(np.linalg.norm(points[one] - points[other]))


FEATURES = (
    face_mesh.EYE_LEFT,
    face_mesh.EYE_RIGHT,
    BROWS_LEFT,
    BROWS_RIGHT,
    LIPS,
    face_mesh.NOSE_BASE,
)
FEATURE_MARGIN_PX = 3
MIDDLE_SIGMA, COARSE_SIGMA = 1.0, 2.0
FLOOR = (0.25 / 255) ** 2  # energy of a picture without detail: keeps the ratio of nothing to nothing low


def measure_sharpness(face: AlignedFace) -> float | None:
    """Compare fine over coarse detail: about 1 in focus, below 0.75 out of focus; ``None`` outside the frame."""
    features = face.inside(*FEATURES, grow=FEATURE_MARGIN_PX)
    if np.count_nonzero(features) < MIN_PIXELS or np.count_nonzero(face.face) < MIN_PIXELS:
        return None
    luma = face.luma
    middle = cv2.GaussianBlur(luma, (0, 0), MIDDLE_SIGMA)
    coarse = cv2.GaussianBlur(luma, (0, 0), COARSE_SIGMA)
    noise = noise_variance(luma, face.face)
    fine_energy = _energy(luma - middle, features) - noise * _FINE_GAIN
    coarse_energy = _energy(middle - coarse, features) - noise * _COARSE_GAIN
    return float(np.sqrt(max(fine_energy, 0.0) / (max(coarse_energy, 0.0) + FLOOR)))


def noise_variance(luma: np.ndarray, where: np.ndarray) -> float:
    """Estimate the variance of white noise in ``luma`` (H, W), H and W even, read where ``where`` (H, W) is true."""
    a, b, c, d = luma[::2, ::2], luma[::2, 1::2], luma[1::2, ::2], luma[1::2, 1::2]
    diagonal = np.abs(a - b - c + d)[where[::2, ::2]] / 2
    return float(np.median(diagonal) / 0.6745) ** 2


def _energy(band: np.ndarray, where: np.ndarray) -> float:
    return float(np.mean(band[where] ** 2))


def _gain(narrow: float, wide: float) -> float:
    """Energy that white noise of variance 1 leaves between two blurs (0 is none)."""
    impulse = np.zeros((41, 41), np.float32)
    impulse[20, 20] = 1
    sharp = cv2.GaussianBlur(impulse, (0, 0), narrow) if narrow else impulse
    return float(np.sum((sharp - cv2.GaussianBlur(impulse, (0, 0), wide)) ** 2))


_FINE_GAIN = _gain(0, MIDDLE_SIGMA)
_COARSE_GAIN = _gain(MIDDLE_SIGMA, COARSE_SIGMA)


# Parts of the skin on the picture's left and their mirror images: cheek, jaw, forehead, beside the nose,
# side of the nose, chin.
SKIN_PAIRS = (
    ((117, 118, 119, 120, 100, 142, 36, 205, 187, 147, 123),
     (346, 347, 348, 349, 329, 371, 266, 425, 411, 376, 352)),
    ((187, 207, 214, 192, 213, 147), (411, 427, 434, 416, 433, 376)),
    ((104, 69, 108, 151, 9, 107, 66, 105), (333, 299, 337, 151, 9, 336, 296, 334)),
    ((118, 100, 142, 203, 206, 205), (347, 329, 371, 423, 426, 425)),
    ((51, 45, 4, 5, 195, 3), (281, 275, 4, 5, 195, 248)),
    ((182, 194, 32, 140, 171, 175, 18, 83), (406, 418, 262, 369, 396, 175, 18, 313)),
)  # fmt: skip
DARK = 8 / 255  # added before logarithms, so that noise in black says little
RIM_PX = 13
WHITE_WALL = 0.14  # so much brighter may any background be: a white wall behind a well-lit face reads 0.28
TONES = 16
GREYSCALE = 1.6
LOCAL_SHARE = 0.4  # brows, beards and hair make parts differ without any shadow

# Fitted by tests/benchmarks/judging_validity.py --fit on faces under ordinary light: the mean of the four
# readings of `colour_readings`, the weights that make of them the best linear estimate of the light's
# colour (generalised least squares), and what whitens that estimate.
CAST_MEAN = np.array([0.6621, -0.3409, 0.4548, -0.1302, 0.1972, -0.2262, 0.2341, -0.1273])
CAST_WEIGHTS = np.array([
    (0.6045, 0.4414, 0.0758, -0.3762, 0.0391, -0.0445, 0.2806, -0.0208),
    (-0.3624, -0.4421, 0.2038, 0.7632, 0.0137, 0.0610, 0.1450, 0.6179),
])  # fmt: skip
CAST_WHITENING = np.array([(9.1251, 6.2567), (0.0, 7.6055)])

BLACK = 2e-3  # added before logarithms of linear light
_LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)
_LOG_LINEAR = np.log(_LINEAR + BLACK)


def measure_brightness(face: AlignedFace) -> float | None:
    """Compute the mean luma inside the face's outline, 0 to 1."""
    values = face.luma[face.face]
    return float(values.mean()) if values.size >= MIN_PIXELS else None


def measure_dynamic_range(face: AlignedFace) -> float | None:
    """Compute the 99th minus 1st percentile of the luma inside the face's outline, 0 to 1."""
    values = face.luma[face.face]
    return float(np.subtract(*np.percentile(values, [99, 1]))) if values.size >= MIN_PIXELS else None


def measure_shadow(face: AlignedFace) -> float | None:
    """Measure how unevenly the skin is lit: 0 evenly, 0.5 half as bright on one side, towards 1 black.

    The median over six pairs of mirrored parts (so that hair over one of them does not count), or the
    spread over all parts where that is more.
    """
    medians = []
    for pair in SKIN_PAIRS:
        values = [face.values_inside(face.luma, part) for part in pair]
        if min(len(part) for part in values) >= MIN_PIXELS:
            medians.append([float(np.median(part)) for part in values])
    if len(medians) < 3:
        return None
    sides = np.log(np.array(medians) + DARK)
    left_right = abs(float(np.median(sides[:, 0] - sides[:, 1])))
    ordered = np.sort(sides, axis=None)
    spread = float(ordered[-2] - ordered[1])
    return float(1 - np.exp(-max(left_right, LOCAL_SHARE * spread)))


def measure_backlight(face: AlignedFace) -> float | None:
    """Measure how much brighter the background is than the light on the face, 0 to 1.

    The face's brightest parts alone would be darker on darker skin before the same wall: of 60 black people
    cut out and put before a white one 10 % were rejected for that, of 90 others none. The light on the face
    is read half from the whites of the eyes and half from highlights well inside the outline (where light
    from behind draws a bright rim): then it is none of either, and 96 % of true back light is still found.
    The rim itself is not measured, as without it none of 933 clear faces of any group is rejected
    (``tests.benchmarks.group_rates``).
    """
    behind = face.luma[face.background]
    eyes = face.luma[face.inside(face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT)]
    inner = face.luma[cv2.erode(face.face.astype(np.uint8), np.ones((RIM_PX, RIM_PX), np.uint8)) > 0]
    if min(behind.size, eyes.size, inner.size) < MIN_PIXELS:
        return None
    light = (np.percentile(eyes, 95) + np.percentile(inner, 99.5)) / 2
    return float(np.clip(np.percentile(behind, 75) - light - WHITE_WALL, 0, 1))


def measure_chroma(face: AlignedFace) -> float | None:
    """Measure how much colours differ among parts of the face that are equally bright, in units of CIELAB.

    Greyscale has none, and one tint over all of it (sepia) hardly any: 1.5 at most, where 2 300 colour photos
    have 3.4 and more.
    """
    pixels = face.pixels[::2, ::2][face.face[::2, ::2]]
    if len(pixels) < TONES * MIN_PIXELS:
        return None
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    by_tone = lab[np.argsort(lab[:, 0])][: len(lab) // TONES * TONES, 1:].reshape(TONES, -1, 2)
    apart = by_tone - np.median(by_tone, axis=1, keepdims=True)
    return float(np.sqrt((apart**2).sum(axis=2).mean()))


def measure_drawn(face: AlignedFace) -> float | None:
    """Measure the part of the skin without any grain, 0 to 1: flat colour and bare paper of drawings and cartoons.

    Of 600 photos the smoothest has 0.13, of poor JPEGs (quality 10) 0.42. Paintings and statues have grain
    and are not told by this.
    """
    grey = cv2.cvtColor(face.pixels, cv2.COLOR_RGB2GRAY)
    block = np.ones((3, 3), np.uint8)
    values = (cv2.dilate(grey, block) - cv2.erode(grey, block))[face.skin]
    return float((values <= 1).mean()) if values.size >= MIN_PIXELS else None


def measure_colour_cast(face: AlignedFace) -> float | None:
    """Measure the distance of the light's colour from ordinary light, in standard deviations of ordinary photos.

    ``None`` for greyscale, which says nothing of the light.

    Skin alone cannot tell: its own colour varies. Whites of the eyes, highlights and surroundings move
    the same way as the skin when the light is coloured, and differently when it is not.
    """
    chroma, readings = measure_chroma(face), colour_readings(face)
    if readings is None or chroma is None or chroma < GREYSCALE:
        return None
    light = CAST_WEIGHTS @ (readings - CAST_MEAN)
    return float(np.linalg.norm(CAST_WHITENING @ light))


def colour_readings(face: AlignedFace) -> np.ndarray | None:
    """Compute log R/G and log B/G, in linear light, of skin, whites of the eyes, surroundings, highlights: (8,)."""
    eyes = face.inside(face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT)
    pixels, luma = face.pixels[::2, ::2], face.luma[::2, ::2]  # medians need no more
    skin, around = face.skin[::2, ::2], face.surroundings[::2, ::2]
    if any(np.count_nonzero(region) < MIN_PIXELS for region in (eyes, skin, around)):
        return None
    eye_luma = face.luma[eyes]
    whites = face.pixels[eyes][eye_luma >= np.percentile(eye_luma, 70)]
    highlights = pixels[luma >= np.percentile(luma, 95)]
    return np.concatenate([
        _median_colour(pixels[skin]),
        _mean_colour(whites),
        _median_colour(pixels[around]),
        _mean_colour(highlights),
    ])  # fmt: skip


def _median_colour(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = _LOG_LINEAR[pixels].T
    return np.array([np.median(red - green), np.median(blue - green)])


def _mean_colour(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = np.log(_LINEAR[pixels].mean(axis=0) + BLACK)
    return np.array([red - green, blue - green])


VERSION = 2
DIGITS = 4
FRAME_PX, FRAME_BLACK = 256, 24
FRAME_NOISE = 12  # grey levels within a row of a border that was stored as JPEG


def measure_face(
    photo: np.ndarray, found: FoundFace, aligned: np.ndarray, alignment: Alignment
) -> Measurements:
    """Measure everything but what covers face and head, which take a network (`curation.analysis.embedding`).

    Parameters
    ----------
    photo : (H, W, 3) uint8
        The upright source.
    found
        Its largest face.
    aligned : (512, 512, 3) uint8
        The photo through ``alignment``.
    """
    face = AlignedFace.of(aligned, move_points(found.points, alignment.matrix))
    return Measurements(
        faces=found.faces,
        eye_distance_px=_rounded(face_mesh.eye_distance(found.points)),
        yaw=_rounded(found.pose.yaw),
        pitch=_rounded(found.pose.pitch),
        roll=_rounded(found.pose.roll),
        roll_aligned=_rounded((found.pose.roll + turn_of(alignment.matrix) + 180) % 360 - 180),
        sharpness=_rounded(measure_sharpness(face)),
        brightness=_rounded(measure_brightness(face)),
        dynamic_range=_rounded(measure_dynamic_range(face)),
        shadow=_rounded(measure_shadow(face)),
        backlight=_rounded(measure_backlight(face)),
        colour_cast=_rounded(measure_colour_cast(face)),
        eyes_open=_rounded(measure_eyes_open(found.points, found.pose)),
        mouth_open=_rounded(measure_mouth_open(found.points, found.pose)),
        padding=_rounded(alignment.padding),
        stretch=_rounded(alignment.stretch),
        width=int(photo.shape[1]),
        height=int(photo.shape[0]),
        frame=_rounded(measure_frame(photo)),
        chroma=_rounded(measure_chroma(face)),
        drawn=_rounded(measure_drawn(face)),
        hidden=0.0,
    )


def measure_frame(photo: np.ndarray) -> float:
    """Measure the part of a picture that is a border: of any colour all around, or black at two opposite sides.

    A plain wall reaches the top and both sides of a portrait, never all of the bottom.
    """
    factor = min(FRAME_PX / max(photo.shape[:2]), 1.0)
    size = [max(round(side * factor), 1) for side in photo.shape[1::-1]]
    grey = cv2.cvtColor(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    rows = np.flatnonzero(np.ptp(grey, axis=1) > FRAME_NOISE)
    if not rows.size:
        return 1.0
    inner = grey[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(np.ptp(inner, axis=0) > FRAME_NOISE)
    top, bottom = rows[0], grey.shape[0] - 1 - rows[-1]
    left, right = columns[0], grey.shape[1] - 1 - columns[-1]
    is_around = min(top, bottom, left, right) > 0
    has_bars = min(top, bottom) > 0 and max(grey[0].max(), grey[-1].max()) < FRAME_BLACK
    has_pillars = min(left, right) > 0 and max(inner[:, 0].max(), inner[:, -1].max()) < FRAME_BLACK
    down = len(inner) / grey.shape[0] if is_around or has_bars else 1.0
    across = (columns[-1] + 1 - columns[0]) / grey.shape[1] if is_around or has_pillars else 1.0
    return float(1.0 - down * across)


def turn_of(matrix: np.ndarray) -> float:
    """Compute the degrees, counter-clockwise in the picture, that an affine (2, 3) turns by, beside its stretch."""
    left, _, right = np.linalg.svd(matrix[:, :2])
    rotation = left @ right
    return float(np.degrees(np.arctan2(-rotation[1, 0], rotation[0, 0])))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS)
