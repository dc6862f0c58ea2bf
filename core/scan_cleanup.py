"""A drawing from anywhere (phone photo of paper, scan, drawing program) as a clean sketch.

The steps are small functions on float32 "reflectance" images, where 1 is bare paper and 0 is
full ink, so that each can be tested and looked at by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core import face_mesh
from core.drawn_face import Matrix, find_drawn_face, is_on_template, matrix_from_anchors
from core.errors import UnsafeImage
from core.face_frame import alignment_targets
from core.image_child import decode_in_child
from core.images import flatten_over_white, read_photo
from core.scan_sheet import cut_out_paper, shrink
from core.sketches import line_map, sketch_from_photo, soft_threshold

PlacedBy = Literal["face", "hand", "ink", "frame"]
FloatImage = NDArray[np.float32]
ByteImage = NDArray[np.uint8]

WORKING_SIDE = 1024
FAR_SIDES = 4  # of the picture: eyes and mouth that are put by hand lie within so many of its sides
# Head of the alignment template, as fractions of the frame: top of the hair, tip of the chin, widest head.
HEAD_TOP, CHIN, HEAD_WIDTH = 0.07, 0.91, 0.86
MIN_INK_SHARE = 5e-4
SHADED_SHARE = 0.06
RULES_MIN = 6  # level lines at even distances that make ruled paper
_WHITE: ByteImage = np.full(3, 255, np.uint8)


@dataclass(frozen=True)
class PaperDrawing:
    """A drawing read from a picture, and where its face was put."""

    sketch: ByteImage  # (S, S) uint8: black lines (0) on white (255), framed like the template
    # (H, W, 3) uint8: the drawing before it was moved: upright, cut out of its table, dark on light.
    source: ByteImage
    # (H, W) float32 or None: its lines, 1 is paper; None for a shaded drawing, whose lines are taken from what is on
    # the template.
    tone: FloatImage | None
    matrix: Matrix  # (2, 3) float64: pixels of ``source`` to pixels of ``sketch``
    # Eyes and mouth that were found (``face``) or put by hand (``hand``), the outline of the ink (``ink``), or
    # ``frame``: it was on the template already.
    placed_by: PlacedBy

    @property
    def is_shaded(self) -> bool:
        """Tell whether it is drawn in tones rather than lines."""
        return self.tone is None

    @property
    def anchors(self) -> NDArray[np.float64]:
        """Give what of ``source`` lies on the template's eyes and mouth, (3, 2)."""
        linear, shift = self.matrix[:, :2], self.matrix[:, 2]
        targets = alignment_targets(self.sketch.shape[0]).astype(np.float64)
        return np.asarray(np.linalg.solve(linear, (targets - shift).T).T)

    def moved(self, anchors: NDArray[np.floating]) -> PaperDrawing | None:
        """Give the same drawing with its eyes and mouth put by hand, (3, 2) in pixels of ``source``.

        None if the three points make no face, or lie far from the picture.
        """
        size = self.sketch.shape[0]
        # Of points that are very far apart nothing is left, and blurring it away would take for ever.
        if not (np.abs(anchors) <= FAR_SIDES * max(self.source.shape[:2])).all():
            return None
        matrix = matrix_from_anchors(anchors, size)
        return None if matrix is None else _placed(self.source, self.tone, matrix, "hand", size)


def read_drawing(data: bytes, size: int = 512) -> PaperDrawing:
    """Read an uploaded picture of a drawing as black lines on white, framed like the template.

    Paper is found and straightened, white lines on dark are inverted, shadows and tints are divided away and
    specks dropped. A drawing in tones (shaded pencil, wash, a photo) is taken through the line extraction that
    training photos went through. Eyes and mouth go where the face template has them; where none are found,
    the head's outline does. A square digital drawing that is already framed keeps its framing, so a downloaded
    drawing can be uploaded again.

    Parameters
    ----------
    data
        The bytes of an image file in any format that ``core.images.read_photo`` accepts.
    size
        Side of the result in pixels.

    Raises
    ------
    UnsafeImage
        If the file is not an image, damaged, too large, takes too long to decode, or holds no lines.
    """
    return drawing_from_picture(decode_in_child(_read_small, data), size)


