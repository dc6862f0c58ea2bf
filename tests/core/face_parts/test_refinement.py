"""Stage 1 by parts in the pipeline: what each setting means, parts that are not drawn, ghosts, refusals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.conversion.settings import PartSettings
from core.errors import AssetMissing
from core.face_frame import face_mask
from core.face_parts.layout import (
    FACE_PARTS,
    PAINT_ORDER,
    PARTS_FILE,
    REMAINDER,
    PartAutoencoders,
    PartsConfig,
    cut_part,
    drawn_names,
    part_alpha,
    part_box,
)
from core.face_parts.refinement import PartsRefinement, compile_group
from core.images import sketch_to_tensor
from core.pipeline import SketchToFacePipeline
from core.runtime import Compiled
from tests.core.tiny_pipeline import (
    ROWS,
    SIZE,
    bank,
    drawing,
    networks,
    part_banks,
    part_networks,
    pipeline_with,
    write_parts,
    write_weights,
)

BY_PARTS = {"stage1": "parts"}


def eager(module, examples):
    """The network as it is, so that results can be compared to the bit of a pixel."""
    return Compiled("eager", torch.no_grad()(module), tuple(examples[:1].shape))


@pytest.fixture(scope="module")
def pipeline() -> SketchToFacePipeline:
    autoencoder, generator = networks()
    examples = sketch_to_tensor(drawing())
    trained = part_networks()
    parts = PartsRefinement(lambda: (trained, part_banks(trained)), eager, examples)
    return pipeline_with(
        eager(autoencoder.encoder, examples),
        Compiled("eager", torch.no_grad()(autoencoder.decode), (1, 16)),
        eager(generator, examples),
        bank(autoencoder),
        generator="tiny",
        parts=parts,
    )


def page_with(*names: str) -> np.ndarray:
    """A cross in the middle of each named part; for the remainder a frame along the picture's border."""
    page = np.full((SIZE, SIZE), 255, np.uint8)
    for name in names:
        left, top, right, bottom = part_box(name, SIZE)
        if name == REMAINDER:
            page[2, :] = page[-3, :] = page[:, 2] = page[:, -3] = 0
        else:
            x, y = (left + right) // 2, (top + bottom) // 2
            page[y - 2 : y + 3, x] = page[y, x - 2 : x + 3] = 0
    return page


def inside(name: str) -> np.ndarray:
    """Where a part is all that shows: (S, S) bool."""
    seen = np.zeros((SIZE, SIZE), bool)
    left, top, right, bottom = part_box(name, SIZE)
    seen[top:bottom, left:right] = part_alpha(name, SIZE) == 1
    for later in PAINT_ORDER[PAINT_ORDER.index(name) + 1 :]:
        left, top, right, bottom = part_box(later, SIZE)
        seen[top:bottom, left:right] = False
    return seen


def part_of(result, name: str):
    return next(part for part in result.parts if part.name == name)


def test_t_of_one_is_each_part_decoded_from_its_encoding(pipeline):
    sketch, trained = page_with(*PAINT_ORDER), part_networks()
    result = pipeline(sketch, t=1, mode="whole", **BY_PARTS)
    for name in FACE_PARTS:
        network = trained.autoencoder(name)
        with torch.no_grad():
            redrawn = network.decode(network.encode(sketch_to_tensor(cut_part(sketch, name))))[0, 0].numpy()
        whole = np.full((SIZE, SIZE), 9.0)
        left, top, right, bottom = part_box(name, SIZE)
        whole[top:bottom, left:right] = (redrawn + 1) * 127.5
        shown = inside(name)
        assert np.abs(result.refined_sketch[shown] - whole[shown]).max() <= 1


def test_the_parts_that_took_part_are_reported_in_the_order_of_painting(pipeline):
    sketch = page_with(*PAINT_ORDER)
    assert tuple(part.name for part in pipeline(sketch, mode="whole", **BY_PARTS).parts) == PAINT_ORDER
    assert tuple(part.name for part in pipeline(sketch, mode="hybrid", **BY_PARTS).parts) == FACE_PARTS


def test_the_whole_face_has_no_parts_and_says_so(pipeline):
    result = pipeline(drawing())
    assert (result.stage1, result.parts) == ("whole", ())


