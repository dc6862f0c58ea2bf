"""The manifold: neighbours, weights that stay bounded, the mix, and a confidence that falls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import read_info, save_model
from core.errors import AssetMissing
from core.lle import lle_weights
from core.manifold import Manifold, mix

ROWS, WIDTH = 60, 24


@pytest.fixture(scope="module")
def bank() -> np.ndarray:
    """Latents near a curved five-dimensional surface, as faces' latents are."""
    random = np.random.default_rng(7)
    inner = random.normal(size=(ROWS, 5))
    lift = random.normal(size=(5, WIDTH))
    return (np.tanh(inner @ lift) + 0.05 * random.normal(size=(ROWS, WIDTH))).astype(np.float32)


@pytest.fixture(scope="module")
def manifold(bank: np.ndarray) -> Manifold:
    return Manifold(bank, [f"face_{row:02d}" for row in range(ROWS)])


def queries(count: int = 6, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


def test_neighbours_are_the_true_nearest_rows_nearest_first(manifold, bank):
    latents = queries()
    result = manifold.project(latents, k=7)
    exact = np.linalg.norm(latents[:, None] - bank[None], axis=2)
    assert np.array_equal(result.neighbour_ids, np.argsort(exact, axis=1)[:, :7])
    assert (np.diff(result.distances, axis=1) >= 0).all()


def test_distances_are_euclidean_and_not_squared(manifold, bank):
    latents = queries()
    result = manifold.project(latents, k=4)
    expected = np.linalg.norm(latents[:, None] - bank[result.neighbour_ids], axis=2)
    assert np.allclose(result.distances, expected, rtol=1e-5)


def test_weights_sum_to_one_and_rebuild_the_projection(manifold, bank):
    result = manifold.project(queries(), k=8)
    assert np.allclose(result.weights.sum(axis=1), 1.0, atol=1e-12)
    blend = np.einsum("bk,bkd->bd", result.weights, bank[result.neighbour_ids])
    assert np.allclose(result.projected, blend, atol=1e-5)


def test_no_other_weights_that_sum_to_one_fit_much_better(manifold, bank):
    latents = queries(4)
    result = manifold.project(latents, k=6, ridge=1e-9)
    residual = np.linalg.norm(latents - result.projected, axis=1)
    random = np.random.default_rng(3)
    for _ in range(50):
        nudged = result.weights + 0.05 * random.normal(size=result.weights.shape)
        nudged /= nudged.sum(axis=1, keepdims=True)
        other = np.einsum("bk,bkd->bd", nudged, bank[result.neighbour_ids])
        assert (np.linalg.norm(latents - other, axis=1) >= residual - 1e-5).all()


def test_a_query_equal_to_a_bank_row_comes_back_as_that_row(manifold, bank):
    result = manifold.project(bank[:10], k=10)
    assert np.array_equal(result.neighbour_ids[:, 0], np.arange(10))
    assert (result.weights.argmax(axis=1) == 0).all()
    error = np.linalg.norm(result.projected - bank[:10], axis=1)
    assert (error < 0.1 * result.distances[:, 1]).all()


def test_a_bank_of_duplicates_gives_the_duplicated_row_with_even_weights():
    row = queries(1)
    manifold = Manifold(np.repeat(row, 12, axis=0), [str(i) for i in range(12)])
    result = manifold.project(row, k=10)
    assert np.allclose(result.projected, row, atol=1e-6)
    assert np.allclose(result.weights, 0.1)


def test_near_duplicates_in_the_bank_leave_the_weights_bounded_and_the_fit_good(bank):
    random = np.random.default_rng(5)
    near = np.repeat(bank[:6], 5, axis=0) + 1e-6 * random.normal(size=(30, WIDTH))
    doubled = Manifold(np.concatenate([bank, near]).astype(np.float32), [str(i) for i in range(ROWS + 30)])
    latents = bank[:6] + 0.1 * queries(6)
    result = doubled.project(latents, k=10)
    assert np.abs(result.weights).sum(axis=1).max() < 5
    nearest_only = np.linalg.norm(latents - bank[:6], axis=1)
    assert (np.linalg.norm(latents - result.projected, axis=1) <= nearest_only * 1.001).all()


def test_k_of_one_returns_the_nearest_row(manifold, bank):
    latents = queries()
    result = manifold.project(latents, k=1)
    assert np.allclose(result.weights, 1.0)
    assert np.array_equal(result.projected, bank[result.neighbour_ids[:, 0]])


def test_k_equal_to_the_bank_size_uses_every_row_once(manifold):
    result = manifold.project(queries(), k=ROWS)
    assert np.array_equal(np.sort(result.neighbour_ids, axis=1), np.tile(np.arange(ROWS), (6, 1)))
    assert np.isfinite(result.projected).all()


@pytest.mark.parametrize("k", [10, 50, ROWS])
def test_far_queries_keep_their_weights_bounded(manifold, k):
    far = queries() * 1000
    result = manifold.project(far, k=k)
    assert np.abs(result.weights).sum(axis=1).max() < 10  # 299 without the ridge


@pytest.mark.parametrize("count", [2, 17, 40])
def test_a_batch_gives_what_its_rows_give_alone(manifold, count):
    latents = queries(count)
    together = manifold.project(latents, k=9)
    for row in range(count):
        alone = manifold.project(latents[row : row + 1], k=9)
        assert np.array_equal(together.neighbour_ids[row], alone.neighbour_ids[0])
        assert np.allclose(together.projected[row], alone.projected[0], atol=1e-6)
        assert np.allclose(together.confidence[row], alone.confidence[0], atol=1e-6)


def test_an_empty_batch_gives_an_empty_result(manifold):
    result = manifold.project(np.empty((0, WIDTH), np.float32), k=3)
    assert result.projected.shape == (0, WIDTH) and result.neighbour_ids.shape == (0, 3)


def test_neighbour_ids_are_never_negative(manifold):
    latents = np.concatenate([queries() * scale for scale in (0.0, 1.0, 1e6)])
    for k in (1, 10, ROWS):
        assert manifold.project(latents, k=k).neighbour_ids.min() >= 0


def test_the_projection_does_not_depend_on_where_the_latents_lie(bank):
    latents, shift = queries(), np.full(WIDTH, 3.0, np.float32)
    names = [str(i) for i in range(ROWS)]
    here = Manifold(bank, names).project(latents, k=6)
    there = Manifold(bank + shift, names).project(latents + shift, k=6)
    assert np.array_equal(here.neighbour_ids, there.neighbour_ids)
    assert np.allclose(here.projected + shift, there.projected, atol=1e-4)


def test_excluded_rows_are_never_neighbours(manifold, bank):
    own = np.arange(ROWS)
    result = manifold.project(bank, k=5, exclude=own)
    assert not (result.neighbour_ids == own[:, None]).any()
    full = manifold.project(bank, k=6)
    assert np.array_equal(full.neighbour_ids[:, 1:], result.neighbour_ids)


def test_several_rows_can_be_excluded_and_minus_one_excludes_nothing(manifold, bank):
    banned = np.array([[0, 1], [2, -1], [-1, -1]])
    result = manifold.project(bank[:3], k=ROWS - 2, exclude=banned)
    assert not (result.neighbour_ids[:, :, None] == banned[:, None, :]).any()
    assert np.array_equal(result.neighbour_ids[2], manifold.project(bank[2:3], k=ROWS - 2).neighbour_ids[0])


@pytest.mark.parametrize("exclude", [np.arange(3), np.zeros((6, 1, 1), int), np.zeros(6)])
def test_exclusions_that_do_not_fit_the_batch_are_refused(manifold, exclude):
    with pytest.raises(ValueError, match="exclude must be"):
        manifold.project(queries(6), k=3, exclude=exclude)


@pytest.mark.parametrize("k", [0, -1, ROWS + 1])
def test_k_out_of_range_is_refused_with_the_range(manifold, k):
    with pytest.raises(ValueError, match=f"between 1 and {ROWS}"):
        manifold.project(queries(), k=k)


@pytest.mark.parametrize("k", [2.5, True, "3", None])
def test_k_that_is_no_whole_number_is_refused(manifold, k):
    with pytest.raises(ValueError, match="whole number"):
        manifold.project(queries(), k=k)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_latents_that_are_not_finite_are_refused(manifold, bad):
    latents = queries()
    latents[2, 3] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        manifold.project(latents)


@pytest.mark.parametrize("shape", [(WIDTH,), (2, WIDTH + 1), (1, 2, WIDTH)])
def test_latents_of_a_wrong_shape_are_refused(manifold, shape):
    with pytest.raises(ValueError, match=f"\\(B, {WIDTH}\\)"):
        manifold.project(np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(0, 8), (8, 0), (8,), (2, 2, 2)])
