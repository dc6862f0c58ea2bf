"""Read the photo and sketch of each image of a version, as they were when it was frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from core.errors import UnsafeImage
from core.face_frame import FRAME
from curation.analysis.aligned import AlignedFace, align_face, read_original
from curation.export.publish import ExportError
from curation.library.records import Examination
from curation.library.versions import Member
from curation.png_files import encode_png_quickly

if TYPE_CHECKING:
    from curation.library.library import Library

T = TypeVar("T")
THREADS = 2
_AT_ONCE = 64


@dataclass(frozen=True)
class Pair:
    """PNG files of one image, with nothing in them but pixels."""

    photo: bytes
    sketch: bytes


def has_face(member: Member) -> bool:
    """Tell whether there is an aligned photo of this image."""
    return member.examination.status == "ok" and len(member.examination.anchors) == 3


def read_pairs(library: Library, members: Iterator[Member]) -> Iterator[tuple[Member, Pair | None]]:
    """Read every member with its pictures, in order; ``None`` for one without a face.

    Pictures are decoded and encoded again, so that nothing else travels with them.

    Raises
    ------
    ExportError
        If the pictures of an image are gone and cannot be made again.
    """
    return read_each(library, members, _read_pair)


def read_each(
    library: Library, members: Iterable[Member], read: Callable[[Library, Member, Examination | None], T]
) -> Iterator[tuple[Member, T]]:
    """Read something of every member in threads, in order, knowing what is known of the image today."""
    rest = iter(members)
    with ThreadPoolExecutor(THREADS) as threads:
        while some := list(islice(rest, _AT_ONCE)):
            now = library.examinations([member.image_id for member in some])
            known = [now.get(member.image_id) for member in some]
            yield from zip(some, threads.map(partial(read, library), some, known), strict=True)


def read_photo(library: Library, member: Member, now: Examination | None) -> np.ndarray:
    """Read the aligned photo of an image with a face, (512, 512, 3) uint8, as it was frozen.

    Parameters
    ----------
    now
        What is known of the image today.

    Raises
    ------
    ExportError
        If it is gone and cannot be made again.
    """
    if _is_as_frozen(member, now):
        photo = cv2.imread(str(library.files.crop(member.image_id)), cv2.IMREAD_COLOR_RGB)
        if photo is not None and _fits(photo, 3):
            return photo
    return _align_again(library, member).photo


def photo_reader(library: Library, version_name: str) -> Callable[[str], np.ndarray | None]:
    """Read aligned photos of a version by their ids, as `read_photo` does; ``None`` for one deleted meanwhile."""

    def read(image_id: str) -> np.ndarray | None:
        member = next(library.members(version_name, [image_id]), None)
        if member is None:
            return None
        return read_photo(library, member, library.examinations([image_id]).get(image_id))

    return read


def _is_as_frozen(member: Member, now: Examination | None) -> bool:
    return now is not None and replace(now, embedding=b"") == member.examination


def _read_pair(library: Library, member: Member, now: Examination | None) -> Pair | None:
    if not has_face(member):
        return None
    files, image_id = library.files, member.image_id
    if _is_as_frozen(member, now):
        photo = cv2.imread(str(files.crop(image_id)), cv2.IMREAD_COLOR_RGB)
        sketch = cv2.imread(str(files.sketch(image_id)), cv2.IMREAD_GRAYSCALE)
        if photo is not None and sketch is not None and _fits(photo, 3) and _fits(sketch, 2):
            return Pair(encode_png_quickly(photo), encode_png_quickly(sketch))
    face = _align_again(library, member)  # it was aligned otherwise since, or its pictures are damaged
    return Pair(encode_png_quickly(face.photo), encode_png_quickly(face.sketch()))


def _fits(picture: np.ndarray, dimensions: int) -> bool:
    return picture.ndim == dimensions and picture.shape[:2] == (FRAME, FRAME)


def _align_again(library: Library, member: Member) -> AlignedFace:
    try:
        photo = read_original(library.files.original(member.image_id), member.image_id)
    except UnsafeImage as error:
        raise ExportError(
            f"The aligned photo of image {member.image_id[:12]} is missing or has changed since the version "
            f"was frozen, and cannot be made again. {error} Or freeze a new version without it."
        ) from error
    face = align_face(photo, np.array(member.examination.anchors), None)
    return replace(face, landmarks=landmarks_of(member.examination))


def landmarks_of(examination: Examination) -> np.ndarray:
    """Read the mesh: (478, 2) float16 in the frame, or (0, 2) where no mesh is known."""
    return np.frombuffer(examination.landmarks, np.float16).reshape(-1, 2)


def mesh_rows(examination: Examination) -> Sequence[Sequence[float]]:
    """Write 478 rows of x, y and a depth of 0, which is not kept; rounded as `curation.run` does."""
    mesh = landmarks_of(examination).astype(np.float64)
    return np.round(np.pad(mesh, ((0, 0), (0, 1))), 2).tolist()