def test_a_parts_own_t_changes_that_part_and_no_other(pipeline):
    sketch = page_with(*PAINT_ORDER)
    before = pipeline(sketch, t=1, mode="whole", **BY_PARTS)
    after = pipeline(sketch, t=1, mode="whole", parts={"mouth": PartSettings(0.0, 5)}, **BY_PARTS)
    changed = before.refined_sketch != after.refined_sketch
    left, top, right, bottom = part_box("mouth", SIZE)
    assert changed[inside("mouth")].any()
    changed[top:bottom, left:right] = False
    assert not changed.any()
    assert (part_of(after, "mouth").t, part_of(after, "mouth").k, part_of(after, "nose").t) == (0.0, 5, 1.0)


def test_k_of_one_and_t_of_zero_draws_the_nearest_face_of_that_parts_bank(pipeline):
    result = pipeline(drawing(3), mode="whole", t=0, k=1, **BY_PARTS)
    eye = part_of(result, "eye_left")
    assert eye.is_drawn and [each.name for each in eye.neighbours] == ["face_03"]
    assert np.array_equal(eye.neighbours[0].sketch, cut_part(drawing(3), "eye_left"))


def test_the_hybrid_keeps_the_users_strokes_outside_the_face(pipeline):
    sketch = page_with(*PAINT_ORDER)
    hybrid = pipeline(sketch, mode="hybrid", **BY_PARTS).refined_sketch
    outside = face_mask(SIZE) == 0
    assert np.array_equal(hybrid[outside], sketch[outside])
    assert not np.array_equal(hybrid, sketch)


@pytest.mark.parametrize("name", FACE_PARTS)
def test_a_part_is_drawn_when_there_are_strokes_in_the_middle_of_its_box(name):
    assert drawn_names(page_with(name)) == {name}


def test_strokes_outside_the_boxes_are_the_remainder():
    assert drawn_names(page_with(REMAINDER)) == {REMAINDER}


@pytest.mark.parametrize("mode", ["hybrid", "whole"])
def test_a_part_that_is_not_drawn_stays_as_it_is(pipeline, mode):
    sketch = page_with("eye_left", REMAINDER)
    result = pipeline(sketch, mode=mode, **BY_PARTS)
    nose = part_of(result, "nose")
    assert (nose.is_drawn, nose.is_filled, nose.neighbours, nose.confidence) == (False, False, (), None)
    if mode == "hybrid":
        assert (result.refined_sketch[inside("nose")] == 255).all()


def test_the_few_strokes_of_a_part_that_is_not_drawn_are_kept(pipeline):
    sketch = page_with("eye_left", REMAINDER)
    left, _, _, bottom = part_box("mouth", SIZE)
    sketch[bottom - 5, left + 4 : left + 8] = 0
    result = pipeline(sketch, mode="whole", **BY_PARTS)
    assert not part_of(result, "mouth").is_drawn
    assert (result.refined_sketch[bottom - 5, left + 4 : left + 8] < 60).all()


def test_a_part_that_is_not_drawn_is_filled_from_its_bank_by_its_seed(pipeline):
    sketch = page_with("eye_left", REMAINDER)
    first, again, other = (pipeline(sketch, mode="whole", fill={"nose": s}, **BY_PARTS) for s in (1, 1, 2))
    nose = part_of(first, "nose")
    assert nose.is_filled and not nose.is_drawn and len(nose.neighbours) == 1
    assert np.array_equal(first.refined_sketch, again.refined_sketch)
    assert part_of(other, "nose").neighbours[0].name != nose.neighbours[0].name
    assert (first.refined_sketch[inside("nose")] < 255).any()


def test_equal_seeds_take_all_parts_from_one_person(pipeline):
    fill = dict.fromkeys(PAINT_ORDER, 5)
    result = pipeline(page_with(), mode="whole", fill=fill, **BY_PARTS)
    assert len({part.neighbours[0].name for part in result.parts}) == 1 and len(result.parts) == 5
    assert not result.is_blank and result.photo is not None and result.confidence is None


def test_a_fill_never_replaces_what_was_drawn(pipeline):
    sketch = page_with(*PAINT_ORDER)
    plain = pipeline(sketch, mode="whole", **BY_PARTS)
    filled = pipeline(sketch, mode="whole", fill={"nose": 3}, **BY_PARTS)
    assert np.array_equal(plain.refined_sketch, filled.refined_sketch)
    assert not part_of(filled, "nose").is_filled


def test_a_filled_remainder_lies_around_the_face_of_a_hybrid(pipeline):
    sketch = page_with("nose", "mouth")
    result = pipeline(sketch, mode="hybrid", fill={REMAINDER: 3}, **BY_PARTS)
    assert part_of(result, REMAINDER).is_filled
    assert (result.refined_sketch[face_mask(SIZE) == 0] < 255).any()