def drawing_from_picture(picture: ByteImage, size: int = 512) -> PaperDrawing:
    """Give the same from pixels (H, W, 3) uint8.

    Raises
    ------
    UnsafeImage
        If the picture holds no lines.
    """
    picture = shrink(picture, WORKING_SIDE)
    is_own = is_own_canvas(picture, size)
    background = _WHITE if is_own else flat_background(picture)
    is_digital = background is not None
    if not is_digital:
        picture = cut_out_paper(picture)
    if has_light_lines(_grey(picture)):
        picture = 255 - picture
        background = None if background is None else 255 - background
    tone = _digital_tone(picture, background) if background is not None else _paper_tone(_denoise(picture))
    if float(np.mean(tone < 0.7)) < MIN_INK_SHARE:
        raise UnsafeImage(
            "No drawn lines were found in this picture: it is blank, too faint or not a drawing. "
            "Upload dark lines on light paper, or light lines on a dark ground."
        )
    lines = None if not is_own and is_shaded(picture) else tone
    points = None if is_own else find_drawn_face(picture)
    if (
        is_digital
        and is_framed(tone, size)
        and (points is None or is_on_template(face_mesh.anchors(points), len(tone)))
    ):
        scale = size / len(tone)
        as_it_is = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5]])
        return _placed(picture, lines, as_it_is, "frame", size)
    if points is not None and (matrix := matrix_from_anchors(face_mesh.anchors(points), size)) is not None:
        return _placed(picture, lines, matrix, "face", size)
    matrix, placed_by = find_fit(tone, size)
    return _placed(picture, lines, matrix, placed_by, size)


def find_fit(tone: FloatImage, size: int) -> tuple[Matrix, PlacedBy]:
    """Fit the affine that takes a drawing onto the template, and what it goes by, wherever and however small it is.

    Parameters
    ----------
    tone : (H, W) float32
        Lines with ink in them; 1 is paper.
    """
    by_ink = ink_matrix(tone, size)
    framed = np.round(warp_tone(tone, by_ink, size) * 255).astype(np.uint8)
    points = find_drawn_face(np.repeat(framed[..., None], 3, axis=2))
    onto = None if points is None else matrix_from_anchors(face_mesh.anchors(points), size)
    if onto is None:
        return by_ink, "ink"
    linear = onto[:, :2] @ by_ink[:, :2]
    return np.column_stack([linear, onto[:, :2] @ by_ink[:, 2] + onto[:, 2]]), "face"


def _placed(
    source: ByteImage,
    tone: FloatImage | None,
    matrix: Matrix,
    placed_by: PlacedBy,
    size: int,
) -> PaperDrawing:
    if tone is None:
        sketch = lines_of_shading(source, matrix, size)
    else:
        framed = _resize(tone, size) if placed_by == "frame" else warp_tone(tone, matrix, size)
        sketch = np.round(np.clip(framed, 0, 1) * 255).astype(np.uint8)
    return PaperDrawing(sketch, source, tone, matrix, placed_by)


def _digital_tone(picture: ByteImage, background: ByteImage) -> FloatImage:
    reflectance = reflectance_over(picture, background)
    if _has_colour(reflectance):
        reflectance = reflectance_over(picture, local_background(picture))
    tone = drop_ruling(tone_of(reflectance))
    return tone if np.mean(tone < 0.7) >= MIN_INK_SHARE else stretch_ink(tone, faintest=0.04)


def _paper_tone(picture: ByteImage) -> FloatImage:
    tone = drop_ruling(tone_of(reflectance_over(picture, local_background(picture))))
    return drop_specks(np.minimum(stretch_ink(tone), faint_strokes(tone)))


def is_shaded(picture: ByteImage) -> bool:
    """Tell whether a drawing lives by its tones: grey over areas, where a line drawing has thin ink on paper.

    What is left of it when strokes of up to 2.5 % of the picture are closed, on paper that the lamp may
    light unevenly. Thirty pencil portraits have .065 to .54 of their area in such tones, nine line drawings
    none, and shadows are lighter than what counts.
    """
    small = shrink(picture, 256)
    grey = cv2.GaussianBlur(_grey(small), (0, 0), 0.7).astype(np.float32)
    reflectance = np.asarray(np.clip(grey / np.maximum(lamp_light(grey), 16), 0, 1), np.float32)
    if not np.any(reflectance < 0.7):
        return False
    left, top, right, bottom = ink_box(reflectance)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    closed = cv2.morphologyEx(reflectance, cv2.MORPH_CLOSE, kernel)[top:bottom, left:right]
    return float(np.mean((closed > 0.25) & (closed < 0.7))) > SHADED_SHARE