def test_a_bank_that_is_empty_or_not_two_dimensional_is_refused(shape):
    with pytest.raises(ValueError, match="at least one latent"):
        Manifold(np.zeros(shape, np.float32), ["a"] * shape[0])


def test_a_bank_with_nan_or_with_other_names_or_thumbnails_than_rows_is_refused(bank):
    names = [str(i) for i in range(ROWS)]
    with pytest.raises(ValueError, match="NaN"):
        Manifold(np.where(bank > 0.5, np.nan, bank), names)
    with pytest.raises(ValueError, match="as many names"):
        Manifold(bank, names[1:])
    with pytest.raises(ValueError, match="sketches must be"):
        Manifold(bank, names, sketches=np.zeros((ROWS - 1, 4, 4), np.uint8))


def test_t_of_one_keeps_the_input_exactly_and_t_of_zero_is_the_projection(manifold):
    latents = queries()
    projected = manifold.project(latents, k=5).projected
    assert np.array_equal(mix(latents, projected, 1), latents)
    assert np.array_equal(mix(latents, projected, 0.0), projected)
    assert np.allclose(mix(latents, projected, 0.25), 0.25 * latents + 0.75 * projected, atol=1e-6)


@pytest.mark.parametrize("t", [-0.01, 1.01, np.nan, np.inf, True, np.array([0.5, 0.5]), "0.5"])
def test_t_outside_zero_and_one_is_refused(t):
    with pytest.raises(ValueError, match="t must be a number between 0"):
        mix(queries(), queries(), t)


