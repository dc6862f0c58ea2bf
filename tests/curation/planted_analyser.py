"""A quick analyser, or one planted with trouble, in place of the real one. Light to import."""

from __future__ import annotations

import hashlib
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSIONS = '{"examiner":"tiny"}'


@dataclass(frozen=True)
class TinyAnalyser:
    """Makes up a row from an image's bytes, writes tiny pictures, notes each image, fails where told to."""

    root: Path
    diary: Path
    versions: str = VERSIONS
    hang_on: tuple[str, ...] = ()
    die_on: tuple[str, ...] = ()
    die_once_on: tuple[str, ...] = ()
    full_at: tuple[str, ...] = ()

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Any], Any]]:
        import curation.analysis.pictures  # noqa: F401  (not within the first task's time)

        yield self.analyse

    def analyse(self, task: Any) -> Any:
        import numpy as np

        from core.errors import UnsafeImage
        from curation.analysis.aligned import read_original
        from curation.analysis.pictures import write_face
        from curation.library.files import LibraryFiles
        from curation.library.records import Examination, Measurements
        from tests.curation.planted import do_as_told

        with self.diary.open("a") as file:
            file.write(f"{task.image_id}\n")
        for told, name in ((self.hang_on, "hang"), (self.die_on, "die"), (self.full_at, "full")):
            if task.image_id in told:
                do_as_told(name)
        if task.image_id in self.die_once_on and self.diary.read_text().split().count(task.image_id) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            photo = read_original(Path(task.path), task.image_id)
        except UnsafeImage as error:
            return Examination(task.image_id, "unreadable", str(error), self.versions)
        height, width = photo.shape[:2]
        likeness = hashlib.sha256(photo[:4, :4].tobytes()).digest()
        crop = np.random.default_rng(list(likeness)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        write_face(LibraryFiles(self.root), task.image_id, crop, photo[..., 0])
        measured = Measurements(
            faces=1, eye_distance_px=float(photo[5, 5, 0]), sharpness=0.5, yaw=1.0, pitch=1.0
        )
        return Examination(
            task.image_id,
            "ok",
            "",
            self.versions,
            Measurements(**{**vars(measured), "width": width, "height": height}),
            anchors=task.anchors or ((1.0, 1.0), (3.0, 1.0), (2.0, 3.0)),
            landmarks=np.zeros((478, 2), np.float16).tobytes(),
            phash=likeness,
            phash_mirror=hashlib.sha256(likeness).digest(),
            embedding=np.zeros(1280, np.float16).tobytes(),
        )


def tiny_png(number: int, *, like: int | None = None) -> bytes:
    """A 32 x 32 picture; those ``like`` the same number are near duplicates to `TinyAnalyser`."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    likeness = np.random.default_rng(1000 + (number if like is None else like))
    pixels[:4, :4] = likeness.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def original_of(data: bytes) -> Any:
    """A picture as `curation.intake.picture.check_picture` would give it."""
    from core.images import read_photo
    from curation.library.records import Original

    photo = read_photo(data)
    pixel_hash = hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).hexdigest()
    image_id = hashlib.sha256(data).hexdigest()
    return Original(image_id, data, "PNG", photo.shape[1], photo.shape[0], pixel_hash)
