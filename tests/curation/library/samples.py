"""Images made up in code, for tests that look at no pixel."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from curation.library.library import Library
from curation.library.records import Examination, Measurements, Original, Provenance

VERSIONS = '{"examiner":1}'
GOOD = Measurements(
    faces=1, eye_distance_px=120.0, yaw=1.5, pitch=-2.0, roll=3.0, roll_aligned=0.5,
    brightness=0.5, dynamic_range=0.6, padding=0.0, stretch=1.05, width=640, height=480,
)  # fmt: skip
ANCHORS = ((180.25, 200.5), (300.0, 201.0), (240.125, 330.0))


def original(number: int, *, pixels: int | None = None) -> Original:
    """A file of its own for each number; equal ``pixels`` are the same picture in other bytes."""
    data = f"file {number}".encode()
    pixel_hash = hashlib.sha256(f"pixels {number if pixels is None else pixels}".encode()).hexdigest()
    return Original(hashlib.sha256(data).hexdigest(), data, "JPEG", 640, 480, pixel_hash)


def examination(image_id: str, **readings: float) -> Examination:
    """A good face, but for ``readings``."""
    values = {**vars(GOOD), **readings}
    seed = bytes.fromhex(image_id)
    return Examination(
        image_id, "ok", "", VERSIONS, Measurements(**values), ANCHORS,
        landmarks=seed * 2, phash=seed, phash_mirror=seed[::-1], embedding=b"\x00\x3c" * 1280,
    )  # fmt: skip


def fill(library: Library, count: int, *, start: int = 0, source: str = "folder:heap") -> list[str]:
    """Add examined images of good faces; their ids."""
    numbers = range(start, start + count)
    originals = [original(number) for number in numbers]
    library.add_many(
        [(one, Provenance(source, f"{number}.jpg")) for number, one in zip(numbers, originals, strict=True)]
    )
    library.save_examinations([examination(one.id) for one in originals])
    return [one.id for one in originals]


def states(library: Library, ids: Sequence[str]) -> list[str]:
    """Final state of each image."""
    return library.table().loc[list(ids), "state"].astype(str).tolist()
