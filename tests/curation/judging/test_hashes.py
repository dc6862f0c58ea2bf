"""Perceptual hashes of aligned faces."""

from __future__ import annotations

import time

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from curation.duplicates import MAX_DISTANCE
from curation.judging.hashes import BITS, hash_face


def face(seed: int = 0) -> np.ndarray:
    """Smooth blobs: low frequencies decide, as in photos."""
    noise = np.random.default_rng(seed).normal(size=(16, 16, 3)).astype(np.float32)
    smooth = cv2.resize(noise, (512, 512), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 50 * smooth, 0, 255).astype(np.uint8)


def apart(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def test_a_hash_has_256_bits():
    assert [8 * len(value) for value in hash_face(face())] == [BITS, BITS] == [256, 256]


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
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.minimum(edge / 64, 1))
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
    cut[:32] = cut[:, :32] = 255
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
