"""The embedder: what it gives, that it is the same every time, and that places and mirrors mean something."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.face_frame import FRAME
from curation.analysis.embedding import DEEP, GRID, MIDDLE, FaceEmbedder, network_input, pool
from curation.library.examinations import EMBEDDING_SIZE


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(FRAME, FRAME, 3)).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 15)
    return np.clip(127 + 60 * blobs / blobs.std(), 0, 255).astype(np.uint8)


def test_an_embedding_has_its_shapes_and_is_finite(embedder):
    seen = embedder.embed(picture(0))

    assert seen.pooled.shape == (EMBEDDING_SIZE,)
    assert seen.middle.shape == (MIDDLE, GRID, GRID)
    assert seen.deep.shape == (DEEP, GRID // 2, GRID // 2)
    assert all(part.dtype == np.float32 and np.isfinite(part).all() for part in vars(seen).values())
    assert np.abs(seen.pooled).max() < 1000  # it is stored in half precision


def test_the_same_picture_gives_the_same_numbers(embedder):
    first, second = embedder.embed(picture(1)), embedder.embed(picture(1))

    assert np.array_equal(first.pooled, second.pooled)
    assert np.array_equal(first.middle, second.middle)


def test_openvino_and_torch_agree(embedder):
    slow = FaceEmbedder(runtime="torch")
    ours, theirs = embedder.embed(picture(2)), slow.embed(picture(2))

    assert slow.name == "torch-fp32"
    assert np.abs(ours.pooled - theirs.pooled).max() < 0.02


def test_an_embedding_stays_when_another_face_is_looked_at(embedder):
    kept = embedder.embed(picture(3))
    before = kept.pooled.copy(), kept.deep.copy()
    embedder.embed(picture(4))

    assert np.array_equal(kept.pooled, before[0])
    assert np.array_equal(kept.deep, before[1])


def test_a_change_at_the_mouth_moves_the_mouth_part_most():
    rng = np.random.default_rng(0)
    middle, deep = rng.random((MIDDLE, GRID, GRID), np.float32), rng.random((DEEP, 6, 6), np.float32)
    changed = middle.copy()
    changed[:, 8:10, 4:8] += 1

    difference = np.abs(pool(changed, deep) - pool(middle, deep))

    eyes, mouth = difference[640 : 640 + 112], difference[640 + 224 : 640 + 336]
    assert mouth.mean() > 0.2
    assert eyes.max() < 1e-5


def test_mirrored_maps_pool_to_the_same_vector():
    rng = np.random.default_rng(0)
    middle, deep = rng.random((MIDDLE, GRID, GRID), np.float32), rng.random((DEEP, 6, 6), np.float32)

    straight, mirrored = pool(middle, deep), pool(middle[..., ::-1].copy(), deep[..., ::-1].copy())

    assert np.abs(straight - mirrored).mean() < 0.01


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((256, 256, 3), np.uint8), np.zeros((512, 512), np.uint8), np.zeros((512, 512, 3), np.float32)],
    ids=["small", "grey", "float"],
)
def test_anything_but_an_aligned_crop_is_refused(wrong):
    with pytest.raises(ValueError, match="aligned face"):
        network_input(wrong)
