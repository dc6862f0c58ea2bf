"""Adapt sketch and photo to a generator's conventions: what it expects of the one and promises of the other.

Inside this project a sketch is one channel in [-1, 1], black lines on white, and a photo is RGB in
[-1, 1]. Other projects' networks were trained on white lines on black, on three channels, on [0, 1] or
on OpenCV's BGR; nothing in their weights says so, hence a person does, once, at import.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Polarity = Literal["black_on_white", "white_on_black"]
Colour = Literal["rgb", "bgr"]
Range = Literal["signed", "unit", "byte"]
Statistics = Literal["training", "picture"]
Border = Literal["reflect", "replicate"]
POLARITIES: tuple[Polarity, ...] = get_args(Polarity)
COLOURS: tuple[Colour, ...] = get_args(Colour)
RANGES: tuple[Range, ...] = get_args(Range)
STATISTICS: tuple[Statistics, ...] = get_args(Statistics)
BORDERS: tuple[Border, ...] = get_args(Border)

MAX_IMAGE_SIZE = 2048
MAX_INPUT_CHANNELS = 64
MAX_MARGIN = 64
_CHOICES = {
    "polarity": POLARITIES, "colour": COLOURS, "input_range": RANGES, "output_range": RANGES,
    "statistics": STATISTICS, "border": BORDERS,
}  # fmt: skip


@dataclass(frozen=True)
class Conventions:
    """How a generator was trained to read sketches and to write photos.

    Raises
    ------
    ValueError
        If a value is none of these.
    """

    image_size: int = 256  # side in pixels of the square that it takes and gives
    input_channels: int = 1  # of its first layer; the sketch is repeated over them
    polarity: Polarity = "black_on_white"  # colour of the lines and of the paper
    # Order of the photo's channels. (The sketch is grey: its order does not matter.)
    colour: Colour = "rgb"
    # input_range, output_range: ``signed`` [-1, 1], ``unit`` [0, 1] or ``byte`` [0, 255].
    input_range: Range = "signed"
    output_range: Range = "signed"
    # What BatchNorm goes by: the averages of its ``training``, or each ``picture`` itself, as the reference projects'
    # test scripts do without ``--eval``.
    statistics: Statistics = "training"
    border: Border = "reflect"  # how residual blocks pad: weights of ``reflect`` and ``replicate`` look alike
    # Rows that are laid above a sketch (white) and below it (as its last row) and cut off the photo, for weights that
    # stain their borders.
    margin: int = 0

    def __post_init__(self) -> None:
        for name, valid in _CHOICES.items():
            if getattr(self, name) not in valid:
                raise ValueError(f"{name} must be one of {', '.join(valid)}; got {getattr(self, name)!r}.")
        for name, least, most in (
            ("image_size", 1, MAX_IMAGE_SIZE),
            ("input_channels", 1, MAX_INPUT_CHANNELS),
            ("margin", 0, MAX_MARGIN),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ValueError(f"{name} must be a whole number between {least} and {most}; got {value!r}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Conventions:
        """Conventions from a file's metadata; ValueError names an unknown key."""
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown conventions {sorted(unknown)}; valid are {sorted(known)}.")
        return cls(**values)


class _Architecture(Protocol):
    """The part of a generator's configuration that the adapter relies on."""

    @property
    def input_nc(self) -> int: ...

    @property
    def output_nc(self) -> int: ...

    @property
    def multiple(self) -> int: ...


def default_conventions(config: _Architecture, *, image_size: int | None = None) -> Conventions:
    """Give what to assume where nothing is stated: this project's own conventions, at the network's size.

    Parameters
    ----------
    config
        The network's configuration.
    image_size
        What it was trained at, where that is known; by default its fixed size, or 256.
    """
    size = image_size or getattr(config, "img_size", None) or Conventions.image_size
    multiple = config.multiple
    return Conventions(image_size=max(multiple, size - size % multiple), input_channels=config.input_nc)


def check_conventions(conventions: Conventions, config: _Architecture) -> None:
    """Refuse conventions that a network of this configuration cannot keep.

    Raises
    ------
    ValueError
        If the size or a number of channels does not fit; the sentence says what would.
    """
    if conventions.input_channels != config.input_nc:
        raise ValueError(
            f"This network takes {config.input_nc} input channels, not {conventions.input_channels}."
        )
    if config.output_nc not in (1, 3):
        raise ValueError(f"This network gives {config.output_nc} channels; a photo has 3 (or 1, grey).")
    multiple = config.multiple
    size, margin = conventions.image_size, conventions.margin
    if size % multiple:
        nearest = max(multiple, round(size / multiple) * multiple)
        raise ValueError(
            f"image_size must be a multiple of {multiple} for this network; got {size}. Take {nearest}."
        )
    if 2 * margin % multiple:
        raise ValueError(f"margin must be a multiple of half {multiple} for this network; got {margin}.")


