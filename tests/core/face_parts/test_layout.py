"""The parts of a face: boxes, feathers, cutting and pasting, and their networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.face_frame import PARTS
from core.face_parts.layout import (
    FACE_PARTS,
    PAINT_ORDER,
    REMAINDER,
    PartAutoencoders,
    PartsConfig,
    cut_part,
    part_alpha,
    part_box,
    part_side,
    paste_parts,
    remainder_mask,
)
from tests.core.tiny_pipeline import SIZE, drawing, part_networks


def noise(size: int = 256) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (size, size)).astype(np.float32)


def test_the_parts_are_those_of_the_face_frame_over_the_remainder():
    assert PAINT_ORDER[0] == REMAINDER
    assert set(FACE_PARTS) == {part.name for part in PARTS}


@pytest.mark.parametrize("size", [64, 256, 512])
@pytest.mark.parametrize("name", FACE_PARTS)
def test_a_part_covers_its_middle_fully_and_its_border_hardly(name, size):
    alpha = part_alpha(name, size)
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 1
    assert border.max() <= (0.2 if size == 64 else 0.02)


@pytest.mark.parametrize("name", FACE_PARTS)
def test_a_feather_has_no_jump(name):
    alpha = part_alpha(name, 512)
    assert max(np.abs(np.diff(alpha, axis=axis)).max() for axis in (0, 1)) < 0.11


def test_parts_cut_from_a_sketch_and_pasted_back_change_nothing():
    sketch = noise()
    cuts = {name: cut_part(sketch, name) for name in PAINT_ORDER}
    assert np.allclose(paste_parts(np.ones_like(sketch), cuts), sketch, atol=1e-6)


def test_the_remainder_is_white_where_a_part_covers_it_fully_and_untouched_elsewhere():
    page = np.zeros((256, 256), np.uint8)
    rest = cut_part(page, REMAINDER)
    assert np.array_equal(rest == 0, remainder_mask(256))
    for name in FACE_PARTS:
        left, top, right, bottom = part_box(name, 256)
        assert (rest[top:bottom, left:right][part_alpha(name, 256) == 1] == 255).all()
    assert page.max() == 0


def test_a_part_painted_later_lies_over_one_painted_earlier():
    base = np.zeros((256, 256), np.float32)
    sides = {name: part_side(name, 256) for name in FACE_PARTS}
    pasted = paste_parts(
        base, {name: np.full((sides[name],) * 2, i + 1.0) for i, name in enumerate(FACE_PARTS)}
    )
    for number, name in enumerate(FACE_PARTS):
        left, top, right, bottom = part_box(name, 256)
        shown = pasted[top:bottom, left:right][part_alpha(name, 256) == 1]
        assert shown.min() >= number + 1


def test_parts_show_only_within_the_mask():
    base, mask = noise(), np.zeros((256, 256), np.float32)
    mask[:, :128] = 1
    pasted = paste_parts(base, {"mouth": np.ones((96, 96), np.float32)}, within=mask)
    assert np.array_equal(pasted[:, 128:], base[:, 128:])
    assert not np.array_equal(pasted[:, :128], base[:, :128])


@pytest.mark.parametrize("names", [{"ear": (4, 4)}, {"mouth": (64, 64)}])
def test_parts_that_do_not_fit_are_refused(names):
    with pytest.raises(ValueError, match=r"parts must be among remainder|mouth must be \(96, 96\) at 256 px"):
        paste_parts(noise(), {name: np.ones(shape, np.float32) for name, shape in names.items()})


@pytest.mark.parametrize("name", PAINT_ORDER)
def test_each_part_has_a_network_of_its_own_size_that_reads_and_draws(name):
    network = part_networks().autoencoder(name)
    cut = torch.from_numpy(cut_part(drawing(), name).astype(np.float32) / 127.5 - 1)[None, None]
    with torch.no_grad():
        assert network.decode(network.encode(cut)).shape == cut.shape
    assert network.config.image_size == part_side(name, SIZE)


def test_the_shipped_sizes_are_64_80_and_96_pixels_and_the_whole():
    config = PartsConfig()
    assert [config.of_part(name).image_size for name in PAINT_ORDER] == [256, 96, 80, 64, 64]
    assert sum(p.numel() for p in PartAutoencoders(config).parameters()) < 14e6


def test_a_size_whose_boxes_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="64 times a power of two fits every part"):
        PartAutoencoders(PartsConfig(image_size=100, parts=("nose",)))


def test_weights_without_a_part_say_which_parts_they_have():
    with pytest.raises(ValueError, match="part must be one of nose; got 'mouth'"):
        PartAutoencoders(PartsConfig(SIZE, parts=("nose",))).autoencoder("mouth")
