"""Find the face of a picture, small ones too, and look at it a second time where that pays.

MediaPipe's detector sees the picture at 128 px and finds a portrait that fills a fifth of the longer
side, never one of a tenth. So where the whole picture shows nothing (or something tiny), overlapping
tiles are looked at, on two levels; what a tile shows counts only if a crop around it shows it again.

The second look, at a square crop centred on the face, gives a small or off-centre face the landmarks
and pose that it would have as a portrait. A face that fills a centred picture anyway is spared it:
it would change nothing but the time, and its pose is measured as if centred (`curation.pose`).

Turned pictures: the detector alone takes half a millisecond and is surest of a face that is upright, so
it decides among the four quarter turns.

Bounded work, three times at most (for a turned picture): one look at the picture, at most nine tiles of the
first level and, if these show nothing, 25 of the second, and `MAX_CANDIDATES` crops.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.face_mesh import FACE_POINTS
from core.landmarks import FaceLandmarker
from curation.pose import HeadPose, head_pose

VERSION = 2
SEEN_PX = 1024  # pictures are looked at with a longer side of this to twice this: the detector sees 128 px
TILE_PX = 256  # to twice this
TINY = 0.15  # face over longer side: below it, tiles may show larger or more faces
CENTRED = 0.45  # face over longer side, from which a picture is a portrait that needs no second look
OFF_CENTRE = 0.15  # centre of the face from that of the picture, over the longer side
CROP_SCALE = 1.7  # side of the crop over the mesh's longer side
CROP_PX = 512  # to twice this
MAX_CANDIDATES = 5
CONFIDENCE_PX = 256  # to twice this
UPRIGHT_CONFIDENCE = 0.88  # from here a face is upright: of 257 that stood on their heads none had over .84
MEMBER_SCALE = 2.0  # as `CROP_SCALE`: the template shows 1.4 times the mesh, and more above it than below
TURN_SCALE = 2.2  # as `CROP_SCALE`, wider: the mesh of a face that stands on its head is off
MIN_TURNED_CONFIDENCE = 0.6  # where nothing is seen in the picture as it is
ASKEW_DEG = 45.0  # a face more tilted than this is upright in another turn
MAX_TURNS = 2
Box = tuple[float, float, float, float]  # left, top, right, bottom

SAME_FACE = 0.3  # overlap (intersection over union) from which two boxes are one face


@dataclass(frozen=True)
class Level:
    """Square tiles: their side over the picture's longer side, their step, from which picture size."""

    tile: float
    step: float
    min_picture_px: int


# Neighbours overlap by 0.1 and 0.0625 of the longer side, a little more than the smallest face that
# they are for, so that each face lies in one of them whole.
LEVELS = (Level(0.4, 0.3, 400), Level(0.25, 0.1875, 1600))


STRIP = 3.0  # longer over shorter side, from which squares of the shorter one are the tiles
MIN_STRIP_PX, MAX_STRIP_TILES = 48, 32


@dataclass(frozen=True)
class FoundFace:
    """The largest face of a picture."""

    points: np.ndarray  # (478, 3) float32: x and y in pixels of the picture, z in the same scale
    pose: HeadPose  # as a crop centred on the face shows it
    faces: int  # different faces seen, in tiles too
    looks: int = 1  # how often the landmarker was run
    others: tuple[np.ndarray, ...] = ()  # points of the other faces, largest first


def find_face(photo: np.ndarray, landmarker: FaceLandmarker) -> FoundFace | None:
    """Find landmarks and pose of the largest face, or ``None``.

    A picture that lies on its side or stands on its head is turned first: landmarks would fit it with
    eyes where the mouth is. The points are those of the picture as it was given.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    landmarker
        One that looks for several faces; `FoundFace.faces` counts no more than it may find at once.
    """
    found, turns, turned = _find_upright(photo, landmarker), 0, photo
    looks = found.looks if found else 0
    for _ in range(MAX_TURNS):
        more = _turns_to_upright(turned, found, landmarker)
        if not more:
            break
        turned = np.ascontiguousarray(np.rot90(turned, more))
        again = _find_upright(turned, landmarker)
        if again is None:
            break
        found, looks, turns = again, looks + again.looks, (turns + more) % 4
    if found is None or not turns:
        return found
    points = _turn_back(found.points, turns, photo.shape)
    others = tuple(_turn_back(other, turns, photo.shape) for other in found.others)
    return FoundFace(points, head_pose(points), found.faces, looks, others)


