import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import load_model, read_info, save_model
from core.generators.cyclegan import CycleGANConfig, PatchDiscriminatorConfig, ResnetTranslator
from core.generators.ugatit import AttentionDiscriminatorConfig, AttentionTranslator, UGATITConfig
from core.training import cyclegan, ugatit
from core.training.recipe import LoopConfig
from core.training.refiner import RefinerConfig
from core.training.unpaired import GeneratorPair, UnpairedLoss
from tests.core.training.one_and_two import train_in_one_and_two

ROOT = Path(__file__).parents[3]
SMALL = {"sample_every": 100, "save_every": 2, "log_every": 1, "batch_size": 2, "amp": False, "device": "cpu"}
TINY = {
    cyclegan: {
        "generator": CycleGANConfig(ngf=4, n_blocks=1, patch=2),
        "discriminator": PatchDiscriminatorConfig(ndf=4),
        "loss": UnpairedLoss(pool=3),
    },
    ugatit: {
        "generator": UGATITConfig(ngf=4, n_blocks=1, light=True),
        "discriminator": AttentionDiscriminatorConfig(ndf=2),
        "loss": UnpairedLoss(identity=10, cam=1000, pool=0),
    },
}
OF_FAKES = ("translators/adversarial", "judges/fake")
both = pytest.mark.parametrize("family", [cyclegan, ugatit], ids=["cyclegan", "ugatit"])


def losses(folder):
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


def gradients(checkpoint):
    """Adam's running mean of all gradients of the translators, as one vector."""
    states = checkpoint["optimizers"]["translators"]["state"].values()
    return torch.cat([state["exp_avg"].flatten() for state in states])


def train(family, data, out, *, stop_at=None, **changes):
    loop = LoopConfig(out, **{"steps": 4} | SMALL | changes)
    # U-GAT-IT's global judge halves a picture five times.
    data = replace(data, image_size=64 if family is cyclegan else 128)
    if stop_at is None:
        return family.train(data, loop, **TINY[family])

    def kill(done: int, _total: int) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        family.train(data, loop, **TINY[family], progress=kill)
    return None


@both
def test_a_killed_run_goes_on_with_the_very_same_losses_and_weights(family, tiny_data, tmp_path):
    straight = train(family, tiny_data, tmp_path / "straight")
    train(family, tiny_data, tmp_path / "killed", stop_at=3)  # its last checkpoint is of step 2
    killed = train(family, tiny_data, tmp_path / "killed")
    assert losses(tmp_path / "killed") == losses(tmp_path / "straight")
    ours, theirs = (load_model(path).state_dict() for path in (killed, straight))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@both
def test_the_sketch_to_photo_half_is_served(family, tiny_data, tmp_path):
    path = train(family, tiny_data, tmp_path, steps=1)
    info = read_info(path)
    assert info.family == family.__name__.rpartition(".")[2]
    assert info.provenance["train_sketches"] == info.provenance["train_photos"] == 6


def test_every_loss_of_both_papers_is_there(tiny_data, tmp_path):
    for family in TINY:
        train(family, tiny_data, tmp_path / family.__name__, steps=1)
    names = set(losses(tmp_path / cyclegan.__name__)[0]) - {"step"}
    assert {f"translators/{name}" for name in ("adversarial", "cycle", "identity")} <= names
    assert "translators/cam" not in names
    assert losses(tmp_path / ugatit.__name__)[0]["translators/cam"] > 0


def test_a_batch_in_parts_gives_the_same_gradients(tiny_data, tmp_path):
    for accumulate in (1, 2):
        train(cyclegan, tiny_data, tmp_path / str(accumulate), steps=1, accumulate=accumulate, batch_size=4)
    one, two = (losses(tmp_path / name)[0] for name in "12")
    assert two == pytest.approx(one, rel=1e-4)
    whole, parts = (
        gradients(torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)) for name in "12"
    )
    # Not bit by bit: fresh networks of four channels amplify rounding, and L1 flips its sign at zero.
    assert torch.cosine_similarity(whole, parts, dim=0) > 0.999
    assert float(parts.norm()) == pytest.approx(float(whole.norm()), rel=1e-2)


