import torch

from core.training.unpaired import ImagePool


def fakes(value, count=2):
    return torch.full((count, 3, 4, 4), float(value))


def numbers(luck, place=0.0, count=2):
    return torch.tensor([[luck, place]] * count)


def test_an_empty_pool_hands_fresh_fakes_out():
    assert torch.equal(ImagePool(4).exchange(fakes(0.5), numbers(0.0)), fakes(0.5))


def test_a_full_pool_gives_an_older_fake_for_the_fresh_one_half_of_the_time():
    pool = ImagePool(2)
    pool.exchange(fakes(-1), numbers(0.9))
    assert torch.equal(pool.exchange(fakes(1), numbers(0.9)), fakes(1))
    assert torch.equal(pool.exchange(fakes(1, 1), numbers(0.1, 0.6, 1)), fakes(-1, 1))
    assert torch.equal(pool.exchange(fakes(0, 1), numbers(0.1, 0.6, 1)), fakes(1, 1))  # it took its place


def test_fakes_come_back_within_half_a_grey_level():
    pool = ImagePool(1)
    old = torch.rand(1, 3, 8, 8) * 2 - 1
    pool.exchange(old, numbers(0.0, count=1))
    again = pool.exchange(torch.zeros(1, 3, 8, 8), numbers(0.0, count=1))
    assert (again - old).abs().max() <= 0.51 / 127.5


def test_a_restored_pool_goes_on_the_same():
    pool, copy = ImagePool(2), ImagePool(2)
    pool.exchange(torch.rand(2, 3, 4, 4), numbers(0.0))
    copy.restore(pool.state())
    assert torch.equal(pool.exchange(fakes(0), numbers(0.2)), copy.exchange(fakes(0), numbers(0.2)))


def test_no_pool_changes_nothing():
    assert torch.equal(ImagePool(0).exchange(fakes(0.3), numbers(0.0)), fakes(0.3))
