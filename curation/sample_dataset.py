"""Make a sample dataset as a crawl brings it home, to try curation with: from nobody's photos.

The faces are painted by the shipped generator from the sketches of its bank. Around them lies what a crawl
is full of: the same picture again in other bytes, sizes and cuts, heads turned too far, blur, half a face
in the dark, bars and masks, faces that are too small, landscapes and flowers (scikit-learn ships the two
photos), a page of text, and files that are no pictures at all.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from core.images import encode_png
from curation.library.records import Provenance

if TYPE_CHECKING:
    from core.pipeline import SketchToFacePipeline

FACES = 64
SEED = 20
LICENCE = "CC BY-NC-SA 4.0 (painted by the shipped weights)"
PHOTO_LICENCE = "CC BY 2.0"
SITES = ("portraits.example", "album.example", "forum.example")
Photo = np.ndarray
_png = partial(encode_png, compress_level=1)


@dataclass(frozen=True)
class SampleFile:
    """One file of the sample dataset."""

    data: bytes
    provenance: Provenance


def make_sample_dataset(
    pipeline: SketchToFacePipeline,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[SampleFile]:
    """Make the dataset, file by file; the same for the same weights.

    Raises
    ------
    ValueError
        If the bank holds no sketches to paint from.
    """
    rng = np.random.default_rng(SEED)
    painted = _paint(pipeline, FACES, rng, progress)
    for number, photo in enumerate(painted):
        album = number // 3  # a page and an author have a few pictures each
        site = SITES[album % len(SITES)]
        yield _file(f"img_{number:04d}.jpg", _jpeg(_on_canvas(photo, rng), 92), site, album=f"{album:02d}")
    yield from _repeated(painted, rng)
    yield from _flawed(painted, rng)
    yield from _no_faces(rng)
    yield from _no_pictures(painted[0])


def _paint(
    pipeline: SketchToFacePipeline,
    count: int,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None,
) -> list[Photo]:
    sketches = pipeline.manifold.sketches
    if sketches is None or not len(sketches):
        raise ValueError(
            "the face bank holds no sketches, so there is nothing to paint the sample dataset from"
        )
    rows = rng.permutation(len(sketches))[:count]
    painted = []
    for done, row in enumerate(rows, start=1):
        large = cv2.resize(sketches[row], (512, 512), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        sketch = np.clip((large - 110) * 2.2, 0, 255).astype(np.uint8)  # a thumbnail's lines are soft
        photo = pipeline(sketch, t=1.0, mode="none").photo
        if photo is not None:
            painted.append(_sharpened(cv2.resize(photo, (512, 512), interpolation=cv2.INTER_CUBIC)))
        if progress:
            progress(done, len(rows))
    return painted


def _sharpened(photo: Photo) -> Photo:
    """Sharpen as a camera does: what is painted at 256 px is softer than the photos that the rules expect."""
    soft = cv2.GaussianBlur(photo, (0, 0), 2.2)
    return cv2.addWeighted(photo, 2.6, soft, -1.6, 0)


def _on_canvas(photo: Photo, rng: np.random.Generator) -> Photo:
    """Paste somewhere on a larger picture, as photos of people are."""
    side = int(rng.integers(540, 760))
    canvas = cv2.GaussianBlur(cv2.resize(photo, (side, side)), (0, 0), 40)
    left, top = (int(v) for v in rng.integers(0, side - 511, 2))
    mask = np.zeros((side, side), np.float32)
    mask[top + 14 : top + 498, left + 14 : left + 498] = 1
    mask = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    placed = canvas.copy()
    placed[top : top + 512, left : left + 512] = photo
    return (mask * placed + (1 - mask) * canvas).astype(np.uint8)


def _repeated(painted: list[Photo], rng: np.random.Generator) -> Iterator[SampleFile]:
    """Make the same pictures again: other bytes, size, cut, light, and mirrored."""
    edits: list[tuple[str, Callable[[Photo], bytes]]] = [
        ("quality", lambda photo: _jpeg(photo, 30)),
        ("half", lambda photo: _jpeg(cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA), 90)),
        ("cut", lambda photo: _jpeg(photo[20:500, 16:492], 90)),
        ("bright", lambda photo: _jpeg(np.clip(photo * 1.2, 0, 255).astype(np.uint8), 90)),
        ("mirror", lambda photo: _jpeg(np.ascontiguousarray(photo[:, ::-1]), 90)),
        ("other_bytes", _png),
    ]
    for number, (name, edit) in enumerate(edits):
        yield _file(f"repost_{name}.jpg", edit(painted[number % len(painted)]), "repost.example")
    again = _jpeg(painted[-1], 92)
    yield _file("repost_a.jpg", again, "repost.example")
    yield _file("repost_b.jpg", again, "mirror.example")


def _flawed(painted: list[Photo], rng: np.random.Generator) -> Iterator[SampleFile]:
    """Make faces that should not go into a training set."""
    flaws: dict[str, Callable[[Photo], Photo]] = {
        "turned_left": lambda photo: turn_head(photo, -46),
        "turned_right": lambda photo: turn_head(photo, 44),
        "turned_far": lambda photo: turn_head(photo, 56),
        "blurred": lambda photo: cv2.GaussianBlur(photo, (0, 0), 6),
        "shadow": _half_in_shadow,
        "blue": lambda photo: np.clip(photo * np.array([0.55, 0.8, 1.35]), 0, 255).astype(np.uint8),
        "dark": lambda photo: (photo * 0.22).astype(np.uint8),
        "bar": lambda photo: _painted_over(photo, (110, 205, 402, 285), (12, 12, 12)),
        "mask": lambda photo: _painted_over(photo, (140, 305, 372, 470), (196, 212, 222)),
        "small": lambda photo: cv2.resize(photo, (150, 150), interpolation=cv2.INTER_AREA),
    }
    for number, (name, flaw) in enumerate(flaws.items()):
        for copy in range(2):
            photo = painted[(7 * number + 3 * copy + 8) % len(painted)]
            yield _file(f"{name}_{copy}.jpg", _jpeg(flaw(photo), 90), SITES[copy])
    pair = np.hstack([painted[1 % len(painted)], painted[2 % len(painted)]])
    yield _file("two_people.jpg", _jpeg(pair, 90), SITES[0])


def turn_head(photo: Photo, degrees: float) -> Photo:
    """Turn a frontal face to the side, as if its picture were wrapped around a cylinder.

    Parameters
    ----------
    photo : (S, S, 3) uint8
    degrees
        Positive turns the nose to the picture's right.
    """
    size = photo.shape[0]
    radius = 0.42 * size
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    across = np.clip((xs - size / 2) / radius, -1, 1)
    angle = np.arcsin(across) - np.radians(degrees)
    source = size / 2 + radius * np.sin(np.clip(angle, -np.pi / 2, np.pi / 2))
    head = cv2.remap(photo, source.astype(np.float32), ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    edge = np.clip((1 - np.abs(xs - size / 2) / radius) * 12, 0, 1)[..., None]
    return (edge * head + (1 - edge) * cv2.GaussianBlur(photo, (0, 0), 30)).astype(np.uint8)


def _half_in_shadow(photo: Photo) -> Photo:
    ramp = 1 / (1 + np.exp(-(np.arange(photo.shape[1]) - photo.shape[1] / 2) / 12))
    return (photo * (0.15 + 0.85 * ramp)[None, :, None]).astype(np.uint8)


def _painted_over(photo: Photo, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> Photo:
    left, top, right, bottom = box
    return cv2.rectangle(photo.copy(), (left, top), (right, bottom), colour, -1)


def _no_faces(rng: np.random.Generator) -> Iterator[SampleFile]:
    from sklearn.datasets import load_sample_images

    for name, image in zip(("temple", "flower"), load_sample_images().images, strict=True):
        yield _file(f"{name}.jpg", _jpeg(image, 90), "travel.example", PHOTO_LICENCE)
        for cut in range(2):
            top, left = int(rng.integers(0, 120)), int(rng.integers(0, 280))
            part = image[top : top + 300, left : left + 340]
            yield _file(f"{name}_{cut}.jpg", _jpeg(part, 90), "travel.example", PHOTO_LICENCE)
    page = np.full((600, 480, 3), 255, np.uint8)
    for line in range(18):
        text = "lorem ipsum dolor sit amet"[line % 7 :]
        cv2.putText(page, text, (24, 40 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30, 30, 30), 1)
    yield _file("page.png", _png(page), "forum.example")


def _no_pictures(photo: Photo) -> Iterator[SampleFile]:
    whole = _jpeg(photo, 90)
    yield _file("cut_short.jpg", whole[: len(whole) // 3], "forum.example")
    yield _file("not_found.jpg", b"<!doctype html><title>404</title><p>Not found</p>", "forum.example")
    yield _file("empty.jpg", b"", "forum.example")


def _file(name: str, data: bytes, site: str, licence: str = LICENCE, *, album: str = "") -> SampleFile:
    page = f"https://{site}/{album or name}"
    author = f"somebody {album} at {site}" if album else f"somebody at {site}"
    return SampleFile(
        data,
        Provenance("demo", name, url=f"https://{site}/{name}", page=page, licence=licence, author=author),
    )


def _jpeg(photo: Photo, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
