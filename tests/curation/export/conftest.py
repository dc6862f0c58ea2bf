"""A library of made-up faces: real pictures, anchors, meshes and hashes, without a landmarker."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from curation.analysis.aligned import align_face, make_row
from curation.analysis.pictures import write_face, write_faceless
from curation.library.library import Library
from curation.library.records import Examination, Measurements, Original, Provenance

ANCHORS = np.array([(210.0, 230.0), (330.0, 232.0), (268.0, 350.0)], np.float32)
SIZE = (560, 600)


def make_picture(seed: int, *, exif: bool = True) -> tuple[bytes, np.ndarray]:
    """A JPEG of smooth blobs with a GPS position in it, and its pixels."""
    noise = np.random.default_rng(seed).normal(size=(14, 14, 3)).astype(np.float32)
    smooth = cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC)
    image = Image.fromarray(np.clip(128 + 50 * smooth, 0, 255).astype(np.uint8))
    tags = Image.Exif()
    if exif:
        tags[0x013B] = f"GPS-PHOTOGRAPHER-{seed}"
        tags.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, exif=tags, comment=b"SECRET-COMMENT")
    return buffer.getvalue(), np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def make_mesh(seed: int) -> np.ndarray:
    """478 points on the face, in the photo's pixels."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    radii = rng.uniform(40, 110, 478)
    return np.stack([270 + radii * np.cos(angles), 280 + radii * np.sin(angles)], 1)


def add_face(
    library: Library,
    seed: int,
    provenance: Provenance | None = None,
    *,
    status: str = "ok",
    mesh: bool = True,
) -> str:
    """Put one image into the library as ingest and examination would."""
    data, photo = make_picture(seed)
    image_id = hashlib.sha256(data).hexdigest()
    original = Original(image_id, data, "JPEG", *SIZE, hashlib.sha256(photo.tobytes()).hexdigest())
    added_at = f"2026-01-01T00:{seed // 60:02d}:{seed % 60:02d}Z"
    library.add(original, provenance or Provenance("folder:a", f"{seed:04d}.jpg", added_at=added_at))
    if status != "ok":
        write_faceless(library.files, image_id, photo)
        library.save_examinations([Examination(image_id, status, versions='{"examine":1}')])
        return image_id
    aligned = align_face(photo, ANCHORS, make_mesh(seed) if mesh else None)
    measured = Measurements(
        faces=1, eye_distance_px=120.0, yaw=float(seed % 9 - 4), pitch=1.0, roll=0.5, roll_aligned=0.1,
        sharpness=40.0 + seed, brightness=0.5, dynamic_range=0.8, shadow=0.1, backlight=0.1, colour_cast=0.1,
        eyes_open=0.9, mouth_open=0.1, covered=0.05, head_covered=0.05,
        stretch=aligned.alignment.stretch, padding=aligned.alignment.padding,
    )  # fmt: skip
    if not mesh:
        measured = replace(measured, yaw=None, pitch=None, roll=None)
    row = make_row(image_id, photo, aligned, measured)
    write_face(library.files, image_id, aligned.photo, aligned.sketch())
    library.save_examinations([replace(row, versions='{"examine":1}', embedding=bytes(2560))])
    return image_id


@pytest.fixture
def make_library(tmp_path: Path) -> Iterator[Callable[[str], Library]]:
    """Opens empty libraries by name."""
    opened: list[Library] = []

    def make(name: str = "library") -> Library:
        opened.append(Library.open(tmp_path / name))
        return opened[-1]

    yield make
    for library in opened:
        library.close()


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve faces, ten of them kept by people, as version ``first``; for `filled` to copy."""
    root = tmp_path_factory.mktemp("filled") / "library"
    with Library.open(root) as library:
        ids = [
            add_face(library, seed, Provenance(
                "url", f"{seed:04d}.jpg", url=f"https://example.org/{seed}.jpg",
                page=f"https://example.org/page/{seed // 2}", licence="CC BY 4.0" if seed % 3 else "CC0",
                author=f"Author {seed // 2}", uploader="ann", added_at=f"2026-01-01T00:00:{seed:02d}Z",
            ))
            for seed in range(12)
        ]  # fmt: skip
        library.decide(ids[:10], "keep", reviewer="Ann", add_labels=["glasses"])
        library.decide(ids[:3], "keep", reviewer="Bob")
        library.decide(ids[10:11], "reject", reviewer="Ann")
        library.decide(ids[11:], "unsure", reviewer="Bob")
        library.freeze("first", who="Ann", note="The first one")
    return root


@pytest.fixture
def filled(filled_folder: Path, tmp_path: Path, make_library: Callable[[str], Library]) -> Library:
    """A copy of that library."""
    shutil.copytree(filled_folder, tmp_path / "library")
    return make_library("library")


@pytest.fixture(autouse=True)
def _faces_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up faces are blobs, in which the network sees no people; tests about people say otherwise."""
    from curation.analysis import identity

    monkeypatch.setattr(identity, "weights_file", lambda: None)
