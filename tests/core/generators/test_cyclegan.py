import pytest
import torch

from core.generators.cyclegan import (
    COMPACT,
    CycleGANConfig,
    PatchDiscriminator,
    PatchDiscriminatorConfig,
    ResnetTranslator,
    UnetConfig,
    UnetTranslator,
)

SIX_BLOCKS = CycleGANConfig(ngf=4, n_blocks=6)


def test_the_reference_projects_checkpoint_loads_and_gives_its_output(shared_dir):
    folder = shared_dir / "reference" / "checkpoints"
    network = ResnetTranslator(CycleGANConfig(ngf=4)).eval()
    network.load_state_dict(torch.load(folder / "cyclegan_resnet9.pth", weights_only=True))
    example = torch.load(folder / "cyclegan_resnet9.io.pt", weights_only=True)
    with torch.no_grad():
        assert torch.allclose(network(example["input"]), example["output"], atol=1e-5)


@pytest.mark.parametrize("config", [SIX_BLOCKS, COMPACT], ids=["small", "compact"])
def test_a_photo_has_the_sketchs_size_and_range(config):
    network = ResnetTranslator(config).eval()
    side = config.multiple * 8
    with torch.no_grad():
        photo = network(torch.rand(1, 3, side, side) * 2 - 1)
    assert photo.shape == (1, 3, side, side)
    assert photo.abs().max() <= 1


def test_dropout_shifts_the_second_convolution_as_in_the_reference():
    names = set(ResnetTranslator(CycleGANConfig(ngf=4, n_blocks=1, dropout=True)).state_dict())
    assert {"model.10.conv_block.1.weight", "model.10.conv_block.6.weight"} <= names


@pytest.mark.parametrize(("num_downs", "side"), [(5, 32), (6, 128)])
def test_the_u_net_keeps_the_size(num_downs, side):
    network = UnetTranslator(UnetConfig(ngf=4, num_downs=num_downs)).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, side, side)).shape == (1, 3, side, side)


def test_the_u_nets_names_and_shapes_are_the_references():
    """As ``networks.UnetGenerator(3, 3, 8, ngf=64)`` with InstanceNorm has them: no norm at the bottom, biases."""
    with torch.device("meta"):
        weights = {name: tuple(value.shape) for name, value in UnetTranslator().state_dict().items()}
    assert weights["model.model.0.weight"] == (64, 3, 4, 4)
    assert weights["model.model.1.model.1.weight"] == (128, 64, 4, 4)
    assert weights["model.model.1.model.3.model.1.weight"] == (256, 128, 4, 4)
    assert weights["model.model.1.model.5.weight"] == (256, 64, 4, 4)
    assert weights["model.model.3.weight"] == (128, 3, 4, 4)
    bottom = "model.model.1." + "model.3." * 6
    assert weights[f"{bottom}model.1.weight"] == weights[f"{bottom}model.3.weight"] == (512, 512, 4, 4)
    assert len(weights) == 32


def test_a_u_net_that_is_too_shallow_is_refused():
    with pytest.raises(ValueError, match="at least 5"):
        UnetTranslator(UnetConfig(num_downs=4))


def test_a_verdict_sees_patches_of_seventy_pixels():
    judge = PatchDiscriminator(PatchDiscriminatorConfig(ndf=4, norm="instance")).double()
    for layer in judge.modules():  # its norms would spread every pixel over the whole map
        if isinstance(layer, torch.nn.InstanceNorm2d):
            layer.forward = lambda x: x
    image = torch.rand(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    verdict = judge(image)[0]
    assert verdict.shape == (1, 1, 30, 30)
    verdict[0, 0, 15, 15].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert rows.max() - rows.min() + 1 == 70
