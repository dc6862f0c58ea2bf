"""A drawing from anywhere (phone photo of paper, scan, drawing program) as a clean sketch.

The steps are small functions on float32 "reflectance" images, where 1 is bare paper and 0 is
full ink, so that each can be tested and looked at by itself.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UnsafeImage
from core.image_child import decode_in_child
from core.images import read_photo
from core.paper_sheet import cut_out_paper, shrink

FloatImage = NDArray[np.float32]
ByteImage = NDArray[np.uint8]

WORKING_SIDE = 1024
# Head of the alignment template, as fractions of the frame: top of the hair, tip of the chin, widest head.
HEAD_TOP, CHIN, HEAD_WIDTH = 0.07, 0.91, 0.86
MIN_INK_SHARE = 5e-4
_WHITE: ByteImage = np.full(3, 255, np.uint8)


def sketch_from_upload(data: bytes, size: int = 512) -> ByteImage:
    """Turn an uploaded picture of a drawing into black lines on white, framed like the template.

    Paper is found and straightened, white lines on dark are inverted, shadows and tints are divided
    away, specks dropped, and the head is placed where the face template has it. A square digital
    drawing that is already framed keeps its framing, so a downloaded drawing can be uploaded again.

    Parameters
    ----------
    data
        The bytes of an image file in any format that ``core.images.read_photo`` accepts.
    size
        Side of the result in pixels.

    Returns
    -------
    (size, size) uint8
        Black lines (0) on white (255).

    Raises
    ------
    UnsafeImage
        If the file is not an image, damaged, too large, takes too long to decode, or holds no lines.
    """
    picture = decode_in_child(_read_small, data)
    background = _WHITE if is_own_canvas(picture, size) else flat_background(picture)
    is_digital = background is not None
    if not is_digital:
        picture = _denoise(cut_out_paper(picture))
    if has_light_lines(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)):
        picture = 255 - picture
        background = None if background is None else 255 - background

    if background is not None:
        reflectance = reflectance_over(picture, background)
        if _has_colour(reflectance):
            reflectance = reflectance_over(picture, local_background(picture))
        tone = tone_of(reflectance)
    else:
        tone = drop_specks(stretch_ink(tone_of(reflectance_over(picture, local_background(picture)))))

    if float(np.mean(tone < 0.7)) < MIN_INK_SHARE:
        raise UnsafeImage(
            "No drawn lines were found in this picture: it is blank, too faint or not a drawing. "
            "Upload dark lines on light paper, or light lines on a dark ground."
        )
    if is_digital and is_framed(tone, size):
        framed = _resize(tone, size)
    else:
        framed = place_in_frame(tone, size)
    return np.round(np.clip(framed, 0, 1) * 255).astype(np.uint8)


def _read_small(data: bytes) -> ByteImage:
    return shrink(read_photo(data), WORKING_SIDE)


def is_own_canvas(picture: ByteImage, size: int) -> bool:
    """Whether this is a sketch in our own format: exactly the canvas's size, exactly grey, mostly white.

    A refined sketch has soft tones everywhere, so its ground is not one colour.
    """
    is_grey = picture.shape[:2] == (size, size) and bool(np.all(picture == picture[..., :1]))
    return is_grey and float(np.median(picture)) >= 200


def flat_background(picture: ByteImage) -> ByteImage | None:
    """Colour of the canvas, (3,) uint8, if more than half of the picture has it exactly, else None.

    Only a drawing program (or a scan clipped to white) has such a ground; paper under a lamp never does.
    """
    peak = np.array([np.bincount(picture[..., c].ravel(), minlength=256).argmax() for c in range(3)])
    share = np.mean(np.all(np.abs(picture.astype(np.int16) - peak) <= 1, axis=-1))
    return peak.astype(np.uint8) if share > 0.5 else None


def has_light_lines(grey: ByteImage) -> bool:
    """Whether the lines are lighter than their ground: decided by the sign of what sticks out locally.

    The overall brightness says nothing here: paper in a dim room is darker than chalk on a sunlit board.
    """
    border = np.concatenate([grey[:2].ravel(), grey[-2:].ravel(), grey[:, :2].ravel(), grey[:, -2:].ravel()])
    if np.mean(border >= 250) > 0.8:
        return False
    if np.mean(border <= 5) > 0.8:
        return True
    small = shrink(grey, 256)
    ground = cv2.medianBlur(small, 31)
    excess = small.astype(np.float32) - ground
    return float(np.sum(np.maximum(excess - 12, 0))) > 1.2 * float(np.sum(np.maximum(-excess - 12, 0)))


def local_background(picture: ByteImage) -> ByteImage:
    """The paper without its ink, (H, W, 3) uint8: lamp, shadow edges and tint stay, strokes go.

    A closing wider than any stroke removes the ink and keeps the step at a shadow's edge, which a
    large Gaussian would smear into a false line.
    """
    small = shrink(picture, 256)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    closed = cv2.GaussianBlur(cv2.medianBlur(closed, 11), (0, 0), 2)
    height, width = picture.shape[:2]
    return np.asarray(cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def reflectance_over(picture: ByteImage, background: ByteImage) -> FloatImage:
    """Picture divided by its background, (H, W, 3) float32 in [0, 1]; 1 is bare paper."""
    ground = np.maximum(background.astype(np.float32), 16)
    return np.clip(picture.astype(np.float32) / ground, 0, 1)


def tone_of(reflectance: FloatImage) -> FloatImage:
    """Grey of a coloured reflectance, (H, W) float32 in [0, 1], in which a yellow line is a line too.

    Luminance alone loses yellow and light blue pencils, so the darkest channel counts as much.
    """
    luminance = cv2.cvtColor(reflectance, cv2.COLOR_RGB2GRAY)
    return np.asarray((luminance + reflectance.min(axis=-1)) / 2, np.float32)


def stretch_ink(tone: FloatImage) -> FloatImage:
    """Soft threshold fitted to this sheet: paper grain to 1, the darker half of the ink to 0."""
    paper = float(np.median(tone))
    grain = 1.4826 * float(np.median(np.abs(tone - paper)))
    light = paper - max(0.08, 4 * grain)
    ink = tone[tone < light]
    if ink.size < MIN_INK_SHARE * tone.size:
        return np.ones_like(tone)
    dark = min(float(np.percentile(ink, 40)), light - 0.08)
    return np.clip((tone - dark) / (light - dark), 0, 1)


def drop_specks(tone: FloatImage) -> FloatImage:
    """Whiten dust, grain and what a sheet's edge or a shadow leaves at the border; strokes keep their soft rim."""
    height, width = tone.shape
    side = max(height, width)
    ink = (tone < 0.8).astype(np.uint8)
    # Strokes of a pencil break up into grains; neighbours within a little gap belong together.
    gap = max(3, side // 100) | 1
    joined = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    weight = np.bincount(labels.ravel(), weights=(ink > 0).ravel(), minlength=count)
    keep = weight > max(6.0, 4e-5 * side * side)
    for label in range(1, count):
        x, y, w, h, _ = stats[label]
        if x == 0 or y == 0 or x + w == width or y + h == height:
            hugs_border = min(w, h) < 0.03 * side  # the wedge that a shadow leaves there
            keep[label] &= not hugs_border and not _is_straight(labels[y : y + h, x : x + w] == label, side)
    keep[0] = False
    return np.where(keep[labels], tone, np.float32(1))


def is_framed(tone: FloatImage, size: int) -> bool:
    """Whether a square drawing already sits on the canvas as the template has it.

    A drawing of exactly the canvas's size is one of our own, however unfinished.
    """
    height, width = tone.shape
    if height != width:
        return False
    if height == size:
        return True
    left, top, right, bottom = (edge / height for edge in ink_box(tone))
    is_centred = abs((left + right) / 2 - 0.5) < 0.15 and abs((top + bottom) / 2 - 0.5) < 0.15
    return is_centred and bottom - top > 0.45


def place_in_frame(tone: FloatImage, size: int) -> FloatImage:
    """Scale and move the drawing so that its head fills the template's head, (size, size) float32.

    A neck and shoulders may run out of the frame at the bottom, as they do in the training photos.
    """
    left, top, right, bottom = ink_box(tone)
    chin, head_width = _chin_and_width(tone[top:bottom, left:right] < 0.7)
    scale = min((CHIN - HEAD_TOP) / max(chin, 1), HEAD_WIDTH / max(head_width, 1)) * size
    # What lies between hair and chin is centred; with the width as the limit it leaves room above and below.
    centre_y = top + chin / 2
    centre_x = _head_centre(tone[top : top + chin, left:right] < 0.7) + left
    target_y = size * (HEAD_TOP + CHIN) / 2
    matrix = np.array(
        [[scale, 0, size / 2 - scale * centre_x], [0, scale, target_y - scale * centre_y]], np.float32
    )
    if scale < 1:  # warpAffine does not average over what it skips
        tone = cv2.GaussianBlur(tone, (0, 0), 0.35 / scale)
    placed = cv2.warpAffine(
        tone, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0
    )
    ink = 1 - placed
    strength = float(np.percentile(ink[ink > 0.1], 75)) if np.any(ink > 0.1) else 1.0
    return np.asarray(1 - np.clip(ink * np.clip(1 / max(strength, 0.1), 1, 2.5), 0, 1), np.float32)


def ink_box(tone: FloatImage) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of the drawing; a stray mark or signature far off does not count."""
    ink = (tone < 0.7).astype(np.uint8)
    reach = max(3, max(tone.shape) // 12) | 1
    groups = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_RECT, (reach, reach)))
    count, labels = cv2.connectedComponents(groups)
    weight = np.bincount(labels.ravel(), weights=ink.ravel(), minlength=count)
    weight[0] = 0
    ys, xs = np.nonzero((weight > 0.06 * weight.max())[labels] & (ink > 0))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def _chin_and_width(ink: NDArray[np.bool_]) -> tuple[int, int]:
    """Row of the chin and width of the head in pixels, seen from the drawing's own box."""
    height, width = ink.shape
    reach = np.where(ink.any(1), width - ink[:, ::-1].argmax(1) - ink.argmax(1), 0).astype(np.float32)
    reach = cv2.GaussianBlur(reach[:, None], (1, 2 * (height // 40) + 1), 0)[:, 0]
    for row in range(int(height * 0.45), int(height * 0.9)):
        head = float(reach[:row].max())
        # An oval is half as wide as itself 93 % of the way down; a neck goes on from there.
        if reach[row] < 0.55 * head and height - row > 0.18 * row:
            return min(height, int(row / 0.93)), int(head)
    return height, width


def _head_centre(ink: NDArray[np.bool_]) -> float:
    columns = np.nonzero(ink.any(0))[0]
    return float(columns[0] + columns[-1] + 1) / 2


def _is_straight(component: NDArray[np.bool_], side: int) -> bool:
    points = np.argwhere(component).astype(np.float32)
    _, (length, thickness), _ = cv2.minAreaRect(points)
    return max(length, thickness) > 0.25 * side and min(length, thickness) < 0.03 * side


def _has_colour(reflectance: FloatImage) -> bool:
    return float(np.mean(reflectance.max(axis=-1) - reflectance.min(axis=-1) > 0.15)) > 0.01


def _denoise(picture: ByteImage) -> ByteImage:
    return np.asarray(cv2.bilateralFilter(cv2.medianBlur(picture, 3), 5, 25, 3), np.uint8)


def _resize(tone: FloatImage, size: int) -> FloatImage:
    if tone.shape == (size, size):
        return tone
    way = cv2.INTER_AREA if tone.shape[0] > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(tone, (size, size), interpolation=way), np.float32)
