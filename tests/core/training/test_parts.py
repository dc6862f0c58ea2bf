"""Training the parts, and putting them where the product looks for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import load_model, read_info, save_model
from core.face_parts.layout import FACE_PARTS, PAINT_ORDER, REMAINDER, PartsConfig, cut_part
from core.face_parts.refinement import load_parts
from core.images import sketch_to_tensor
from core.training import parts
from core.training.data import load_pairs
from core.training.parts import PartsLoss, PartsRecipe, redraw
from core.training.publish import publish
from core.training.publish_parts import publish_parts
from core.training.recipe import LoopConfig

TINY = PartsConfig(
    64, latent=8, widths=(8, 16), grid_values=64, remainder_latent=12, remainder_widths=(8, 16), remainder_bottleneck=4
)  # fmt: skip


def run_of(tiny_data, out: Path, *names: str, **more) -> Path:
    loop = LoopConfig(out, steps=1, batch_size=2, save_every=1, sample_every=9, device="cpu")
    parts.train(tiny_data, loop, model=replace(TINY, parts=names), licence="CC0", **more)
    return out


@pytest.fixture(scope="module")
def runs(tiny_data, tmp_path_factory) -> list[Path]:
    """One run of the face's parts, one of the remainder."""
    root = tmp_path_factory.mktemp("runs")
    return [run_of(tiny_data, root / "face", *FACE_PARTS), run_of(tiny_data, root / "rest", REMAINDER)]


@pytest.fixture(scope="module")
def recipe(tiny_data) -> PartsRecipe:
    train, val = load_pairs(tiny_data, "train"), load_pairs(tiny_data, "val")
    return PartsRecipe(TINY, train, val, augment=parts.AugmentConfig(), loss=PartsLoss())


def batch_of(recipe, seed=0):
    return recipe.batch([0, 3], [np.random.default_rng((seed, slot)) for slot in range(2)])


def test_a_batch_holds_each_part_of_the_same_sketch_and_of_its_clean_one(recipe):
    batch = batch_of(recipe)
    assert set(batch) == {f"{kind}/{name}" for kind in ("sketch", "clean") for name in PAINT_ORDER}
    assert batch["sketch/nose"].shape == batch["clean/nose"].shape == (2, 1, 20, 20)
    assert (batch["sketch/remainder"] == cut_part(batch["sketch/remainder"], REMAINDER)).all()


def test_a_sample_depends_on_its_own_randomness_alone(recipe):
    first, again, other = batch_of(recipe), batch_of(recipe), batch_of(recipe, seed=1)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not all(np.array_equal(first[key], other[key]) for key in first)


def test_each_part_has_losses_of_its_own(recipe):
    batch = {key: torch.from_numpy(value) for key, value in batch_of(recipe).items()}
    ((name, losses),) = recipe.losses(batch, recipe.networks)
    assert name == "parts" and len(losses) == 15 and {"nose_bce", "remainder_gradient"} <= set(losses)


def test_sketches_may_be_compared_as_a_network_sees_them(tiny_data):
    train, val = load_pairs(tiny_data, "train"), load_pairs(tiny_data, "val")
    recipe = PartsRecipe(TINY, train, val, augment=parts.AugmentConfig(), loss=PartsLoss(perceptual=1.0))
    batch = {key: torch.from_numpy(value) for key, value in batch_of(recipe).items()}
    ((_, losses),) = recipe.losses(batch, recipe.networks)
    torch.stack([losses[f"{name}_perceptual"] for name in PAINT_ORDER]).sum().backward()
    first = next(recipe.networks["parts"].autoencoder("nose").parameters())
    assert first.grad is not None and first.grad.abs().sum() > 0


def test_a_sheet_shows_drawn_redrawn_and_clean(recipe):
    assert recipe.samples(recipe.networks["parts"].eval()).shape == (3 * 64, 2 * 64, 3)


