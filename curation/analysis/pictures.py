"""Write the pictures that an analysis leaves in the library: aligned crop, sketch, thumbnail."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from core.atomic_files import write_atomically
from curation.library.files import LibraryFiles
from curation.png_files import PNG_END, encode_png_quickly, ends_with

THUMB_PX = 128
UNFINISHED_S = 600
_THUMB_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 88]
_JPEG_END = b"\xff\xd9"


def write_face(files: LibraryFiles, image_id: str, aligned: np.ndarray, sketch: np.ndarray) -> None:
    """Put crop, sketch and thumbnail of a face in place, each at once.

    Not synced to the disk, which would take ten times as long: see `has_pictures`.

    Parameters
    ----------
    aligned : (512, 512, 3) uint8
    sketch : (512, 512) uint8
    """
    _write(files.crop(image_id), encode_png_quickly(aligned))
    _write(files.sketch(image_id), encode_png_quickly(sketch))
    _write(files.thumb(image_id), _encode_thumb(aligned))


def write_faceless(files: LibraryFiles, image_id: str, photo: np.ndarray) -> None:
    """Put the thumbnail of a picture without a face in place; what an earlier face left is removed.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    """
    remove_face(files, image_id)
    _write(files.thumb(image_id), _encode_thumb(photo))


def remove_face(files: LibraryFiles, image_id: str) -> None:
    """Delete crop and sketch, if they are there."""
    for path in (files.crop(image_id), files.sketch(image_id)):
        path.unlink(missing_ok=True)


def remove_pictures(files: LibraryFiles, image_id: str) -> None:
    """Delete crop, sketch and thumbnail, if they are there."""
    remove_face(files, image_id)
    files.thumb(image_id).unlink(missing_ok=True)


def remove_unfinished(root: Path) -> None:
    """Delete the temporary files that a killed run left; young ones may belong to a page at work."""
    for kind in ("crops", "sketches", "thumbs", "identities"):
        for file in (root / kind).glob("*/.*"):
            with suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > UNFINISHED_S:
                    file.unlink()


def has_pictures(files: LibraryFiles, image_id: str, status: str) -> bool:
    """Tell whether all that belongs to an examination is there to its last byte (after a power cut it may not be)."""
    if status == "no_face":
        return ends_with(files.thumb(image_id), _JPEG_END)
    if status != "ok":
        return True
    return (
        ends_with(files.crop(image_id), PNG_END)
        and ends_with(files.sketch(image_id), PNG_END)
        and ends_with(files.thumb(image_id), _JPEG_END)
    )


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data, durable=False)
    except FileNotFoundError:  # the first picture of its subfolder
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data, durable=False)


def _encode_thumb(picture: np.ndarray) -> bytes:
    height, width = picture.shape[:2]
    scale = THUMB_PX / max(height, width)
    if scale < 1:
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _THUMB_JPEG)
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of {picture.shape} as JPEG")
    return bytes(data.tobytes())
