"""Perceptual hashes of aligned faces."""

from __future__ import annotations

import time

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from curation.analysis.hashes import SAME_DETAIL, compare_details, face_detail, hash_face
from curation.duplicates import MAX_DISTANCE


def face(seed: int = 0) -> np.ndarray:
    """Smooth blobs: low frequencies decide, as in photos."""
    noise = np.random.default_rng(seed).normal(size=(16, 16, 3)).astype(np.float32)
    smooth = cv2.resize(noise, (512, 512), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 50 * smooth, 0, 255).astype(np.uint8)


def apart(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def test_a_hash_has_256_bits():
    assert [8 * len(value) for value in hash_face(face())] == [256, 256]


@pytest.mark.parametrize("seed", range(8))
def test_the_mirror_hash_is_the_hash_of_the_mirror_image(seed):
    picture = face(seed)
    phash, mirror = hash_face(picture)
    assert hash_face(np.ascontiguousarray(picture[:, ::-1])) == (mirror, phash)
    assert apart(phash, mirror) > MAX_DISTANCE


def test_a_symmetric_face_is_its_own_mirror_image():
    half = face()[:, :256]
    phash, mirror = hash_face(np.concatenate([half, half[:, ::-1]], axis=1))
    assert phash == mirror


def by_imagehash(picture: np.ndarray) -> bytes:
    """ImageHash's own hash, of the picture with its border faded to the mean."""
    edge = np.minimum(np.arange(512) + 0.5, 511.5 - np.arange(512))
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.minimum(edge / 192, 1))
    window = np.outer(ramp, ramp)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    mean = (grey * window).sum() / window.sum()
    faded = Image.fromarray(np.uint8(np.round((grey - mean) * window + mean)))
    return np.packbits(imagehash.phash(faded, hash_size=16).hash).tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_hash_of_imagehash_but_for_rounding(seed):
    assert apart(hash_face(face(seed))[0], by_imagehash(face(seed))) <= 6


def test_real_photos_agree_with_imagehash(omi_dir):
    photos = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in sorted(omi_dir.glob("*.jpg"))[:20]]
    differences = [apart(hash_face(photo)[0], by_imagehash(photo)) for photo in photos]
    assert np.median(differences) <= 2
    assert max(differences) <= 6


def test_what_lies_at_the_border_counts_little():
    picture = face()
    cut = picture.copy()
    cut[:64] = cut[:, :64] = 255
    assert apart(hash_face(picture)[0], hash_face(cut)[0]) <= MAX_DISTANCE


def test_brightness_changes_little_and_another_face_much():
    picture = face()
    brighter = np.clip(picture.astype(np.float32) * 1.2, 0, 255).astype(np.uint8)
    assert apart(hash_face(picture)[0], hash_face(brighter)[0]) <= MAX_DISTANCE
    assert apart(hash_face(picture)[0], hash_face(face(1))[0]) > 2 * MAX_DISTANCE


def test_a_flat_picture_is_hashed_without_noise_deciding():
    grey = np.full((512, 512, 3), 77, np.uint8)
    phash, mirror = hash_face(grey)
    assert phash == mirror
    assert not any(phash)


@pytest.mark.parametrize("bad", [
    np.zeros((512, 512), np.uint8), np.zeros((512, 512, 3), np.float32), np.zeros((512, 448, 3), np.uint8),
    np.zeros((500, 500, 3), np.uint8), np.zeros((0, 0, 3), np.uint8),
])  # fmt: skip
def test_anything_but_an_aligned_face_is_refused(bad):
    with pytest.raises(ValueError, match="aligned face"):
        hash_face(bad)


def test_both_hashes_take_at_most_two_milliseconds():
    picture = face()
    hash_face(picture)
    best = min(_cpu_ms(picture) for _ in range(5))
    assert best <= 2.0


def _cpu_ms(picture: np.ndarray) -> float:
    begin = time.thread_time()
    for _ in range(20):
        hash_face(picture)
    return 1000 * (time.thread_time() - begin) / 20


def textured(seed: int) -> np.ndarray:
    """One large shape for all, fine structure of its own."""
    grain = np.random.default_rng(seed).normal(size=(512, 512, 1)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 3)[..., None]
    return np.clip(face().astype(np.float32) + 15 * grain / grain.std(), 0, 255).astype(np.uint8)


def edited(picture: np.ndarray) -> np.ndarray:
    """Darker, of another tint, a little off its place, and stored as a poor JPEG."""
    moved = np.roll(picture, (3, -4), axis=(0, 1)) * np.array([0.8, 0.7, 0.75])
    data = cv2.imencode(".jpg", moved.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_edited_copy_has_the_same_detail(mirrored):
    copy = edited(textured(1))
    copy = np.ascontiguousarray(copy[:, ::-1]) if mirrored else copy
    assert compare_details(face_detail(textured(1)), face_detail(copy)) > SAME_DETAIL


def test_two_faces_with_one_hash_differ_in_detail():
    one, other = textured(1), textured(2)
    assert apart(hash_face(one)[0], hash_face(other)[0]) <= MAX_DISTANCE
    assert compare_details(face_detail(one), face_detail(other)) < 0.5


def test_faces_without_any_detail_are_not_the_same_for_that():
    flat = np.full((512, 512, 3), 90, np.uint8)
    assert compare_details(face_detail(flat), face_detail(textured(1))) < SAME_DETAIL
