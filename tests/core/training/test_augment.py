import numpy as np
import pytest

from core.training import augment
from core.training.augment import AugmentConfig
from core.training.data import load_pairs


@pytest.fixture(scope="module")
def pairs(tiny_data):
    return load_pairs(tiny_data, "train")


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_same_generator_state_gives_the_same_sketch(pairs):
    config = AugmentConfig()
    drawn = [
        augment.damage(g, augment.draw_sketch(g, pairs.lines[0], pairs.points[0], config), config)
        for g in (rng(3), rng(3))
    ]
    assert np.array_equal(*drawn)


@pytest.mark.parametrize("kind", ["edges", "mesh", "both"])
def test_each_kind_of_sketch_is_black_on_white_and_not_blank(pairs, kind):
    only = AugmentConfig(**({"edges": 0, "mesh": 0, "both": 0} | {kind: 1}), outline_hair=0, empty_outside=0)
    sketch = augment.draw_sketch(rng(), pairs.lines[0], pairs.points[0], only)
    assert sketch.dtype == np.uint8 and sketch.shape == (64, 64)
    assert sketch.min() < 100 and np.median(sketch) == 255


def test_a_warp_moves_lines_but_at_most_as_far_as_told():
    sketch = np.full((128, 128), 255, np.uint8)
    sketch[64] = 0
    warped = augment.smooth_warp(rng(), sketch, 4.0)
    rows = np.nonzero(warped < 128)[0]
    assert not np.array_equal(warped, sketch)
    assert rows.size and np.abs(rows - 64).max() <= 6


def test_erasing_all_strokes_leaves_white_paper_without_halos():
    sketch = np.full((64, 64), 255, np.uint8)
    sketch[20:24, 10:50] = 0
    sketch[19, 10:50] = sketch[24, 10:50] = 200
    assert augment.erase_strokes(rng(), sketch, 1.0).min() >= 250


def test_a_hole_is_white_and_the_input_is_untouched():
    sketch = np.zeros((64, 64), np.uint8)
    holed = augment.cut_hole(rng(), sketch)
    assert sketch.max() == 0
    assert 0.005 < (holed == 255).mean() < 0.2


def test_outline_hair_empties_dense_strokes_and_keeps_their_border():
    sketch = np.full((256, 256), 255, np.uint8)
    sketch[20:120:4, 20:120] = 0
    interior = np.zeros((256, 256), np.uint8)
    outlined = augment.outline_hair(rng(), sketch, interior)
    assert (outlined[45:95, 45:95] == 255).all()
    assert (outlined < 128).sum() > 100


def test_geometry_moves_sketch_and_photo_together():
    mark = np.zeros((64, 64, 3), np.uint8)
    mark[18:22, 40:44] = 255
    for seed in range(6):
        geometry = augment.random_geometry(rng(seed), 64, AugmentConfig())
        photo, sketch = geometry.apply(mark), geometry.apply(255 - mark[..., 0], 255)
        at_photo, at_sketch = (np.argwhere(m).mean(0) for m in (photo[..., 0] > 128, sketch < 128))
        assert np.abs(at_photo - at_sketch).max() < 1
