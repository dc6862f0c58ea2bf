"""Merging part features: the map of plain sketches is what the product pastes, and features can be learnt."""

import json

import numpy as np
import torch

from core.checkpoints import save_model
from core.face_parts.layout import PAINT_ORDER, paste_parts
from core.training.part_features import WAYS, FeatureTrial, PartMaps, train
from tests.core.tiny_pipeline import SIZE, part_networks


def latents_of(networks):
    torch.manual_seed(0)
    return {name: torch.randn(2, networks.config.of_part(name).latent) for name in PAINT_ORDER}


def test_one_channel_is_what_the_product_pastes():
    networks = part_networks()
    latents = latents_of(networks)
    with torch.no_grad():
        maps = PartMaps(networks, 1).eval()(latents)
        drawn = {name: networks.autoencoder(name).decode(latents[name])[1, 0].numpy() for name in PAINT_ORDER}
    expected = paste_parts(np.ones((SIZE, SIZE), np.float32), drawn)
    assert np.allclose(maps[1, 0].numpy(), expected, atol=1e-5)


def test_more_channels_are_trained_and_one_is_not():
    networks = part_networks()
    assert PartMaps(networks, 4)(latents_of(networks)).shape == (2, 4, SIZE, SIZE)
    assert all(weight.requires_grad for weight in PartMaps(networks, 4).parameters())
    assert not any(weight.requires_grad for weight in PartMaps(networks, 1).parameters())


def test_a_trial_reports_both_ways(tiny_data, tmp_path):
    save_model(tmp_path / "parts.safetensors", part_networks(), provenance={}, licence="none")
    trial = FeatureTrial(cpu_seconds=0.1, batch_size=1, features=2, ngf=4, n_blocks=1)
    out = train(tiny_data, tmp_path / "parts.safetensors", tmp_path / "out.json", trial, validation_rows=2)
    figures = json.loads(out.read_text())["figures"]
    assert set(figures) == set(WAYS)
    assert all(figures[way]["steps"] >= 1 and figures[way]["l1"] > 0 for way in WAYS)
