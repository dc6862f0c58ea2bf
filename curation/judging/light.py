"""How a face is lit: brightness, range, shadow, light from behind, colour of the light.

Nothing here may depend on the skin. Shadow and colour are read as ratios, which are the same on light and
on dark skin. Light from behind compares the background with what shows the light itself on any skin: the
whites of the eyes and the highlights. ``tests/benchmarks/judging_validity.py`` counts who is rejected.
"""

from __future__ import annotations

import cv2
import numpy as np

from core import face_mesh
from curation.judging.regions import MIN_PIXELS, AlignedFace

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
    """Mean luma inside the face's outline, 0 to 1."""
    values = face.luma[face.face]
    return float(values.mean()) if values.size >= MIN_PIXELS else None


def measure_dynamic_range(face: AlignedFace) -> float | None:
    """99th minus 1st percentile of the luma inside the face's outline, 0 to 1."""
    values = face.luma[face.face]
    return float(np.subtract(*np.percentile(values, [99, 1]))) if values.size >= MIN_PIXELS else None


def measure_shadow(face: AlignedFace) -> float | None:
    """How unevenly the skin is lit: 0 evenly, 0.5 half as bright on one side, towards 1 black.

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
    """How much brighter the background is than the light on the face, 0 to 1.

    The face's brightest parts alone would be darker on darker skin before the same wall: of 60 black people
    cut out and put before a white one 10 % were rejected for that, of 90 others none. The light on the face
    is read half from the whites of the eyes and half from highlights well inside the outline (where light
    from behind draws a bright rim): then it is none of either, and 96 % of true back light is still found.
    """
    behind = face.luma[face.background]
    eyes = face.luma[face.inside(face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT)]
    inner = face.luma[cv2.erode(face.face.astype(np.uint8), np.ones((RIM_PX, RIM_PX), np.uint8)) > 0]
    if min(behind.size, eyes.size, inner.size) < MIN_PIXELS:
        return None
    light = (np.percentile(eyes, 95) + np.percentile(inner, 99.5)) / 2
    return float(np.clip(np.percentile(behind, 75) - light - WHITE_WALL, 0, 1))


def measure_chroma(face: AlignedFace) -> float | None:
    """How much colours differ among parts of the face that are equally bright, in units of CIELAB.

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
    """Part of the skin without any grain, 0 to 1: flat colour and bare paper of drawings and cartoons.

    Of 600 photos the smoothest has 0.13, of poor JPEGs (quality 10) 0.42. Paintings and statues have grain
    and are not told by this.
    """
    grey = cv2.cvtColor(face.pixels, cv2.COLOR_RGB2GRAY)
    block = np.ones((3, 3), np.uint8)
    values = (cv2.dilate(grey, block) - cv2.erode(grey, block))[face.skin]
    return float((values <= 1).mean()) if values.size >= MIN_PIXELS else None


def measure_colour_cast(face: AlignedFace) -> float | None:
    """Distance of the light's colour from ordinary light, in standard deviations of ordinary photos.

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
    """log R/G and log B/G, in linear light, of skin, whites of the eyes, surroundings, highlights: (8,)."""
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
