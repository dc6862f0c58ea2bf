import json
import re
from collections import OrderedDict

import pytest
import torch

from core.checkpoint_import.architecture import build, work_out
from core.checkpoint_import.reading import CheckpointRefused
from core.generators.cyclegan import PatchDiscriminator
from core.generators.pix2pixhd import MultiscaleDiscriminator
from core.generators.ugatit import AttentionDiscriminator
from tests.core.checkpoint_import.planted_checkpoints import cyclegan, pix2pixhd, ugatit, unet, weights_of


def same_output(network, found, channels: int, side: int = 16) -> bool:
    x = torch.rand(1, channels, side, side) * 2 - 1
    with torch.no_grad():
        return torch.allclose(network(x), build(found)(x), atol=1e-6)


@pytest.mark.parametrize(
    ("network", "family"),
    [(cyclegan(), "cyclegan"), (cyclegan(norm="batch", output_nc=1), "cyclegan"),
     (cyclegan(dropout=True), "cyclegan"), (pix2pixhd(), "pix2pixhd"), (pix2pixhd(norm="batch"), "pix2pixhd"),
     (unet(), "cyclegan_unet"), (unet(norm="batch", num_downs=6), "cyclegan_unet"), (ugatit(), "ugatit"),
     (ugatit(light=False), "ugatit")],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_weights_alone_give_back_the_same_network(network, family: str) -> None:
    found = work_out(weights_of(network))
    assert found.family == family
    side = {"cyclegan_unet": 64, "ugatit": 32}.get(family, 16)
    assert same_output(network, found, network.config.input_nc, side)


def test_running_statistics_of_instance_norm_are_dropped() -> None:
    network = cyclegan()
    weights = weights_of(network)
    for name in ("model.2", "model.10.conv_block.2"):
        for statistic in ("running_mean", "running_var"):
            weights[f"{name}.{statistic}"] = torch.rand(4)
    found = work_out(weights)
    assert same_output(network, found, 1)
    assert "4 running statistics" in " ".join(found.notes)


def test_running_statistics_of_batch_norm_are_kept() -> None:
    network = cyclegan(norm="batch")
    network.model[2].running_mean += 0.5
    assert same_output(network, work_out(weights_of(network)), 1)


def test_the_bias_that_cyclegan_leaves_out_before_batch_norm_becomes_zero() -> None:
    network = cyclegan(norm="batch")
    last = max(int(name.split(".")[1]) for name in network.state_dict())
    kept = OrderedDict()
    for name, value in network.state_dict().items():
        is_convolution = name.removesuffix("bias") + "weight" in network.state_dict() and (
            network.state_dict()[name.removesuffix("bias") + "weight"].dim() == 4
        )
        if name.endswith("bias") and is_convolution and not name.startswith(f"model.{last}."):
            value.zero_()
        else:
            kept[name] = value
    found = work_out(kept)
    assert "zero" in " ".join(found.notes)
    assert same_output(network, found, 1)


def test_dropout_of_a_pix2pixhd_file_is_renumbered() -> None:
    network = pix2pixhd()
    renamed = {re.sub(r"conv_block\.5\.", "conv_block.6.", n): v for n, v in weights_of(network).items()}
    found = work_out(renamed, "pix2pixhd")
    assert found.family == "pix2pixhd" and same_output(network, found, 1)


@pytest.mark.parametrize("project", ["pix2pixhd", "cyclegan"])
def test_a_chain_that_both_projects_have_follows_the_family_that_was_named(project: str) -> None:
    network = cyclegan()
    found = work_out(weights_of(network), project)
    assert found.family == project and same_output(network, found, 1)


@pytest.mark.parametrize(("network", "project"), [(ugatit(), "cyclegan"), (unet(), "pix2pixhd")])
def test_weights_of_another_family_name_the_right_one(network, project: str) -> None:
    with pytest.raises(CheckpointRefused, match=f"not {project}. Choose"):
        work_out(weights_of(network), project)


@pytest.mark.parametrize("judge", [PatchDiscriminator(), MultiscaleDiscriminator(), AttentionDiscriminator()])
def test_discriminators_are_told_from_generators(judge) -> None:
    with pytest.raises(CheckpointRefused, match="discriminator"):
        work_out(weights_of(judge))


@pytest.mark.parametrize("network", [cyclegan(), pix2pixhd(), unet(), ugatit()])
def test_whatever_single_weight_is_missing_is_refused_in_a_sentence(network) -> None:
    weights = weights_of(network)
    for name in weights:
        some = {n: v for n, v in weights.items() if n != name}
        with pytest.raises(CheckpointRefused):
            work_out(some)


def test_what_does_not_fit_is_named_with_both_shapes() -> None:
    weights = weights_of(cyclegan())
    weights["model.4.weight"] = torch.zeros(8, 4, 5, 5)
    weights["extra.weight"] = torch.zeros(1)
    with pytest.raises(
        CheckpointRefused, match=r"extra\.weight has no place.*\(8, 4, 5, 5\) where \(8, 4, 3, 3\)"
    ):
        work_out(weights)


def test_weights_of_no_family_are_refused_with_their_names() -> None:
    with pytest.raises(CheckpointRefused, match=r"none of .*: they are named b4\.conv\.weight"):
        work_out({"b4.conv.weight": torch.zeros(3)})


def test_full_size_networks_are_recognised_by_shapes(shared_dir) -> None:
    shapes = json.loads((shared_dir / "reference" / "state_dict_shapes.json").read_text())
    generators = {n: s for n, s in shapes.items() if "Discriminator" not in n}
    assert generators
    for name, entries in generators.items():
        with torch.device("meta"):
            found = work_out({key: torch.empty(shape) for key, shape in entries.items()})
        assert found.family.startswith(name.partition("/")[0].lower().replace("u-gat-it", "ugatit")), name
