import dataclasses

import pytest
import torch
from torch import nn

from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.generators.ugatit import AttentionTranslator, UGATITConfig
from core.models.conventions import AdaptedGenerator, Conventions, default_conventions, resize_square
from core.runtime import compile_module

TINY = CycleGANConfig(input_nc=3, ngf=4, n_blocks=1)


class Echo(nn.Module):
    """Gives back its input, so that what the adapter does to it can be read off."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.config = CycleGANConfig(input_nc=channels, output_nc=channels, ngf=4, n_blocks=1)

    def forward(self, sketch: torch.Tensor) -> torch.Tensor:
        self.seen = sketch
        return sketch


def sketch(side: int = 32) -> torch.Tensor:
    """White paper with a black square in its corner."""
    paper = torch.ones(1, 1, side, side)
    paper[..., : side // 2, : side // 2] = -1
    return paper


def echo(**conventions: object) -> AdaptedGenerator:
    return AdaptedGenerator(Echo(), Conventions(**{"image_size": 32, "input_channels": 3, **conventions}))


def test_our_own_conventions_change_nothing_but_the_number_of_channels() -> None:
    assert torch.equal(echo()(sketch()), sketch().expand(1, 3, 32, 32))


def test_a_margin_is_seen_by_the_network_and_cut_off_the_photo() -> None:
    adapted = echo(margin=8, polarity="white_on_black")
    drawing = sketch()
    drawing[..., -1, 5] = -1
    seen = adapted.as_trained(drawing)
    assert seen.shape == (1, 3, 48, 32) and (seen[:, :, :8] == -1).all()
    assert torch.equal(seen[:, :, 40:], -drawing[:, :, -1:].expand(1, 3, 8, 32))
    assert torch.equal(adapted(drawing), -drawing.expand(1, 3, 32, 32))


def test_an_attention_map_lies_on_the_photo_without_the_margin() -> None:
    network = AttentionTranslator(
        UGATITConfig(input_nc=1, output_nc=3, ngf=4, n_blocks=1, img_size=32, light=True)
    ).eval()
    adapted = AdaptedGenerator(network, Conventions(image_size=32, input_channels=1, margin=8))
    with torch.no_grad():
        assert adapted(sketch()).shape == (1, 4, 32, 32)


@pytest.mark.parametrize("margin", [-8, 65, 2.0, 3])
def test_a_margin_that_the_network_cannot_take_is_refused(margin: object) -> None:
    with pytest.raises(ValueError, match="margin must be a"):
        AdaptedGenerator(ResnetTranslator(TINY), Conventions(32, 3, margin=margin))  # type: ignore[arg-type]


def test_batch_norm_goes_by_each_picture_where_a_person_says_so() -> None:
    network = ResnetTranslator(CycleGANConfig(input_nc=3, ngf=4, n_blocks=1, norm="batch"))
    drawing = torch.rand(2, 1, 32, 32) * 2 - 1
    conventions = Conventions(image_size=32, input_channels=3, statistics="picture")
    ours = AdaptedGenerator(network.eval(), conventions).eval()
    theirs = torch.cat(
        [network.train()(one.repeat(1, 3, 1, 1)) for one in drawing.split(1)]
    )  # test.py without --eval
    network.eval()
    assert torch.allclose(ours(drawing), theirs, atol=1e-5)
    plain = AdaptedGenerator(network, dataclasses.replace(conventions, statistics="training"))
    assert plain.network is network
    assert not torch.allclose(plain(drawing), theirs, atol=1e-2)


def test_blocks_pad_by_replication_where_a_person_says_so_and_share_their_weights() -> None:
    network = ResnetTranslator(TINY).eval()
    adapted = AdaptedGenerator(
        network, Conventions(image_size=32, input_channels=3, border="replicate")
    ).eval()
    kinds = [type(layer).__name__ for layer in adapted.network.modules() if "Pad2d" in type(layer).__name__]
    assert kinds == ["ReflectionPad2d", "ReplicationPad2d", "ReplicationPad2d", "ReflectionPad2d"]
    assert next(adapted.network.parameters()) is next(network.parameters())


def test_white_on_black_networks_see_white_lines() -> None:
    adapted = echo(polarity="white_on_black")
    adapted(sketch())
    assert adapted.network.seen[0, 0, 0, 0] == 1 and adapted.network.seen[0, 0, -1, -1] == -1


@pytest.mark.parametrize(("name", "black", "white"), [("signed", -1, 1), ("unit", 0, 1), ("byte", 0, 255)])
def test_the_network_sees_the_range_that_it_was_trained_on(name: str, black: float, white: float) -> None:
    adapted = echo(input_range=name)
    adapted(sketch())
    assert adapted.network.seen[0, 0, 0, 0] == black and adapted.network.seen[0, 0, -1, -1] == white


@pytest.mark.parametrize("name", ["unit", "byte"])
def test_ranges_of_input_and_output_cancel_out(name: str) -> None:
    assert torch.allclose(echo(input_range=name, output_range=name)(sketch())[:, :1], sketch(), atol=1e-6)


def test_bgr_photos_come_out_as_rgb() -> None:
    class Blue(Echo):
        def forward(self, sketch: torch.Tensor) -> torch.Tensor:
            return torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32)

    adapted = AdaptedGenerator(Blue(), Conventions(32, 3, colour="bgr"))
    assert adapted(sketch())[0, :, 0, 0].tolist() == [-1.0, 0.0, 1.0]


def test_grey_photos_come_out_with_three_channels() -> None:
    assert AdaptedGenerator(Echo(1), Conventions(32, 1))(sketch()).shape == (1, 3, 32, 32)


def test_what_leaves_the_range_is_clipped() -> None:
    assert echo(output_range="unit")(sketch()).amin() == -1


@pytest.mark.parametrize("side", [16, 32, 50, 512])
def test_sketches_of_any_size_are_taken_and_photos_have_the_networks_own(side: int) -> None:
    adapted = AdaptedGenerator(ResnetTranslator(TINY).eval(), Conventions(32, 3))
    with torch.no_grad():
        assert adapted(sketch(side)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("side", [512, 300])
def test_a_thin_line_survives_the_way_down(side: int) -> None:
    paper = torch.ones(1, 1, side, side)
    paper[..., side // 2] = -1
    assert (resize_square(paper, 32).amin(-1) < 0.9).all()


def test_the_heat_map_is_a_fourth_channel_between_0_and_1() -> None:
    network = AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, light=True)).eval()
    adapted = AdaptedGenerator(network, Conventions(32, 3))
    with torch.no_grad():
        output = adapted(sketch(64))
        expected = network(adapted.as_trained(sketch(64)))
    assert adapted.has_attention and output.shape == (1, 4, 32, 32)
    assert torch.allclose(output[:, :3], expected)
    assert output[:, 3].amin() >= 0 and output[:, 3].amax() <= 1


def test_networks_without_attention_say_so() -> None:
    assert not AdaptedGenerator(ResnetTranslator(TINY), Conventions(32, 3)).has_attention


def test_an_adapted_network_compiles_and_agrees_with_itself() -> None:
    network = AttentionTranslator(UGATITConfig(ngf=4, n_blocks=1, light=True)).eval()
    adapted = AdaptedGenerator(network, Conventions(32, 3, "white_on_black", "bgr", "unit")).eval()
    compiled = compile_module(adapted, sketch(48), threads=1, runtime="torch", precision="fp32")
    with torch.no_grad():
        assert torch.allclose(compiled.run(sketch(48)), adapted(sketch(48)), atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [({"polarity": "grey"}, "polarity must be one of"), ({"colour": "cmyk"}, "colour must be"),
     ({"input_range": "0-1"}, "input_range"), ({"image_size": 0}, "image_size"), ({"image_size": 2.5}, "whole number"),
     ({"image_size": True}, "whole number"), ({"line": 1}, r"unknown conventions \['line'\]")],
)  # fmt: skip
def test_values_that_are_none_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Conventions.from_mapping(values)


@pytest.mark.parametrize(
    ("conventions", "message"),
    [(Conventions(32, 1), "takes 3 input channels, not 1"), (Conventions(30, 3), "multiple of 4.*Take 32")],
)  # fmt: skip
def test_conventions_that_the_network_cannot_keep_are_refused(conventions: Conventions, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptedGenerator(ResnetTranslator(TINY), conventions)


def test_defaults_take_the_size_that_a_full_ugatit_works_at() -> None:
    assert default_conventions(UGATITConfig(img_size=64)) == Conventions(64, 3)
