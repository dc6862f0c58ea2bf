import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import load_model, read_info
from core.generators.pix2pixhd import DiscriminatorConfig, GlobalGeneratorConfig
from core.models.model_store import change_model
from core.training import autoencoder, pix2pixhd
from core.training.loop import indices_of_step, learning_rate, suits_channels_last
from core.training.recipe import LoopConfig
from tests.core.training.one_and_two import train_in_one_and_two

ROOT = Path(__file__).parents[3]
SMALL = {"sample_every": 100, "save_every": 2, "log_every": 1, "batch_size": 2, "amp": False, "device": "cpu"}


def losses(folder):
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


def train_gan(data, out, *, steps=4, stop_at=None, l1=5.0, start_from=None, **changes):
    generator = GlobalGeneratorConfig(
        ngf=4, n_downsampling=2, n_blocks=1, norm="batch", upsample="nearest", patch=2
    )
    loop = LoopConfig(out, steps=steps, **SMALL | changes)
    recipe_settings = {
        "generator": generator,
        "discriminator": DiscriminatorConfig(ndf=4, n_layers=1, norm="spectral"),
        "loss": pix2pixhd.GanLoss(crop=48, l1=l1),
        "start_from": start_from,
    }
    if stop_at is None:
        pix2pixhd.train(data, loop, **recipe_settings)
        return

    def kill(done: int, _total: int) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pix2pixhd.train(data, loop, **recipe_settings, progress=kill)


