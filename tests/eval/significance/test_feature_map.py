"""The flat map of features."""

import numpy as np
import pytest

from eval.feature_stats import map_2d


def draw(seed: int, count: int, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, width)).astype(np.float32)


def test_every_sample_has_a_place() -> None:
    assert [places.shape for places in map_2d([draw(1, 20), draw(2, 7)])] == [(20, 2), (7, 2)]


def test_the_first_set_lies_around_the_middle_with_a_spread_of_one() -> None:
    first = map_2d([draw(1, 80), draw(2, 80) + 3])[0]
    assert first.mean(axis=0) == pytest.approx([0, 0], abs=1e-3)
    assert np.sqrt((first.std(axis=0) ** 2).mean()) == pytest.approx(1, abs=1e-3)


def test_a_set_that_is_shifted_lies_apart() -> None:
    real, like, other = map_2d([draw(1, 60), draw(2, 60), draw(3, 60) + 3])
    assert np.linalg.norm(like.mean(axis=0) - real.mean(axis=0)) < 1
    assert np.linalg.norm(other.mean(axis=0) - real.mean(axis=0)) > 3


def test_a_collapsed_set_is_a_small_spot() -> None:
    real, collapsed = map_2d([draw(1, 60), np.tile(draw(2, 1), (60, 1))])
    assert collapsed.std(axis=0).max() < 1e-3 < real.std(axis=0).min()


def test_it_is_the_same_again() -> None:
    sets = [draw(1, 40), draw(2, 40)]
    for once, again in zip(map_2d(sets), map_2d([values.copy() for values in sets]), strict=True):
        assert once.tobytes() == again.tobytes()


def test_a_large_set_has_no_more_say_than_a_small_one() -> None:
    small = draw(1, 50) * np.r_[5.0, np.ones(29)]
    large = draw(2, 3000) * np.r_[1.0, 5.0, np.ones(28)]
    places = map_2d([small, large])
    assert places[0].std(axis=0).max() == pytest.approx(places[1].std(axis=0).max(), rel=0.5)


@pytest.mark.parametrize("sets", [[np.zeros((3, 4))], [np.ones((1, 1)), np.zeros((2, 1))]])
def test_sets_without_spread_have_finite_places(sets: list[np.ndarray]) -> None:
    assert all(np.isfinite(places).all() for places in map_2d(sets))


def test_widths_must_agree() -> None:
    with pytest.raises(ValueError, match="set 1 must be"):
        map_2d([draw(1, 5), draw(1, 5, width=4)])


def test_no_set_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one set"):
        map_2d([])