def test_confidence_falls_along_a_ray_away_from_the_manifold(manifold, bank):
    centre = bank.mean(axis=0)
    for seed in range(5):
        direction = queries(1, seed)[0]
        steps = np.array([0.0, 0.5, 1, 2, 4, 8, 16, 64], np.float32)[:, None]
        confidence = manifold.project(centre + steps * direction, k=10).confidence
        assert (np.diff(confidence[1:]) < 0).all(), confidence
        assert confidence[0] > 0.5 and confidence[-1] < 0.01


def test_confidence_is_high_on_the_bank_and_on_held_out_rows_and_low_on_noise(manifold, bank):
    assert manifold.project(bank).confidence.min() > 0.95
    held_out = manifold.project(bank, exclude=np.arange(ROWS)).confidence
    assert np.isclose(np.median(held_out), 0.9, atol=0.01) and np.quantile(held_out, 0.1) > 0.5
    assert manifold.project(5 * queries(20)).confidence.max() < 0.3


def test_confidence_does_not_depend_on_k(manifold):
    latents = queries()
    confidences = [manifold.project(latents, k=k).confidence for k in (1, 3, 10, 30)]
    assert all(np.allclose(confidences[0], other, atol=1e-6) for other in confidences)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_tiny_bank_still_projects_with_a_confidence_between_zero_and_one(bank, rows):
    tiny = Manifold(bank[:rows], ["a", "b", "c"][:rows])
    for scale in (0.0, 1.0, 1e4):
        confidence = tiny.project(scale * queries(), k=rows).confidence
        assert ((confidence >= 0) & (confidence <= 1)).all()
    assert tiny.project(bank[:1], k=rows).confidence[0] > tiny.project(100 * queries(1), k=rows).confidence[0]