def test_the_remainder_may_begin_with_the_whole_faces_autoencoder(tiny_data, tmp_path):
    config = TINY.of_part(REMAINDER)
    whole = SketchAutoencoder(config)
    save_model(tmp_path / "ae.safetensors", whole, provenance={}, licence="CC0")
    model = parts.PartAutoencoders(replace(TINY, parts=(REMAINDER,)))
    parts.start_parts_from(model, tmp_path / "ae.safetensors")
    begun = model.autoencoder(REMAINDER).state_dict()
    assert all(torch.equal(value, begun[key]) for key, value in whole.state_dict().items())


def test_weights_without_the_part_are_no_beginning(tiny_data, tmp_path):
    save_model(
        tmp_path / "ae.safetensors",
        SketchAutoencoder(AutoencoderConfig(64, widths=(8, 16))),
        provenance={},
        licence="CC0",
    )
    with pytest.raises(ValueError, match="holds none of these parts: nose"):
        run_of(tiny_data, tmp_path / "run", "nose", start_from=tmp_path / "ae.safetensors")


def test_an_unknown_part_is_refused(tiny_data, tmp_path):
    with pytest.raises(ValueError, match=r"model.parts must be among remainder.*ear"):
        run_of(tiny_data, tmp_path, "ear")


def test_published_runs_are_joined_and_their_banks_hold_the_training_sketches(runs, tiny_data, tmp_path):
    path = publish_parts(runs, tiny_data, tmp_path)
    networks, banks = load_parts(tmp_path)
    pairs = load_pairs(tiny_data, "train")
    assert read_info(path).licence == "CC0"
    assert set(read_info(path).provenance["parts"]) == set(PAINT_ORDER)
    trained = load_model(runs[0] / "model.safetensors").autoencoder("mouth").state_dict()
    kept = networks.autoencoder("mouth").state_dict()
    assert all(torch.allclose(kept[key], value, atol=1e-2) for key, value in trained.items())
    for name in PAINT_ORDER:
        assert banks[name].names == tuple(pairs.names)
        assert np.array_equal(banks[name].sketches[2], cut_part(pairs.clean[2], name))
    assert redraw(networks, pairs.clean[0]).shape == (64, 64)


def test_banks_of_fine_parts_are_read_at_the_fine_size(tiny_data, tmp_path):
    fine = replace(TINY, detail=2)
    loop = LoopConfig(tmp_path / "run", steps=1, batch_size=2, device="cpu")
    parts.train(tiny_data, loop, model=fine, loss=PartsLoss(perceptual=1.0))
    publish_parts([tmp_path / "run"], tiny_data, tmp_path / "w")
    networks, banks = load_parts(tmp_path / "w")
    pairs = load_pairs(replace(tiny_data, image_size=128), "train")
    with torch.no_grad():
        expected = networks.autoencoder("nose").encode(sketch_to_tensor(cut_part(pairs.clean[1], "nose")))
    assert np.allclose(banks["nose"].bank[1], expected[0].numpy(), atol=1e-2)
    assert banks["nose"].sketches.shape[1:] == (20, 20) and banks[REMAINDER].sketches.shape[1:] == (64, 64)


def test_publishing_one_part_anew_keeps_the_others(runs, tiny_data, tmp_path):
    publish_parts(runs, tiny_data, tmp_path / "w")
    before, _ = load_parts(tmp_path / "w")
    publish(run_of(tiny_data, tmp_path / "run", "nose"), tiny_data, tmp_path / "w")
    after, _ = load_parts(tmp_path / "w")
    same = {
        name: all(
            torch.equal(value, after.autoencoder(name).state_dict()[key])
            for key, value in before.autoencoder(name).state_dict().items()
        )
        for name in PAINT_ORDER
    }
    assert same == {name: name != "nose" for name in PAINT_ORDER}


def test_publishing_without_all_parts_says_which_are_missing(runs, tiny_data, tmp_path):
    with pytest.raises(ValueError, match="no run has trained remainder"):
        publish_parts(runs[:1], tiny_data, tmp_path)
    assert list(tmp_path.iterdir()) == []
