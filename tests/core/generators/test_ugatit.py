import json

import pytest
import torch

from core.generators.ugatit import (
    COMPACT,
    AttentionDiscriminator,
    AttentionDiscriminatorConfig,
    AttentionTranslator,
    UGATITConfig,
)


@pytest.mark.parametrize("light", [True, False], ids=["light", "full"])
def test_the_reference_projects_checkpoint_loads_and_gives_its_output(shared_dir, light):
    name = "ugatit_light" if light else "ugatit_full"
    folder = shared_dir / "reference" / "checkpoints"
    network = AttentionTranslator(UGATITConfig(ngf=4, img_size=64, light=light)).eval()
    network.load_state_dict(torch.load(folder / f"{name}.pth", weights_only=True)["genA2B"])
    example = torch.load(folder / f"{name}.io.pt", weights_only=True)
    with torch.no_grad():
        assert torch.allclose(network(example["input"]), example["output"], atol=1e-5)


def test_full_size_parameters_have_the_reference_names_and_shapes(shared_dir):
    shapes = json.loads((shared_dir / "reference" / "state_dict_shapes.json").read_text())
    with torch.device("meta"):
        networks = {
            "light=True": AttentionTranslator(UGATITConfig(light=True)),
            "light=False": AttentionTranslator(),
            "n_layers=5": AttentionDiscriminator(),
            "n_layers=7": AttentionDiscriminator(AttentionDiscriminatorConfig(n_layers=7)),
        }
    checked = 0
    for key, expected in shapes.items():
        for mark, network in networks.items():
            if key.startswith("ugatit") and mark in key:
                assert {n: list(p.shape) for n, p in network.state_dict().items()} == expected
                checked += 1
    assert checked == len(networks)


def test_a_compact_translator_takes_several_sizes_and_tells_where_it_looked():
    network = AttentionTranslator(COMPACT).eval()
    for side in (64, 128):
        with torch.no_grad():
            result = network.translate(torch.rand(2, 3, side, side) * 2 - 1)
        assert result.photo.shape == (2, 3, side, side)
        assert result.cam_logit.shape == (2, 2)
        assert result.heatmap.shape == (2, 1, side // 8, side // 8)


def test_the_domain_is_decided_by_average_and_by_maximum():
    network = AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, img_size=64, light=True)).eval()
    sketch = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        features = network.DownBlock(sketch)
        expected = [network.gap_fc(features.mean((2, 3))), network.gmp_fc(features.amax((2, 3)))]
        assert torch.allclose(network.translate(sketch).cam_logit, torch.cat(expected, 1), atol=1e-6)


def test_rho_is_brought_back_between_zero_and_one():
    network = AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, img_size=64, light=True))
    with torch.no_grad():
        network.UpBlock1_1.norm1.rho.fill_(1.4)
        network.UpBlock2[3].rho.fill_(-0.2)
    network.clip_rho()
    assert network.UpBlock1_1.norm1.rho.max() == 1
    assert network.UpBlock2[3].rho.min() == 0


def test_a_judge_gives_verdicts_and_domain_logits():
    verdict, logits = AttentionDiscriminator(AttentionDiscriminatorConfig(ndf=4))(torch.rand(2, 3, 64, 64))
    assert verdict.shape[:2] == (2, 1)
    assert logits.shape == (2, 2)
