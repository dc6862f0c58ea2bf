"""A library of painted faces, made in a second: no photo, no model."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from core.face_frame import FRAME, alignment_targets
from core.images import save_png
from curation.intake.picture import check_picture
from curation.library.library import Library
from curation.library.records import DuplicateGroup, Examination, Measurements, Original, Provenance

VERSIONS = '{"painted":1}'
SIZE = (520, 420)


def painted_photo(number: int) -> tuple[np.ndarray, tuple[tuple[float, float], ...]]:
    """A face somewhere in a picture, (420, 520, 3) uint8, with its eye centres and mouth."""
    rng = np.random.default_rng(number)
    colours = rng.integers(60, 230, (3, 3))
    x, y, span = 200 + 12 * (number % 9), 150 + 6 * (number % 7), 66 + 3 * (number % 5)
    anchors = ((x, y), (x + span, y + number % 4), (x + span / 2, y + span))
    picture = Image.new("RGB", SIZE, tuple(colours[0]))
    pen = ImageDraw.Draw(picture)
    pen.ellipse(
        (x - 0.7 * span, y - span, x + 1.7 * span, y + 1.8 * span),
        fill=tuple(colours[1]),
        outline="black",
        width=3,
    )
    for eye in anchors[:2]:
        pen.ellipse(
            (eye[0] - 11, eye[1] - 6, eye[0] + 11, eye[1] + 6), fill="white", outline="black", width=2
        )
        pen.ellipse((eye[0] - 4, eye[1] - 4, eye[0] + 4, eye[1] + 4), fill="black")
    mouth = anchors[2]
    pen.chord((mouth[0] - 22, mouth[1] - 12, mouth[0] + 22, mouth[1] + 12), 0, 180, fill="darkred")
    pen.text((8, 8), f"no. {number}", fill="white")
    return np.asarray(picture), anchors


def original_of(number: int) -> Original:
    """The same as a file."""
    buffer = io.BytesIO()
    Image.fromarray(painted_photo(number)[0]).save(buffer, "PNG")
    return check_picture(buffer.getvalue())


def write_pictures(library: Library, image_id: str, photo: np.ndarray, anchors: object) -> None:
    """Crop, sketch and thumbnail, as the examination leaves them."""
    matrix = cv2.getAffineTransform(np.float32(anchors), alignment_targets())
    crop = cv2.warpAffine(photo, matrix, (FRAME, FRAME), borderMode=cv2.BORDER_REFLECT_101)
    sketch = 255 - cv2.Canny(crop, 60, 120)
    for path in (library.files.crop(image_id), library.files.sketch(image_id), library.files.thumb(image_id)):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_png(library.files.crop(image_id), crop)
    save_png(library.files.sketch(image_id), sketch)
    Image.fromarray(crop).resize((128, 128), Image.Resampling.BOX).save(library.files.thumb(image_id), "JPEG")


def measurements_of(number: int) -> Measurements:
    """Readings that differ from face to face; every third breaks a rule."""
    rng = np.random.default_rng(1000 + number)
    yaw = float(rng.normal(0, 4)) + (25 if number % 3 == 0 else 0)
    return Measurements(
        faces=1,
        eye_distance_px=66.0 + 3 * (number % 5),
        yaw=yaw,
        pitch=float(rng.normal(0, 3)),
        roll=float(rng.normal(0, 5)),
        roll_aligned=float(rng.normal(0, 1)),
        sharpness=float(rng.uniform(0.9, 1.3)),
        brightness=float(rng.uniform(0.4, 0.6)),
        dynamic_range=0.6,
        shadow=float(rng.uniform(0, 0.3)),
        backlight=0.1,
        colour_cast=2.0,
        eyes_open=0.8,
        mouth_open=0.1,
        covered=float(rng.uniform(0, 0.3)),
        head_covered=0.05,
        padding=0.02,
        stretch=1.03,
        width=SIZE[0],
        height=SIZE[1],
    )


def fill_library(root: Path, count: int = 70) -> list[str]:
    """Make a library of ``count`` faces in a folder; return their ids in order of arrival."""
    with Library.open(root) as library:
        originals = [original_of(number) for number in range(count)]
        places = [
            Provenance(
                f"folder:{'ab'[n % 2]}", f"face{n:03}.png", licence="CC0-1.0", author=f"painter {n % 3}"
            )
            for n in range(count)
        ]
        library.add_many(list(zip(originals, places, strict=True)))
        found = []
        for number, original in enumerate(originals):
            photo, anchors = painted_photo(number)
            write_pictures(library, original.id, photo, anchors)
            measured = measurements_of(number)
            seen = np.random.default_rng(number).normal(0, 0.2, 1280)
            seen[:8] += 1.0 if number % 3 else -1.0
            found.append(
                Examination(
                    original.id, "ok", versions=VERSIONS, measurements=measured, anchors=anchors,
                    landmarks=mesh().tobytes(), embedding=seen.astype(np.float16).tobytes(),
                )
            )  # fmt: skip
        library.save_examinations(found)
        ids = [original.id for original in originals]
        if count > 6:
            library.save_duplicates([DuplicateGroup("near", ids[4], (ids[4], ids[5], ids[6]))])
    return ids


def mesh() -> np.ndarray:
    """Some points inside the frame, (478, 2) float16."""
    angle = np.linspace(0, 40 * np.pi, 478)
    radius = np.linspace(10, 150, 478)
    return np.stack([256 + radius * np.cos(angle), 290 + radius * np.sin(angle)], axis=1).astype(np.float16)
