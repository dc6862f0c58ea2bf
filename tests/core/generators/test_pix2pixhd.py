import pytest
import torch

from core.generators.blocks import Binomial, ResnetBlock
from core.generators.pix2pixhd import (
    COMPACT,
    REFERENCE,
    DiscriminatorConfig,
    GlobalGenerator,
    GlobalGeneratorConfig,
    LocalEnhancer,
    LocalEnhancerConfig,
    MultiscaleDiscriminator,
)

SMALL = {
    "pix2pixhd_global": lambda: GlobalGenerator(GlobalGeneratorConfig(ngf=4, n_blocks=3)),
    "pix2pixhd_local": lambda: LocalEnhancer(
        LocalEnhancerConfig(ngf=4, n_downsample_global=3, n_blocks_global=2)
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_the_reference_projects_checkpoint_loads_and_gives_its_output(shared_dir, name):
    folder = shared_dir / "reference" / "checkpoints"
    network = SMALL[name]().eval()
    network.load_state_dict(torch.load(folder / f"{name}.pth", weights_only=True))
    example = torch.load(folder / f"{name}.io.pt", weights_only=True)
    with torch.no_grad():
        assert torch.allclose(network(example["input"]), example["output"], atol=1e-5)


def test_full_size_parameters_have_the_reference_names_and_shapes(shared_dir):
    import json

    shapes = json.loads((shared_dir / "reference" / "state_dict_shapes.json").read_text())
    with torch.device("meta"):
        networks = {"GlobalGenerator": GlobalGenerator(REFERENCE), "LocalEnhancer": LocalEnhancer()}
    for key, expected in shapes.items():
        family, _, name = key.partition("/")
        if family == "pix2pixhd" and (network := networks.get(name.split("(")[0])):
            assert {n: list(p.shape) for n, p in network.state_dict().items()} == expected


@pytest.mark.parametrize("config", [COMPACT, GlobalGeneratorConfig(ngf=4, n_blocks=1)])
def test_a_photo_has_the_sketchs_size_and_range(config):
    network = GlobalGenerator(config).eval()
    side = config.multiple * 2
    with torch.no_grad():
        photo = network(torch.rand(1, 1, side, side) * 2 - 1)
    assert photo.shape == (1, 3, side, side)
    assert photo.abs().max() <= 1


def test_a_space_to_depth_output_cannot_hold_a_checkerboard():
    board = (torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1
    stripes = (torch.arange(32) % 2 * 2.0 - 1).expand(32, 32)
    pattern = torch.stack([board, stripes, stripes.T])[None]
    filtered = Binomial(3)(pattern)
    assert isinstance(GlobalGenerator(COMPACT).model[-1][-1], Binomial)
    assert filtered[..., 1:-1, 1:-1].abs().max() < 1e-6
    assert torch.allclose(Binomial(3)(torch.ones(1, 3, 8, 8)), torch.ones(1, 3, 8, 8))


def test_the_border_of_a_photo_repeats_what_lies_beside_it():
    photo = Binomial(3)(torch.rand(1, 3, 8, 8))
    assert torch.equal(photo[..., 0, :], photo[..., 1, :])
    assert torch.equal(photo[..., -1], photo[..., -2])


def test_a_bounded_network_holds_a_spike_down():
    block = ResnetBlock(4, norm="batch", padding="zeros", bounded=True).eval()
    spike = torch.zeros(1, 4, 8, 8)
    spike[..., 0, 7] = 1e4
    with torch.no_grad():
        assert block(spike).abs().max() <= 16


def test_the_last_scale_of_the_discriminator_sees_full_resolution_first():
    judge = MultiscaleDiscriminator(DiscriminatorConfig(ndf=4, num_D=2))
    maps = judge(torch.randn(2, 4, 64, 64))
    assert [scale[0].shape[-1] for scale in maps] == [33, 17]
    assert all(scale[-1].shape[1] == 1 and len(scale) == 5 for scale in maps)
    assert {name.split("_")[0] for name in judge.state_dict()} == {"scale0", "scale1"}


def test_a_crop_reaches_only_the_full_resolution_scale():
    judge = MultiscaleDiscriminator(DiscriminatorConfig(ndf=4))
    pair = torch.randn(1, 4, 64, 64)
    other = pair.clone()
    other[..., 40:] = 0  # outside the crop
    corners = torch.zeros(1, 2, dtype=torch.long)
    full, half = ([m[-1] for m in judge(image, corners, 32)] for image in (pair, other))
    assert torch.equal(full[0], half[0])
    assert not torch.equal(full[1], half[1])
