"""Tuning an unpaired translator beside a small network that draws."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoints import load_model, read_info, save_model
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.generators.ugatit import AttentionTranslator, UGATITConfig
from core.training import tuning
from core.training.recipe import LoopConfig
from core.training.tuning import MeanColours, TuningLoss

SMALL = {"sample_every": 100, "save_every": 2, "log_every": 1, "batch_size": 2, "amp": False, "device": "cpu"}
NETWORKS = {
    "cyclegan": lambda: ResnetTranslator(CycleGANConfig(ngf=8, n_blocks=1, patch=2)),
    "ugatit": lambda: AttentionTranslator(UGATITConfig(ngf=8, n_blocks=1, light=True, img_size=64)),
    "pix2pixhd": lambda: GlobalGenerator(GlobalGeneratorConfig(ngf=8, n_downsampling=1, n_blocks=1)),
}


@pytest.fixture
def weights(tmp_path, request) -> Path:
    torch.manual_seed(1)
    path = tmp_path / f"{request.param}.safetensors"
    save_model(path, NETWORKS[request.param](), provenance={}, licence="CC0")
    return path


both = pytest.mark.parametrize("weights", ["cyclegan", "ugatit"], indirect=True)
a_cyclegan = pytest.mark.parametrize("weights", ["cyclegan"], indirect=True)


def tune(weights, data, out, *, stop_at=None, warm_up=1, perceptual=0.0, **changes):
    loss = TuningLoss(warm_up=warm_up, perceptual=perceptual)
    loop = LoopConfig(out, **{"steps": 4} | SMALL | changes)

    def kill(done: int, _total: int) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    if stop_at is None:
        return tuning.train(weights, replace(data, image_size=64), loop, loss=loss)
    with pytest.raises(KeyboardInterrupt):
        tuning.train(weights, replace(data, image_size=64), loop, loss=loss, progress=kill)
    return None


def losses(folder):
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


@both
def test_a_killed_tuning_goes_on_with_the_very_same_losses_and_weights(weights, tiny_data, tmp_path):
    straight = tune(weights, tiny_data, tmp_path / "straight", perceptual=1.0)
    tune(
        weights, tiny_data, tmp_path / "killed", perceptual=1.0, stop_at=3
    )  # its last checkpoint is of step 2
    killed = tune(weights, tiny_data, tmp_path / "killed", perceptual=1.0)
    assert all("translators/perceptual" in row for row in losses(killed.parent)[1:])
    assert losses(tmp_path / "killed") == losses(tmp_path / "straight")
    ours, theirs = (load_model(path).state_dict() for path in (killed, straight))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert read_info(killed).family == weights.stem


@a_cyclegan
def test_only_the_small_network_learns_at_first(weights, tiny_data, tmp_path):
    before = load_model(weights).state_dict()
    warm = tune(weights, tiny_data, tmp_path / "warm", steps=2, warm_up=2)
    after = load_model(warm).state_dict()
    assert all(torch.allclose(after[name], before[name], atol=1e-3) for name in before)  # halves are saved
    cycles = [row["translators/cycle"] for row in losses(tmp_path / "warm")]
    assert cycles[1] < cycles[0]


def test_colours_become_those_of_photos_place_by_place():
    photos = np.zeros((3, 8, 8, 3), np.uint8)
    photos[:, :4, :, 0] = np.array([50, 100, 150])[:, None, None]  # the upper half is reddish, 100 on average
    wanted = torch.from_numpy(photos.mean(0) / 127.5 - 1).permute(2, 0, 1).float()
    painted = torch.zeros(2, 3, 8, 8, requires_grad=True)
    colours = MeanColours(photos)
    for _ in range(400):
        painted.grad = None
        colours.gap(painted).backward()
        with torch.no_grad():
            painted -= 5 * painted.grad
    assert torch.allclose(painted.mean(0), wanted, atol=0.02)


@pytest.mark.parametrize("weights", ["pix2pixhd"], indirect=True)
def test_a_network_of_pairs_is_refused(weights, tiny_data, tmp_path):
    with pytest.raises(ValueError, match="Begin with a CycleGAN or a U-GAT-IT"):
        tune(weights, tiny_data, tmp_path / "run")