def test_a_batch_that_cannot_be_divided_is_refused(tiny_data, tmp_path):
    with pytest.raises(ValueError, match="accumulate 3"):
        train(cyclegan, tiny_data, tmp_path, accumulate=3)


def test_two_processes_agree_with_one(pairs_folder, tmp_path):
    """Same global batch, same pool of earlier fakes, on one process and on two with gloo."""
    arguments = {
        "data.root": pairs_folder, "data.image_size": 64, "data.validation": "0007-0008", "loop.steps": 3,
        "loop.batch_size": 2, "loop.log_every": 1, "loop.sample_every": 100, "loop.amp": "false",
        "loop.device": "cpu", "loop.threads": 1, "generator.ngf": 4, "generator.n_blocks": 1, "loss.pool": 3,
        "discriminator.ndf": 4,
        # Adam's first steps are lr * sign(gradient), which amplifies rounding: keep them small.
        "loop.lr": 1e-8,
    }  # fmt: skip
    one_run, two_run = train_in_one_and_two("core.training.cyclegan", arguments, tmp_path)
    states = [torch.load(run / "checkpoint.pt", weights_only=True) for run in (one_run, two_run)]
    pools = [state["recipe"]["photo"]["images"] for state in states]
    assert pools[0].shape == (3, 3, 64, 64)
    assert (pools[0].int() - pools[1].int()).abs().max() <= 1  # grey levels
    for one, two in zip(losses(one_run), losses(two_run), strict=True):
        for name, value in one.items():
            # The outputs of fresh networks are flat, and norms blow their rounding up.
            of_outputs = name in ("translators/identity", "translators/cycle")
            later = 0.1 if name in OF_FAKES else 0.01 if of_outputs else 1e-3
            tolerance = 1e-3 if one["step"] == 1 else later
            assert two[name] == pytest.approx(value, rel=tolerance)
    judged = [state["networks"]["judges"] for state in states]
    assert all(torch.allclose(judged[0][name], judged[1][name], atol=1e-6) for name in judged[0])


@pytest.mark.parametrize("translator", [
    lambda: ResnetTranslator(CycleGANConfig(ngf=4, n_blocks=1)),
    lambda: AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, light=True)),
], ids=["cyclegan", "ugatit"])  # fmt: skip
def test_joined_batches_translate_as_single_ones(translator):
    torch.manual_seed(0)
    pair = GeneratorPair(translator(), translator()).eval()
    sketch, photo = torch.rand(2, 2, 3, 64, 64).unbind()
    with torch.no_grad():
        circle = pair(sketch, photo)
        assert torch.allclose(circle.fake_photo, pair.sketch_to_photo(sketch), atol=1e-5)
        assert torch.allclose(circle.same_sketch, pair.photo_to_sketch(sketch), atol=1e-5)
        again = pair.photo_to_sketch(pair.sketch_to_photo(sketch))
        assert torch.allclose(circle.sketch_again, again, atol=1e-4)
        assert torch.allclose(
            circle.photo_again, pair.sketch_to_photo(pair.photo_to_sketch(photo)), atol=1e-4
        )


def test_sketches_reach_the_networks_as_the_pipeline_sends_them(tiny_data, tmp_path):
    torch.manual_seed(0)
    model = SketchAutoencoder(AutoencoderConfig(image_size=128, widths=(4, 8), bottleneck=4))
    weights = (
        tmp_path / "ae.safetensors"
    )  # of another size than the training: sketches are scaled to it and back
    save_model(weights, model, provenance={}, licence="CC0")
    loop = LoopConfig(tmp_path / "run", steps=1, **SMALL)
    refiner = RefinerConfig(weights=weights, refined=1.0, k=3)
    path = cyclegan.train(tiny_data, loop, **TINY[cyclegan], refiner=refiner)
    assert path.is_file()
    assert np.isfinite(list(losses(tmp_path / "run")[0].values())).all()