def test_a_saved_bank_comes_back_bit_equal_and_answers_alike(manifold, bank, tmp_path: Path):
    thumbnails = np.random.default_rng(0).integers(0, 256, (ROWS, 8, 8), dtype=np.uint8)
    names = [f"Gesicht {row}, „ä“" for row in range(ROWS)]
    original = Manifold(bank, names, sketches=thumbnails)
    original.save(tmp_path / "bank.safetensors", provenance={"rows": ROWS}, licence="CC BY-NC-SA 4.0")
    loaded = Manifold.load(tmp_path / "bank.safetensors")
    info = read_info(tmp_path / "bank.safetensors")
    assert info.provenance == {"rows": ROWS} and info.licence == "CC BY-NC-SA 4.0"
    assert np.array_equal(loaded.bank, bank) and loaded.names == tuple(names)
    assert np.array_equal(loaded.sketches, thumbnails)
    assert np.array_equal(loaded.residual_quantiles, original.residual_quantiles)
    assert np.array_equal(loaded.project(queries()).projected, original.project(queries()).projected)
    assert [file.name for file in tmp_path.iterdir()] == ["bank.safetensors"]


def test_thumbnails_are_optional_in_the_file(manifold, tmp_path: Path):
    manifold.save(tmp_path / "bank.safetensors")
    assert Manifold.load(tmp_path / "bank.safetensors").sketches is None


def test_a_missing_bank_says_what_to_do(tmp_path: Path):
    with pytest.raises(AssetMissing, match=r"bank\.safetensors is missing\."):
        Manifold.load(tmp_path / "bank.safetensors")


def test_a_file_that_is_no_bank_is_refused(tmp_path: Path):
    (tmp_path / "broken.safetensors").write_bytes(b"not a tensor file")
    with pytest.raises(ValueError, match="not a safetensors file"):
        Manifold.load(tmp_path / "broken.safetensors")
    network = SketchAutoencoder(AutoencoderConfig(image_size=32, latent=4, widths=(4,), bottleneck=2))
    save_model(tmp_path / "network.safetensors", network, provenance={}, licence="none")
    with pytest.raises(ValueError, match="not a face bank"):
        Manifold.load(tmp_path / "network.safetensors")


@pytest.mark.parametrize("ridge", [0.0, -1.0, np.nan])
def test_a_ridge_that_is_not_positive_is_refused(ridge):
    with pytest.raises(ValueError, match="ridge"):
        lle_weights(np.zeros((1, 3)), np.zeros((1, 2, 3)), ridge)


def test_weights_do_not_change_when_all_lengths_are_scaled():
    random = np.random.default_rng(2)
    query, neighbours = random.normal(size=(3, 8)), random.normal(size=(3, 5, 8))
    for scale in (1e-12, 1e12):
        assert np.allclose(lle_weights(query, neighbours), lle_weights(scale * query, scale * neighbours))


def test_a_person_stays_the_same_neighbours_whatever_the_latent_and_itself_is_rebuilt(manifold, bank):
    at = manifold.project(bank[[5]], k=4)
    for number in (5, 5 + len(bank)):
        found = manifold.project(np.stack([bank[5], bank[40], -bank[40]]), k=4, person=number)
        assert {frozenset(row) for row in found.neighbour_ids} == {frozenset(at.neighbour_ids[0])}
        assert (np.diff(found.distances, axis=1) >= 0).all()
    assert np.allclose(found.projected[0], bank[5], atol=0.05 * np.linalg.norm(bank[5]))
    assert np.allclose(
        found.confidence, manifold.project(np.stack([bank[5], bank[40], -bank[40]]), k=4).confidence
    )


def test_people_are_near_the_latent_and_lie_further_apart_than_its_nearest(manifold, bank):
    chosen = manifold.spread(bank[[7]], 6, among=30)
    near = manifold.project(bank[[7]], k=30).neighbour_ids[0]
    assert chosen[0] == 7
    assert len(set(chosen)) == 6
    assert set(chosen) <= set(near)
    assert chosen == manifold.spread(bank[[7]], 6, among=30)

    def closest(rows):
        gaps = np.linalg.norm(bank[rows][:, None] - bank[rows], axis=2)
        return gaps[np.triu_indices(len(rows), 1)].min()

    assert closest(chosen) > closest(near[:6])


def test_a_small_bank_has_fewer_people(bank):
    assert sorted(Manifold(bank[:3], list("abc")).spread(bank[[0]], 8, among=60)) == [0, 1, 2]
