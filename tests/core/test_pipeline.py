"""The pipeline: what each mode and t means, blank drawings, sizes, threads, and what loading refuses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoints import save_model
from core.conversion.request import STEPS
from core.conversion.settings import MODES
from core.errors import AssetMissing
from core.face_frame import face_mask
from core.images import sketch_to_tensor, tensor_to_photo, tensor_to_sketch
from core.manifold import Manifold
from core.pipeline import SketchToFacePipeline
from core.runtime import Compiled
from core.sketch_input import is_blank, prepare_sketch
from core.upscaler import UPSCALER_FILE, Upscaler, UpscalerConfig
from tests.core.tiny_pipeline import (
    ROWS,
    SIZE,
    bank,
    drawing,
    networks,
    pipeline_of,
    pipeline_with,
    write_weights,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from more, and lose much beside other work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def pipeline() -> SketchToFacePipeline:
    """Exact float32 networks, so that results can be compared to the bit of a pixel."""
    autoencoder, generator = networks()
    return pipeline_of(autoencoder, generator, bank(autoencoder), runtime="torch")


@pytest.fixture(scope="module")
def exact() -> SketchToFacePipeline:
    """The same networks as they are, without folding or half precision."""
    autoencoder, generator = networks()

    def eager(call, shape):
        return Compiled("eager", torch.no_grad()(call), shape)

    return pipeline_with(
        eager(autoencoder.encode, (1, 1, SIZE, SIZE)),
        eager(autoencoder.decode, (1, 16)),
        eager(generator, (1, 1, SIZE, SIZE)),
        bank(autoencoder),
        generator="tiny",
    )


def redrawn(sketch: np.ndarray) -> torch.Tensor:
    autoencoder, _ = networks()
    with torch.no_grad():
        return autoencoder.decode(autoencoder.encode(sketch_to_tensor(sketch)))


def test_t_of_one_in_mode_whole_is_decode_of_encode(exact):
    sketch = drawing(100)
    result = exact(sketch, t=1, mode="whole")
    assert np.array_equal(result.refined_sketch, tensor_to_sketch(redrawn(sketch)))


def test_t_of_zero_in_mode_whole_is_decode_of_the_projection(exact):
    autoencoder, _ = networks()
    sketch = drawing(101)
    with torch.no_grad():
        latent = autoencoder.encode(sketch_to_tensor(sketch)).numpy()
        projected = exact.manifold.project(latent, k=5).projected
        expected = tensor_to_sketch(autoencoder.decode(torch.from_numpy(projected)))
    assert np.array_equal(exact(sketch, t=0, k=5, mode="whole").refined_sketch, expected)


def test_the_photo_is_the_generators_answer_to_the_refined_sketch(exact):
    _, generator = networks()
    sketch = drawing(102)
    with torch.no_grad():
        expected = tensor_to_photo(generator(redrawn(sketch)))
    assert np.array_equal(exact(sketch, t=1, mode="whole").photo, expected)


def test_mode_none_hands_the_drawing_over_untouched_and_knows_no_confidence(exact):
    _, generator = networks()
    sketch = drawing(103)
    result = exact(sketch, mode="none")
    with torch.no_grad():
        assert np.array_equal(result.photo, tensor_to_photo(generator(sketch_to_tensor(sketch))))
    assert np.array_equal(result.refined_sketch, sketch)
    assert result.confidence is None and result.neighbours == ()
    assert result.timings["encode"] == result.timings["project"] == result.timings["decode"] == 0


def test_the_hybrid_keeps_the_users_strokes_outside_the_face_and_refines_inside(exact):
    sketch = drawing(104)
    whole = exact(sketch, t=0.3, mode="whole").refined_sketch
    hybrid = exact(sketch, t=0.3, mode="hybrid").refined_sketch
    mask = face_mask(SIZE)
    assert np.array_equal(hybrid[mask == 0], sketch[mask == 0])
    assert np.array_equal(hybrid[mask == 1], whole[mask == 1])
    low, high = np.minimum(whole, sketch), np.maximum(whole, sketch)
    assert ((hybrid >= low.astype(int) - 1) & (hybrid <= high.astype(int) + 1)).all()


def test_outlined_hair_is_filled_for_unpaired_generators_alone(exact, monkeypatch):
    sketch = drawing(104)
    hybrid = exact(sketch).refined_sketch
    monkeypatch.setattr(exact.generator_cache, "is_unpaired", lambda name: True)
    filled, mask = exact(sketch).refined_sketch, face_mask(SIZE)
    assert np.array_equal(filled[mask == 1], hybrid[mask == 1])
    assert (filled <= hybrid).all() and (filled < hybrid).any()
    assert np.array_equal(exact(sketch, mode="none").refined_sketch, sketch)


def test_moving_t_moves_the_refined_sketch_from_the_projection_to_the_drawing(exact):
    sketch = drawing(105)
    target = exact(sketch, t=1, mode="whole").refined_sketch.astype(float)
    away = [np.abs(exact(sketch, t=t, mode="whole").refined_sketch - target).mean() for t in (0, 0.3, 0.6, 1)]
    assert away == sorted(away, reverse=True) and away[-1] == 0 < away[0]


def test_neighbours_come_nearest_first_with_names_weights_and_thumbnails(pipeline):
    result = pipeline(drawing(3), k=6)
    assert len(result.neighbours) == 6 and result.neighbours[0].name == "face_03"
    distances = [neighbour.distance for neighbour in result.neighbours]
    assert distances == sorted(distances)
    assert sum(neighbour.weight for neighbour in result.neighbours) == pytest.approx(1)
    assert np.array_equal(result.neighbours[0].sketch, drawing(3))
    with pytest.raises(ValueError, match="read-only"):
        result.neighbours[0].sketch[:] = 0


def test_a_training_drawing_is_trusted_more_than_scribble(pipeline):
    scribble = np.where(np.random.default_rng(0).random((SIZE, SIZE)) < 0.5, 0, 255).astype(np.uint8)
    assert pipeline(drawing(5)).confidence > 0.9 > 0.5 > pipeline(scribble).confidence >= 0


def test_a_bank_without_thumbnails_still_names_its_neighbours():
    autoencoder, generator = networks()
    manifold = bank(autoencoder, with_sketches=False)
    pipeline = pipeline_of(autoencoder, generator, manifold, runtime="torch")
    assert all(neighbour.sketch is None and neighbour.name for neighbour in pipeline(drawing()).neighbours)


@pytest.mark.parametrize("mode", MODES)
def test_the_same_drawing_gives_the_same_face_every_time(pipeline, mode):
    first, second = (pipeline(drawing(9), t=0.4, k=7, mode=mode) for _ in range(2))
    assert np.array_equal(first.photo, second.photo)
    assert np.array_equal(first.refined_sketch, second.refined_sketch)
    assert first.confidence == second.confidence


def test_the_result_says_with_what_settings_it_was_made_and_how_long_each_step_took(pipeline):
    result = pipeline(drawing(), t=0.25, k=4, mode="whole")
    assert (result.t, result.k, result.mode, result.generator) == (0.25, 4, "whole", "pix2pixhd")
    assert tuple(result.timings) == STEPS
    assert result.timings["total"] >= sum(result.timings[step] for step in STEPS[:-1]) - 1e-6
    assert min(result.timings.values()) >= 0


def test_a_person_changes_the_face_and_who_it_leans_on_and_is_the_same_every_time(pipeline):
    sketch = drawing(104)
    people = pipeline.people(sketch, 4)
    faces = [pipeline(sketch, k=3, t=0.2, person=person) for person in [*people, people[-1] + ROWS]]
    assert len({face.refined_sketch.tobytes() for face in faces[:-1]}) == len(people) == 4
    assert np.array_equal(faces[-1].photo, faces[-2].photo)
    assert pipeline.manifold.names[people[2]] in {near.name for near in faces[2].neighbours}
    assert faces[2].person == people[2]
    assert pipeline.people(np.full((64, 64), 255, np.uint8)) == []


def test_a_tone_is_given_to_the_finished_photo_and_costs_nothing_unless_it_is_chosen(pipeline, monkeypatch):
    monkeypatch.setattr(
        "core.pipeline.with_tones", lambda photo, **tones: photo // 2 if tones["skin"] else photo
    )
    plain, toned = pipeline(drawing()), pipeline(drawing(), skin="dark", hair="red")
    assert np.array_equal(toned.photo, plain.photo // 2)
    assert (toned.skin, toned.hair) == ("dark", "red")
    assert plain.timings["colour"] == 0 < toned.timings["colour"]


@pytest.mark.parametrize("dust", [0, 1, 3])
def test_a_blank_drawing_calls_no_model_and_says_so(pipeline, dust, monkeypatch):
    def called(*_):
        raise AssertionError("a model was called")

    for network in (pipeline.encode, pipeline.decode, pipeline.generate):
        monkeypatch.setattr(network, "_run", called)
    page = np.full((SIZE, SIZE), 255, np.uint8)
    page.ravel()[:dust] = 0
    result = pipeline(page)
    assert result.is_blank and result.photo is None and result.refined_sketch is None
    assert result.confidence is None and result.neighbours == ()
    assert result.timings["generate"] == 0


def test_one_short_stroke_is_a_drawing(pipeline):
    page = np.full((512, 512), 255, np.uint8)
    page[200:204, 200:300] = 0
    assert not pipeline(page).is_blank


@pytest.mark.parametrize("shape", [(512, 512), (48, 48), (300, 200), (64, 200), (2000, 2000)])
def test_any_size_of_drawing_gives_pictures_of_the_networks_size(pipeline, shape):
    side = max(shape)
    page = drawing(1, side)[(side - shape[0]) // 2 :, (side - shape[1]) // 2 :][: shape[0], : shape[1]]
    result = pipeline(page)
    assert result.photo.shape == (SIZE, SIZE, 3) and result.photo.dtype == np.uint8
    assert result.refined_sketch.shape == (SIZE, SIZE) and result.refined_sketch.dtype == np.uint8


def test_a_drawing_enlarged_pixel_by_pixel_gives_the_same_face(pipeline):
    twice = np.kron(drawing(2), np.ones((2, 2), np.uint8))
    assert np.array_equal(pipeline(twice).photo, pipeline(drawing(2)).photo)


@pytest.mark.parametrize("side", [128, 512, 1024, 3000])
def test_a_line_of_one_pixel_survives_shrinking(side):
    page = np.full((side, side), 255, np.uint8)
    page[:, side // 3] = 0
    shrunk = prepare_sketch(page, 64)
    darkest = shrunk.min(axis=1)
    assert (darkest <= 150).all()
    assert (shrunk < 200).sum(axis=1).max() <= 3  # and does not become a beam


def test_a_drawing_that_is_not_square_is_centred_on_white():
    page = np.zeros((32, 64), np.uint8)
    square = prepare_sketch(page, 64)
    assert (square[16:48] == 0).all() and (square[:16] == 255).all() and (square[48:] == 255).all()


def test_preparing_twice_changes_nothing_more():
    once = prepare_sketch(drawing(4, 300), 64)
    assert np.array_equal(prepare_sketch(once, 64), once)


def test_a_faint_pencil_line_is_not_blank():
    page = np.full((64, 64), 255, np.uint8)
    page[30, 10:50] = 180
    assert not is_blank(page)


@pytest.mark.parametrize(
    "sketch",
    [
        np.zeros((8, 8), bool), np.zeros((8, 8)), np.zeros((8, 8, 3), np.uint8), np.zeros((0, 8), np.uint8),
        None, "face.png",
    ],
)  # fmt: skip
def test_what_is_no_greyscale_picture_is_refused(pipeline, sketch):
    with pytest.raises(ValueError, match=r"A sketch (must be|needs)"):
        pipeline(sketch)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"t": 1.5}, "t must be a number between 0"), ({"t": float("nan")}, "t must be"),
        ({"t": "0.5"}, "t must be"), ({"k": 0}, f"between 1 and {ROWS}"), ({"k": ROWS + 1}, f"between 1 and {ROWS}"),
        ({"k": 2.5}, "k must be a whole number"), ({"mode": "full"}, "hybrid, whole, none"),
        ({"mode": "none", "k": 0}, "k must be"), ({"skin": "green"}, "skin must be one of light"),
        ({"hair": "Black"}, "hair must be one of black"), ({"person": -1}, "person must be a whole number"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_with_what_is_valid(pipeline, settings, message):
    with pytest.raises(ValueError, match=message):
        pipeline(drawing(), **settings)


@pytest.mark.parametrize("runtime", ["torch", "auto"])
def test_four_threads_at_once_get_the_faces_that_one_would(runtime):
    autoencoder, generator = networks()
    pipeline = pipeline_of(autoencoder, generator, bank(autoencoder), runtime=runtime)
    jobs = [(drawing(seed), seed % 5 / 4, MODES[seed % 3]) for seed in range(16)]

    def run(job):
        sketch, t, mode = job
        return pipeline(sketch, t=t, mode=mode)

    in_turn = [run(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(run, jobs))
    for one, other in zip(in_turn, at_once, strict=True):
        assert np.array_equal(one.photo, other.photo)
        assert np.array_equal(one.refined_sketch, other.refined_sketch)
        assert one.neighbours[:1] == () or one.neighbours[0].name == other.neighbours[0].name


def test_the_chosen_runtimes_draw_the_same_face_as_plain_torch_within_forty_decibels(exact):
    autoencoder, generator = networks()
    fast = pipeline_of(autoencoder, generator, bank(autoencoder))
    for seed in range(200, 204):
        photo, expected = (p(drawing(seed)).photo.astype(float) for p in (fast, exact))
        assert np.mean((photo - expected) ** 2) <= 255**2 / 10**4


def test_a_loaded_pipeline_draws_what_the_same_networks_in_memory_draw(pipeline, tmp_path: Path):
    loaded = SketchToFacePipeline.load(write_weights(tmp_path), device="cpu", runtime="torch")
    photo, expected = loaded(drawing(7)).photo.astype(float), pipeline(drawing(7)).photo
    assert np.abs(photo - expected).max() <= 8  # either may run in bfloat16
    assert set(loaded.runtimes) == {"encode", "decode", "generate"}


@pytest.mark.parametrize("missing", ["sketch_autoencoder", "face_bank", "pix2pixhd"])
def test_missing_weights_are_named_with_the_next_step(tmp_path: Path, missing):
    folder = write_weights(tmp_path)
    (folder / f"{missing}.safetensors").unlink()
    with pytest.raises(AssetMissing, match=rf"{missing}\.safetensors is missing\. \w+"):
        SketchToFacePipeline.load(folder, device="cpu", runtime="torch")


@pytest.mark.parametrize("name", ["unet", "face_bank", "sketch_autoencoder", "../pix2pixhd", ""])
def test_an_unknown_generator_is_refused_with_the_names_that_exist(tmp_path: Path, name):
    folder = write_weights(tmp_path / "weights")
    save_model(folder / "other.safetensors", networks()[1], provenance={}, licence="none")
    with pytest.raises(ValueError, match="generator must be one of: other, pix2pixhd; got"):
        SketchToFacePipeline.load(folder, device="cpu", generator=name)


def test_another_generator_is_chosen_by_its_name(tmp_path: Path):
    folder = write_weights(tmp_path)
    save_model(folder / "other.safetensors", networks()[1], provenance={}, licence="none")
    pipeline = SketchToFacePipeline.load(folder, device="cpu", runtime="torch", generator="other")
    assert pipeline(drawing()).generator == "other"


def test_a_bank_of_another_autoencoder_is_refused(tmp_path: Path):
    folder = write_weights(tmp_path)
    manifold = Manifold.load(folder / "face_bank.safetensors")
    manifold.save(folder / "face_bank.safetensors", provenance={"autoencoder_sha256": "0" * 64})
    with pytest.raises(ValueError, match="made by networks 000000000000"):
        SketchToFacePipeline.load(folder, device="cpu", runtime="torch")


def test_photos_are_doubled_where_the_weights_hold_an_upscaler(tmp_path):
    folder = write_weights(tmp_path / "weights")
    plain = SketchToFacePipeline.load(folder)(drawing())
    save_model(
        folder / UPSCALER_FILE, Upscaler(UpscalerConfig(width=4, blocks=1)), provenance={}, licence="none"
    )
    doubled = SketchToFacePipeline.load(folder)(drawing())
    assert plain.photo.shape == (SIZE, SIZE, 3) and doubled.photo.shape == (2 * SIZE, 2 * SIZE, 3)
    assert doubled.timings["upscale"] > 0 == plain.timings["upscale"]
    again = SketchToFacePipeline.load(folder, upscale=False)(drawing())
    assert np.array_equal(again.photo, plain.photo)


def test_a_generator_of_another_size_than_the_upscaler_was_made_for_is_left_as_it_is(exact):
    other = pipeline_with(
        exact.encode, exact.decode, exact.generate, exact.manifold, generator="tiny",
        upscaler=Compiled("eager", Upscaler(), (1, 3, 2 * SIZE, 2 * SIZE)),
    )  # fmt: skip
    assert other(drawing()).photo.shape == (SIZE, SIZE, 3)