def crop_around(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Crop the part of a photo that an aligned picture of one of its faces needs, as far as the photo reaches."""
    left, top, side = _square_around(points, MEMBER_SCALE)
    height, width = photo.shape[:2]
    return photo[max(top, 0) : min(top + side, height), max(left, 0) : min(left + side, width)].copy()


def hidden_face(photo: np.ndarray, landmarker: FaceLandmarker) -> float:
    """Tell how sure the detector is of a face, 0 to 1, in a picture where `find_face` found none.

    It knows a head by its shape where a mask or dark glasses hide what landmarks need.
    """
    small, _ = _shrink(photo, CONFIDENCE_PX / max(photo.shape[:2]))
    return round(landmarker.confidence(small), 4)


def _turns_to_upright(photo: np.ndarray, found: FoundFace | None, landmarker: FaceLandmarker) -> int:
    """How many quarter turns, counter-clockwise, bring the face upright."""
    near = photo if found is None else _square(photo, *_square_around(found.points, TURN_SCALE))
    small, _ = _shrink(near, CONFIDENCE_PX / max(near.shape[:2]))
    confidence = [landmarker.confidence(small)]
    is_askew = found is not None and abs(found.pose.roll) > ASKEW_DEG
    if found is None:
        confidence[0] = max(confidence[0], MIN_TURNED_CONFIDENCE)
    elif confidence[0] >= UPRIGHT_CONFIDENCE and not is_askew:
        return 0
    confidence += [landmarker.confidence(np.rot90(small, quarter)) for quarter in (1, 2, 3)]
    turns = int(np.argmax(confidence))
    return round(-found.pose.roll / 90) % 4 if found is not None and is_askew and not turns else turns


def _turn_back(points: np.ndarray, turns: int, shape: tuple[int, ...]) -> np.ndarray:
    """Points in ``np.rot90(photo, turns)`` as points in the photo of that shape."""
    height, width = shape[:2]
    x, y, depth = points.T
    if turns == 1:
        x, y = width - 1 - y, x
    elif turns == 2:
        x, y = width - 1 - x, height - 1 - y
    elif turns == 3:
        x, y = y, height - 1 - x
    return np.stack([x, y, depth], axis=1).astype(np.float32)


def _find_upright(photo: np.ndarray, landmarker: FaceLandmarker) -> FoundFace | None:
    """Landmarks and pose of the largest face of a picture that is not turned."""
    search = _Search(photo, landmarker)
    faces = search.whole_picture()
    if not faces or _side(faces[0]) < TINY * max(photo.shape[:2]):
        faces = search.tiles(faces)
    elif _needs_second_look(faces[0], photo):
        again = search.look_again(faces[0])
        faces[0] = faces[0] if again is None else again
    if not faces:
        return None
    return FoundFace(faces[0], head_pose(faces[0]), len(faces), search.looks, tuple(faces[1:]))


class _Search:
    """One picture, and how often it was looked at."""

    def __init__(self, photo: np.ndarray, landmarker: FaceLandmarker) -> None:
        self.photo = photo
        self.landmarker = landmarker
        self.longer = max(photo.shape[:2])
        self.looks = 0

    def whole_picture(self) -> list[np.ndarray]:
        """Find points of all faces seen at once, largest first."""
        small, scale = _shrink(self.photo, SEEN_PX / self.longer)
        return self._look(small, scale)

    def tiles(self, known: list[np.ndarray]) -> list[np.ndarray]:
        """Find points of all faces seen in tiles and in the whole picture, largest first."""
        for level in self._levels():
            if self.longer < level.min_picture_px:
                break
            candidates = _different([*known, *self._level(level)])[:MAX_CANDIDATES]
            faces = [again for face in candidates if (again := self.look_again(face)) is not None]
            if faces:
                return _different(faces)
        return known

    def _levels(self) -> tuple[Level, ...]:
        """Squares along a strip of film or a panorama; `LEVELS` for any other shape."""
        shorter = min(self.photo.shape[:2])
        if self.longer < STRIP * shorter or shorter < MIN_STRIP_PX:
            return LEVELS
        tile = shorter / self.longer
        return (Level(tile, max(tile / 2, (1 - tile) / MAX_STRIP_TILES), 0),)

    def _level(self, level: Level) -> list[np.ndarray]:
        small, scale = _shrink(self.photo, TILE_PX / (level.tile * self.longer))
        height, width = small.shape[:2]
        side, step = level.tile * max(height, width), level.step * max(height, width)
        found = []
        for top in _starts(height, side, step):
            for left in _starts(width, side, step):
                tile = small[top : top + round(side), left : left + round(side)]
                found += self._look(tile, scale, offset=(left * scale, top * scale))
        return found

    def look_again(self, face: np.ndarray) -> np.ndarray | None:
        """Find the same face on a square crop centred on it, if it is seen there."""
        left, top, side = _square_around(face)
        crop, scale = _shrink(_square(self.photo, left, top, side), CROP_PX / side)
        seen = self._look(crop, scale, offset=(left, top))
        overlaps = [_overlap(_box(again), _box(face)) for again in seen]
        if not overlaps or max(overlaps) < SAME_FACE:
            return None
        return seen[int(np.argmax(overlaps))]

    def _look(
        self, picture: np.ndarray, scale: float, offset: tuple[float, float] = (0, 0)
    ) -> list[np.ndarray]:
        """All faces of a part of the photo, in the photo's pixels, largest first."""
        self.looks += 1
        found = self.landmarker.detect(np.ascontiguousarray(picture))
        if found is None:
            return []
        move = np.array([offset[0], offset[1], 0], np.float32)
        return sorted(
            (face * np.float32(scale) + move for face in (found.points, *found.others)),
            key=_side,
            reverse=True,
        )


def _needs_second_look(points: np.ndarray, photo: np.ndarray) -> bool:
    left, top, right, bottom = _box(points)
    height, width = photo.shape[:2]
    longer = max(height, width)
    off = np.hypot((left + right - width) / 2, (top + bottom - height) / 2)
    return _side(points) < CENTRED * longer or bool(off > OFF_CENTRE * longer)


def _shrink(picture: np.ndarray, factor: float) -> tuple[np.ndarray, float]:
    """The picture made smaller by about ``factor`` and what takes coordinates back.

    Whole blocks of pixels are averaged, which is several times faster than other factors; up to a block
    is lost at the right and lower border.
    """
    block = int(min(1 / factor, *picture.shape[:2]))
    if block < 2:
        return picture, 1.0
    height, width = (side // block for side in picture.shape[:2])
    whole = picture[: height * block, : width * block]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), float(block)


def _square_around(face: np.ndarray, scale: float = CROP_SCALE) -> tuple[int, int, int]:
    """Left, top and side of a square that is centred on a face and wider by ``scale``."""
    left, top, right, bottom = _box(face)
    side = max(round(max(right - left, bottom - top) * scale), 8)
    return round((left + right - side) / 2), round((top + bottom - side) / 2), side


def _square(photo: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """A square of the photo, black where it reaches beyond the border."""
    inner = photo[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    square = np.zeros((side, side, 3), np.uint8)
    down, across = max(-top, 0), max(-left, 0)
    square[down : down + inner.shape[0], across : across + inner.shape[1]] = inner
    return square


def _starts(length: int, side: float, step: float) -> list[int]:
    """Where tiles begin along one axis: the last one ends at the border."""
    last = max(length - side, 0)
    count = max(int(np.ceil(round(last / step, 3))), 0) + 1
    return [round(last * i / max(count - 1, 1)) for i in range(count)]


def _different(faces: list[np.ndarray]) -> list[np.ndarray]:
    """Largest first, without those that are another look at a larger one."""
    kept: list[np.ndarray] = []
    for face in sorted(faces, key=_side, reverse=True):
        if all(_overlap(_box(face), _box(other)) < SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _box(points: np.ndarray) -> Box:
    xy = points[:FACE_POINTS, :2]
    (left, top), (right, bottom) = xy.min(axis=0), xy.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _side(points: np.ndarray) -> float:
    return float(np.ptp(points[:FACE_POINTS, :2], axis=0).max())


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)