class AdaptedGenerator(nn.Module):
    """A generator behind this project's conventions: one tensor in, one tensor out.

    ``forward`` takes a sketch (B, 1, S, S) float32 in [-1, 1], black on white, of any S, and returns a
    photo (B, 3, s, s) RGB in [-1, 1] at the network's own size s; where ``has_attention`` it returns
    (B, 4, s, s) with the attention's heat map, scaled to [0, 1] for each image, as fourth channel.

    Attributes
    ----------
    image_size
        s.
    has_attention
        Whether the network has a ``translate`` that also gives a heat map.

    Raises
    ------
    ValueError
        If network and conventions do not fit; see `check_conventions`.
    """

    def __init__(self, network: nn.Module, conventions: Conventions) -> None:
        super().__init__()
        check_conventions(conventions, network.config)  # type: ignore[arg-type]
        self.network = _as_run(network, conventions)
        self.conventions = conventions
        self.image_size = conventions.image_size
        self.has_attention = hasattr(network, "translate")

    def forward(self, sketch: Tensor) -> Tensor:
        drawn = self.as_trained(sketch)
        if not self.has_attention:
            return self._as_ours(self.network(drawn))
        translation = self.network.translate(drawn)  # type: ignore[operator]
        heat = _to_unit(translation.heatmap)
        heat = F.interpolate(heat, drawn.shape[2:], mode="bilinear", align_corners=False)
        return torch.cat([self._as_ours(translation.photo), self._without_margin(heat)], 1)  # (B, 4, s, s)

    def as_trained(self, sketch: Tensor) -> Tensor:
        """Give the network's own input (B, input_channels, s + 2 margin, s) for one of our sketches."""
        x = resize_square(sketch, self.image_size)
        if margin := self.conventions.margin:
            x = F.pad(F.pad(x, (0, 0, margin, 0), value=1.0), (0, 0, 0, margin), mode="replicate")
        if self.conventions.polarity == "white_on_black":
            x = -x
        if self.conventions.input_range != "signed":
            x = (x + 1) * (0.5 if self.conventions.input_range == "unit" else 127.5)
        channels = self.conventions.input_channels
        return x if channels == 1 else torch.cat([x] * channels, 1)

    def _without_margin(self, picture: Tensor) -> Tensor:
        margin = self.conventions.margin
        return picture[:, :, margin : margin + self.image_size]

    def _as_ours(self, photo: Tensor) -> Tensor:
        photo = self._without_margin(photo)
        if self.conventions.output_range != "signed":
            photo = photo * (2.0 if self.conventions.output_range == "unit" else 1 / 127.5) - 1
        photo = photo.clamp(-1, 1)
        if photo.shape[1] == 1:
            return torch.cat([photo] * 3, 1)
        if self.conventions.colour == "bgr":
            return torch.cat([photo[:, 2:], photo[:, 1:2], photo[:, :1]], 1)
        return photo


def _as_run(network: nn.Module, conventions: Conventions) -> nn.Module:
    """The network with its normalisation and borders as a person says; weights are shared, not copied."""
    if (conventions.statistics, conventions.border) == ("training", "reflect"):
        return network
    tensors = [*network.parameters(), *network.buffers()]
    changed = copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
    for name, layer in list(changed.named_modules()):
        new: nn.Module | None = None
        if isinstance(layer, nn.BatchNorm2d) and conventions.statistics == "picture":
            norm = nn.InstanceNorm2d(layer.num_features, layer.eps, affine=True)
            norm.weight, norm.bias = layer.weight, layer.bias
            new = norm.train(layer.training)
        elif (
            isinstance(layer, nn.ReflectionPad2d)
            and "conv_block" in name
            and conventions.border == "replicate"
        ):
            new = nn.ReplicationPad2d(layer.padding)
        if new is not None:
            changed.set_submodule(name, new)
    return changed


def resize_square(image: Tensor, size: int) -> Tensor:
    """(B, C, S, S) -> (B, C, size, size): thin lines are averaged on the way down, never skipped."""
    if image.shape[-1] == size and image.shape[-2] == size:
        return image
    if image.shape[-1] > size:
        return F.adaptive_avg_pool2d(image, size)
    return F.interpolate(image, (size, size), mode="bilinear", align_corners=False)


def _to_unit(heatmap: Tensor) -> Tensor:
    """(B, 1, h, w) of any range -> [0, 1], each image by its own least and most."""
    least = heatmap.amin((2, 3), keepdim=True)
    most = heatmap.amax((2, 3), keepdim=True)
    return (heatmap - least) / (most - least).clamp(min=1e-6)