def test_a_killed_run_goes_on_with_the_very_same_losses_and_weights(tiny_data, tmp_path):
    train_gan(tiny_data, tmp_path / "straight")
    train_gan(tiny_data, tmp_path / "killed", stop_at=3)  # its last checkpoint is of step 2
    assert losses(tmp_path / "killed")[-1]["step"] == 3
    train_gan(tiny_data, tmp_path / "killed")
    assert losses(tmp_path / "killed") == losses(tmp_path / "straight")
    ours, theirs = (
        load_model(tmp_path / run / "model.safetensors").state_dict() for run in ("killed", "straight")
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_is_told_before_its_first_step_which_may_take_minutes(tiny_data, tmp_path):
    train_gan(tiny_data, tmp_path, stop_at=0)
    assert not (tmp_path / "model.safetensors").exists()


def test_samples_made_ahead_by_other_processes_are_the_very_same(tiny_data, tmp_path):
    train_gan(tiny_data, tmp_path / "own", accumulate=2)
    train_gan(tiny_data, tmp_path / "ahead", accumulate=2, workers=2, stop_at=2)
    train_gan(tiny_data, tmp_path / "ahead", accumulate=2, workers=2)
    assert losses(tmp_path / "ahead") == losses(tmp_path / "own")


def test_other_settings_do_not_go_on_with_an_old_checkpoint(tiny_data, tmp_path):
    train_gan(tiny_data, tmp_path, steps=2)
    with pytest.raises(ValueError, match=r"other settings: loop\.batch_size was 2, is 4 now") as refused:
        train_gan(tiny_data, tmp_path, steps=2, batch_size=4)
    assert "loop.seed" not in str(refused.value)


def test_a_run_goes_on_longer_with_another_rate_and_moved_pairs(tiny_data, tmp_path):
    config = {"model": autoencoder.AutoencoderConfig(image_size=64, widths=(8, 16), bottleneck=4)}
    loop = LoopConfig(tmp_path / "run", steps=2, **SMALL)
    autoencoder.train(tiny_data, loop, **config)
    (tmp_path / "moved").symlink_to(tiny_data.root)
    moved = dataclasses.replace(tiny_data, root=tmp_path / "moved")
    loss = autoencoder.AutoencoderLoss(bce=0.5)
    autoencoder.train(moved, dataclasses.replace(loop, steps=3, lr=1e-5), **config, loss=loss)
    assert [row["step"] for row in losses(tmp_path / "run")] == [1, 2, 3]


def test_a_run_with_nobody_held_out_samples_what_it_trains_on(tiny_data, tmp_path):
    loop = LoopConfig(tmp_path, steps=1, **SMALL | {"sample_every": 1})
    model = autoencoder.AutoencoderConfig(image_size=64, widths=(8, 16), bottleneck=4)
    autoencoder.train(dataclasses.replace(tiny_data, validation=""), loop, model=model)
    assert (tmp_path / "samples" / "000001.png").is_file()


def test_a_new_run_can_start_from_the_weights_of_another(tiny_data, tmp_path):
    config = {"model": autoencoder.AutoencoderConfig(image_size=64, widths=(8, 16), bottleneck=4)}
    first = LoopConfig(tmp_path / "a", steps=2, **SMALL)
    autoencoder.train(tiny_data, first, **config)
    second = dataclasses.replace(first, out=tmp_path / "b", steps=1, lr=0.0)
    autoencoder.train(tiny_data, second, **config, start_from=tmp_path / "a" / "checkpoint.pt")
    state = [
        torch.load(tmp_path / run / "checkpoint.pt", weights_only=True)["networks"]["autoencoder"]
        for run in "ab"
    ]
    assert torch.equal(*(s["decoder.linear.weight"] for s in state))


def test_what_is_trained_on_from_weights_keeps_their_margin_and_counts_their_images(tiny_data, tmp_path):
    train_gan(tiny_data, tmp_path / "a", steps=1)
    path = tmp_path / "a" / "model.safetensors"
    info = read_info(path)
    assert info.conventions.margin == 0
    with_margin = dataclasses.replace(info.conventions, margin=4)
    change_model(path, conventions=with_margin, licence=info.licence, provenance=info.provenance)
    for steps in (1, 2):  # begun, and gone on with
        train_gan(tiny_data, tmp_path / "b", steps=steps, start_from=path)
        found = read_info(tmp_path / "b" / "model.safetensors")
        assert found.provenance["steps"] == steps and found.conventions.margin == 4
        assert found.images_seen - info.images_seen == steps * found.provenance["batch_size"]


def test_two_processes_agree_with_one(pairs_folder, tmp_path):
    """Same global batch on one process and on two with gloo; InstanceNorm, as BatchNorm sees other batches."""
    arguments = {
        "data.root": pairs_folder, "data.image_size": 64, "data.validation": "0007-0008", "loop.steps": 3,
        "loop.batch_size": 4, "loop.log_every": 1, "loop.sample_every": 100, "loop.amp": "false",
        "loop.device": "cpu", "loop.threads": 1, "generator.ngf": 4, "generator.n_downsampling": 2,
        "generator.n_blocks": 1, "generator.norm": "instance", "discriminator.ndf": 4, "discriminator.n_layers": 1,
        "loss.crop": 48,
    }  # fmt: skip
    one_run, two_run = train_in_one_and_two("core.training.pix2pixhd", arguments, tmp_path)
    # Exact before the first update. After it rounding is amplified: Adam's first steps are lr * sign(gradient).
    tolerances = (1e-5, 2e-3, 1e-2)
    steps = zip(losses(one_run), losses(two_run), tolerances, strict=True)
    for one, two, tolerance in steps:
        assert two == pytest.approx(one, rel=tolerance)


def test_every_epoch_is_a_permutation_whatever_the_batch_size(tmp_path):
    for batch_size in (1, 2, 5):
        config = LoopConfig(tmp_path, batch_size=batch_size)
        seen = [i for step in range(20 // batch_size) for i in indices_of_step(config, step, 10)]
        assert sorted(seen[:10]) == sorted(seen[10:20]) == list(range(10))
        assert seen[:10] != seen[10:20]


def test_the_learning_rate_is_constant_then_falls_to_zero(tmp_path):
    config = LoopConfig(tmp_path, steps=100, lr=1.0, decay_from=0.5)
    assert [learning_rate(config, step) for step in (0, 49, 75, 100)] == [1.0, 1.0, 0.5, 0.0]


def test_a_loss_that_is_not_finite_stops_the_run(tiny_data, tmp_path):
    with pytest.raises(FloatingPointError, match="step"):
        train_gan(tiny_data, tmp_path, l1=float("nan"))


def test_an_unknown_setting_on_the_command_line_is_refused(pairs_folder, tmp_path):
    command = [sys.executable, "-m", "core.training.autoencoder", f"--data.root={pairs_folder}",
               f"--loop.out={tmp_path}", "--loop.learning_rate=1"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "learning_rate" in done.stderr


@pytest.mark.parametrize(("width", "suits"), [(4, False), (8, True)])
def test_a_network_whose_backward_pass_would_overrun_memory_is_trained_contiguous(width, suits):
    network = SketchAutoencoder(AutoencoderConfig(image_size=64, widths=(width, 16), bottleneck=4))
    assert suits_channels_last(network) is suits