def test_a_blank_page_without_fill_calls_no_model(pipeline):
    result = pipeline(page_with(), **BY_PARTS)
    assert result.is_blank and result.photo is None and result.stage1 == "parts"


def test_the_confidence_is_the_mean_of_the_parts_that_were_drawn(pipeline):
    result = pipeline(page_with("nose", "mouth"), **BY_PARTS)
    sure = [part.confidence for part in result.parts if part.is_drawn]
    assert result.confidence == pytest.approx(np.mean(sure)) and len(sure) == 2


@pytest.mark.parametrize("stage1", ["whole", "parts"])
def test_a_ghost_is_a_picture_of_the_neighbours_at_the_networks_size(pipeline, stage1):
    ghost = pipeline.ghost(drawing(4, 200), k=3, stage1=stage1)
    assert ghost.shape == (SIZE, SIZE) and ghost.dtype == np.uint8
    assert ghost.min() < 128 < ghost.max()


def test_the_ghost_of_a_training_drawing_by_its_nearest_alone_is_that_drawing(pipeline):
    assert np.array_equal(pipeline.ghost(drawing(6), k=1), drawing(6))


def test_the_ghost_by_parts_suggests_what_is_not_drawn_yet(pipeline):
    page = drawing(8)
    left, top, right, bottom = part_box("eye_right", SIZE)
    page[top:bottom, left:right] = 255
    assert (pipeline.ghost(page, k=3, stage1="parts")[top:bottom, left:right] < 200).any()


@pytest.mark.parametrize("stage1", ["whole", "parts"])
def test_a_blank_page_has_no_ghost(pipeline, stage1):
    assert pipeline.ghost(page_with(), stage1=stage1) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stage1": "halves"}, "stage1 must be one of whole, parts"),
        ({"parts": {"nose": PartSettings()}}, "settings of stage1='parts'"),
        ({**BY_PARTS, "parts": {"ear": PartSettings()}}, "part must be one of remainder, mouth"),
        ({**BY_PARTS, "parts": {"nose": PartSettings(1.5, 5)}}, "t of nose must be a number between 0"),
        ({**BY_PARTS, "parts": {"nose": PartSettings(0.5, ROWS + 1)}}, f"k of nose must be .* 1 and {ROWS}"),
        ({**BY_PARTS, "fill": {"nose": -1}}, "the seed that fills nose must be a whole number"),
        ({**BY_PARTS, "fill": {"hair": 1}}, "part must be one of"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_what_is_valid(pipeline, settings, message):
    with pytest.raises(ValueError, match=message):
        pipeline(drawing(), **settings)


def test_four_threads_that_need_the_parts_for_the_first_time_get_the_same_faces(tmp_path: Path):
    write_parts(write_weights(tmp_path))
    loaded = SketchToFacePipeline.load(tmp_path, device="cpu", runtime="torch")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: loaded(drawing(5), mode="whole", **BY_PARTS), range(4)))
    assert all(np.array_equal(result.photo, results[0].photo) for result in results)


def test_weights_without_parts_say_what_to_do(tmp_path: Path):
    loaded = SketchToFacePipeline.load(write_weights(tmp_path), device="cpu", runtime="torch")
    assert not loaded.has_parts
    with pytest.raises(AssetMissing, match=rf"{PARTS_FILE} and .* missing\. Restore"):
        loaded(drawing(), **BY_PARTS)


def test_parts_of_the_face_can_be_read_finer_than_the_whole_sketch():
    torch.manual_seed(3)
    config = PartsConfig(SIZE, latent=8, widths=(4, 8), grid_values=64, remainder_latent=12,
                         remainder_widths=(4, 8), remainder_bottleneck=4, detail=2)  # fmt: skip
    fine = PartAutoencoders(config).eval()
    group = compile_group(fine, FACE_PARTS, eager, sketch_to_tensor(drawing()))
    page = drawing(size=2 * SIZE)
    read = group.read(page)
    network = fine.autoencoder("mouth")
    with torch.no_grad():
        latent = network.encode(sketch_to_tensor(cut_part(page, "mouth")))
        drawn = torch.nn.functional.avg_pool2d(network.decode(latent), 2)
    assert group.size == 2 * SIZE and np.allclose(read["mouth"], latent.numpy(), atol=1e-5)
    assert np.allclose(group.draw({"mouth": read["mouth"]})["mouth"], drawn[0, 0].numpy(), atol=1e-5)
    rest = compile_group(fine, (REMAINDER,), eager, sketch_to_tensor(drawing()))
    assert rest.size == SIZE
