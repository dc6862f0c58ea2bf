"""Differentiable augmentation of what a discriminator sees (Zhao et al. 2020, arXiv 2006.10738).

Random numbers are arguments, not drawn here, so that real and fake can share them or not and
several processes agree with one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

NUMBERS = 7  # random numbers a sample


def diff_augment(sketch: Tensor, photo: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Colour, shift and cutout, the geometric ones on sketch and photo alike.

    Parameters
    ----------
    sketch, photo : (B, 1, S, S) and (B, 3, S, S) float32 in [-1, 1]
    numbers : (B, 7) float32, uniform in [0, 1)
    """
    photo = change_colours(photo, numbers)
    pair = shift_and_cut(torch.cat([sketch - 1, photo], 1), numbers)
    return pair[:, :1] + 1, pair[:, 1:]


def change_colours(photo: Tensor, numbers: Tensor) -> Tensor:
    """Brightness, saturation and contrast of (B, 3, S, S), by the first three of each row of ``numbers``."""
    u = numbers.to(photo.device)[:, :, None, None, None]
    photo = photo + (u[:, 0] - 0.5) * 0.6
    grey = photo.mean(1, keepdim=True)
    photo = grey + (photo - grey) * (0.5 + u[:, 1])
    mean = photo.mean((1, 2, 3), keepdim=True)
    return mean + (photo - mean) * (0.75 + 0.5 * u[:, 2])


def shift_and_cut(images: Tensor, numbers: Tensor) -> Tensor:
    """Shift (B, C, S, S) by up to a tenth of the side and blank a rectangle, by the last four ``numbers``.

    What comes in from outside, and the rectangle, is 0.
    """
    size = images.shape[-1]
    shift = (numbers[:, 3:5] - 0.5) * 0.2  # of the side
    theta = torch.zeros(len(numbers), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1
    theta[:, :, 2] = (shift * size).round() / size * 2
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float(), grid, mode="nearest", align_corners=False)

    axis = torch.arange(size, device=images.device) / size
    near_x = (axis[None] - numbers[:, 5:6].to(images.device)).abs() < 0.15
    near_y = (axis[None] - numbers[:, 6:7].to(images.device)).abs() < 0.15
    return moved * (~(near_y[:, :, None] & near_x[:, None, :]))[:, None].float()