def lamp_light(grey: FloatImage) -> FloatImage:
    """How the lamp lights bare paper, (H, W) float32: a smooth surface over the picture's bright pixels.

    A quadratic that is fitted again and again to what does not lie below it; unlike `local_background` it
    does not follow an area of hair or shading.
    """
    small = cv2.dilate(cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA), np.ones((3, 3), np.uint8))
    y, x = np.mgrid[-1:1:64j, -1:1:64j].reshape(2, -1)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    values = small.ravel().astype(np.float64)
    is_paper = values >= np.median(values)
    for _ in range(12):
        fit = terms @ np.linalg.lstsq(terms[is_paper], values[is_paper], rcond=None)[0]
        excess = values - fit
        is_paper = excess > -max(4.0, float(np.std(excess[is_paper])))
    height, width = grey.shape
    return np.asarray(cv2.resize(fit.reshape(64, 64).astype(np.float32), (width, height)), np.float32)


def lines_of_shading(picture: ByteImage, matrix: Matrix, size: int) -> ByteImage:
    """Lines of a drawing in tones, taken on the template as those of training photos: (size, size) uint8.

    Its edges and, where the landmarker sees the face, the strokes of its mesh.
    """
    shrinks = float(np.linalg.svd(matrix[:, :2])[1].min())
    soft = picture if shrinks >= 1 else cv2.GaussianBlur(picture, (0, 0), 0.35 / shrinks)
    on_template = cv2.warpAffine(
        soft, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    aligned = np.asarray(on_template, np.uint8)
    outside = cv2.warpAffine(np.zeros(picture.shape[:2], np.uint8), matrix, (size, size), borderValue=255)
    points = find_drawn_face(aligned)
    if points is not None and is_on_template(face_mesh.anchors(points), size, within_px=40):
        sketch = sketch_from_photo(aligned, points)
    else:
        sketch = soft_threshold(line_map(aligned))
    return np.asarray(
        np.maximum(sketch, outside), np.uint8
    )  # beyond the picture there is only its border, drawn out


def _read_small(data: bytes) -> ByteImage:
    return shrink(read_photo(data, flatten=flatten_drawing), WORKING_SIDE)


def flatten_drawing(rgba: ByteImage) -> ByteImage:
    """Lay a transparent drawing over what its lines stand out from: white, or black for light lines."""
    visible = rgba[..., 3] >= 128
    if np.mean(visible) > 0.5 or not visible.any():
        return flatten_over_white(rgba)
    if np.median(_grey(rgba[..., :3])[visible]) < 170:
        return flatten_over_white(rgba)
    return np.asarray((rgba[..., :3].astype(np.uint16) * rgba[..., 3:] + 127) // 255, np.uint8)


def is_own_canvas(picture: ByteImage, size: int) -> bool:
    """Tell whether this is a sketch in our own format: exactly the canvas's size, exactly grey, mostly white.

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
    """Tell whether the lines are lighter than their ground: decided by the sign of what sticks out locally.

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
    """Estimate the paper without its ink, (H, W, 3) uint8: lamp, shadow edges and tint stay, strokes go.

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


def stretch_ink(tone: FloatImage, *, faintest: float = 0.08) -> FloatImage:
    """Soft threshold fitted to this sheet: paper grain to 1, the darker half of the ink to 0.

    ``faintest`` is how much darker than paper ink must be at least.
    """
    paper = float(np.median(tone))
    grain = 1.4826 * float(np.median(np.abs(tone - paper)))
    light = paper - max(faintest, 4 * grain)
    ink = tone[tone < light]
    if ink.size < MIN_INK_SHARE * tone.size:
        return np.ones_like(tone)
    dark = min(float(np.percentile(ink, 40)), light - 0.08)
    return np.clip((tone - dark) / (light - dark), 0, 1)


def faint_strokes(tone: FloatImage) -> FloatImage:
    """Recover what was drawn with hardly any pressure, as dark lines: (H, W) float32, 1 is paper.

    A stroke a few grey levels darker than its paper drowns in the grain pixel by pixel, yet not along its
    length: the sheet is blurred a little, and only what is long counts.
    """
    side = max(tone.shape)
    soft = np.asarray(cv2.GaussianBlur(tone, (0, 0), max(1.0, side / 600)), np.float32)
    paper = float(np.median(soft))
    grain = 1.4826 * float(np.median(np.abs(soft - paper)))
    light = paper - max(0.035, 5 * grain)
    ink = (soft < light).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h = stats[:, : cv2.CC_STAT_AREA].T
    length = np.hypot(w, h)
    thickness = stats[:, cv2.CC_STAT_AREA] / np.maximum(length, 1)
    is_inside = (x > 0) & (y > 0) & (x + w < tone.shape[1]) & (y + h < tone.shape[0])
    keep = is_inside & (length > 0.04 * side) & (thickness < 0.04 * side)
    return np.where(keep[labels], np.clip(1 - (light - soft) / 0.05, 0, 0.5), np.float32(1))


def drop_ruling(tone: FloatImage) -> FloatImage:
    """Whiten the lines of ruled or squared paper; strokes that cross them stay whole."""
    across = _drop_level_lines(tone)
    return np.ascontiguousarray(_drop_level_lines(across.T).T)


def _drop_level_lines(tone: FloatImage) -> FloatImage:
    """Without level straight lines from side to side, if there are several at even distances."""
    height, width = tone.shape
    if min(height, width) < 100:
        return tone
    ink = (tone < min(0.96, float(np.median(tone)) - 0.03)).astype(np.uint8)
    found = cv2.HoughLinesP(
        ink, 1, np.pi / 720, threshold=width // 4, minLineLength=0.4 * width, maxLineGap=0.04 * width
    )
    if found is None:
        return tone
    x1, y1, x2, y2 = found.reshape(-1, 4).T.astype(np.float64)
    slope = (y2 - y1) / np.where(x2 == x1, np.inf, x2 - x1)
    level = (np.abs(slope) < 0.1) & (x1 != x2)
    if level.sum() < RULES_MIN:
        return tone
    slope, middle = slope[level], (y1 + slope * (width / 2 - x1))[level]
    order = np.argsort(middle)
    slope, middle = slope[order], middle[order]
    starts = np.nonzero(np.diff(middle, prepend=-np.inf) > 0.008 * height)[0]
    rules = np.array([np.median(part) for part in np.split(middle, starts[1:])])
    gaps = np.diff(rules)
    if len(rules) < RULES_MIN or np.mean(np.abs(gaps - np.median(gaps)) < 0.15 * np.median(gaps)) < 0.6:
        return tone
    thickness = max(1, height // 340)
    mask = np.zeros(tone.shape, np.uint8)
    for tilt, y in zip(slope, middle, strict=True):
        left, right = round(y - tilt * width / 2), round(y + tilt * width / 2)
        cv2.line(mask, (0, left), (width - 1, right), 1, 2 * thickness + 1)
    on_rules = tone[(mask > 0) & (ink > 0)]
    is_rule = (mask > 0) & (tone > float(np.median(on_rules)) - 0.12)  # what is darker was drawn over it
    upright = np.ones((2 * thickness + 3, 1), np.uint8)
    return np.where(is_rule, cv2.morphologyEx(tone, cv2.MORPH_CLOSE, upright), tone)


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
    """Tell whether a square drawing already sits on the canvas as the template has it.

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


def ink_matrix(tone: FloatImage, size: int) -> Matrix:
    """Scale and shift that let the drawing's head fill the template's head, (2, 3).

    A neck and shoulders may run out of the frame at the bottom, as they do in the training photos.
    """
    left, top, right, bottom = ink_box(tone)
    chin, head_width = _chin_and_width(tone[top:bottom, left:right] < 0.7)
    scale = min((CHIN - HEAD_TOP) / max(chin, 1), HEAD_WIDTH / max(head_width, 1)) * size
    # What lies between hair and chin is centred; with the width as the limit it leaves room above and below.
    centre_y = top + chin / 2
    centre_x = _head_centre(tone[top : top + chin, left:right] < 0.7) + left
    target_y = size * (HEAD_TOP + CHIN) / 2
    return np.array([[scale, 0, size / 2 - scale * centre_x], [0, scale, target_y - scale * centre_y]])


def warp_tone(tone: FloatImage, matrix: Matrix, size: int) -> FloatImage:
    """Lines moved by an affine, (size, size) float32, as dark as they were before."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 1:  # warpAffine does not average over what it skips
        tone = np.asarray(cv2.GaussianBlur(tone, (0, 0), 0.35 / scale), np.float32)
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


def _grey(picture: ByteImage) -> ByteImage:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _denoise(picture: ByteImage) -> ByteImage:
    return np.asarray(cv2.bilateralFilter(cv2.medianBlur(picture, 3), 5, 25, 3), np.uint8)


def _resize(tone: FloatImage, size: int) -> FloatImage:
    if tone.shape == (size, size):
        return tone
    way = cv2.INTER_AREA if tone.shape[0] > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(tone, (size, size), interpolation=way), np.float32)
