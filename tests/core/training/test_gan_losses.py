import numpy as np
import torch

from core.training.augment import NUMBERS, diff_augment
from core.training.perceptual import PerceptualLoss
from core.training.pix2pixhd import crop_corner, feature_matching, least_squares


def test_the_perceptual_loss_grows_with_damage_and_reaches_the_photo_only():
    torch.manual_seed(0)
    loss = PerceptualLoss()
    photo = torch.rand(1, 3, 64, 64) * 2 - 1
    fake = photo.clone().requires_grad_()
    noisy = [(photo + amount * torch.randn_like(photo)).clamp(-1, 1) for amount in (0.05, 0.3)]
    assert loss(photo, photo) == 0
    assert 0 < loss(noisy[0], photo) < loss(noisy[1], photo)
    loss(fake + 0.1, photo).backward()
    assert fake.grad is not None and fake.grad.abs().sum() > 0
    assert all(p.grad is None for p in loss.parameters())


def test_sketch_and_photo_are_shifted_together():
    sketch, photo = torch.ones(1, 1, 32, 32), -torch.ones(1, 3, 32, 32)
    sketch[..., 10, 12], photo[..., 10, 12] = -1, 1
    numbers = torch.full((1, NUMBERS), 0.5)
    numbers[:, 3:5] = torch.tensor([0.9, 0.1])
    numbers[:, 5:7] = 5.0  # no cutout
    moved_sketch, moved_photo = diff_augment(sketch, photo, numbers)
    at = [torch.argwhere(x).tolist() for x in (moved_sketch[0, 0] < 0, moved_photo[0, 0] > 0.5)]
    assert at[0] == at[1] != [[10, 12]]


def test_augmentation_lets_gradients_through():
    photo = torch.zeros(1, 3, 32, 32, requires_grad=True)
    diff_augment(torch.ones(1, 1, 32, 32), photo, torch.full((1, NUMBERS), 0.4))[1].sum().backward()
    assert photo.grad.abs().sum() > 0


def test_least_squares_is_zero_at_its_target():
    verdicts = [[torch.ones(1, 1, 4, 4)], [torch.ones(1, 1, 2, 2)]]
    assert least_squares(verdicts, 1.0) == 0
    assert least_squares(verdicts, 0.0) == 1


def test_feature_matching_ignores_the_verdict():
    real = [[torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 2, 2)]]
    fake = [[torch.zeros(1, 2, 4, 4), torch.ones(1, 1, 2, 2)]]
    assert feature_matching(fake, real) == 0


def test_crops_stay_inside_and_reach_every_corner_often():
    rng = np.random.default_rng(0)
    corners = np.stack([crop_corner(rng, 256, 160) for _ in range(900)])
    assert corners.min() == 0 and corners.max() == 96
    for corner in ((0, 0), (0, 96), (96, 0), (96, 96)):
        assert (corners == corner).all(1).mean() > 0.05
    assert (crop_corner(rng, 64, 64) == 0).all()
