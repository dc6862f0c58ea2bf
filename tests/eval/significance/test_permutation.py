"""Permutation tests and Holm's adjustment."""

from itertools import product

import numpy as np
import pytest

from eval.significance.subsets import subset_distances
from eval.significance.value_trust import holm, sign_flip_test, swap_test


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_sign_flips_count_what_all_signs_give() -> None:
    differences = np.array([0.4, 1.0, -0.1, 0.7, 0.9, 0.2, 0.5])
    every = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=7)]
    exact = np.mean(np.array(every) >= abs(differences.sum()) - 1e-12)
    assert sign_flip_test(differences, permutations=20_000, rng=rng()) == pytest.approx(exact, abs=0.005)


def test_no_difference_at_all_is_never_significant() -> None:
    assert sign_flip_test(np.zeros(20), permutations=99, rng=rng()) == 1.0


def test_the_smallest_p_value_is_one_of_all_permutations() -> None:
    assert sign_flip_test(np.full(40, 2.0), permutations=999, rng=rng()) == pytest.approx(1 / 1000)


@pytest.mark.parametrize("metric", ["fid", "kid"])
@pytest.mark.parametrize("is_paired", [True, False])
def test_a_shifted_model_is_told_from_a_good_one(metric: str, is_paired: bool) -> None:
    real, good, bad = (rng(seed).normal(0, 1, (30, 4)) for seed in (1, 2, 3))
    distances = subset_distances(metric, real, np.concatenate([good, bad + 2]))
    assert swap_test(distances, 30, is_paired=is_paired, permutations=199, rng=rng()) == 1 / 200


@pytest.mark.parametrize("metric", ["fid", "kid"])
def test_a_model_and_itself_differ_by_chance_alone(metric: str) -> None:
    real, fake = rng(1).normal(0, 1, (20, 30)), rng(2).normal(0.5, 1, (20, 30))
    distances = subset_distances(metric, real, np.concatenate([fake, fake]))
    assert swap_test(distances, 20, is_paired=True, permutations=99, rng=rng()) == 1.0


def test_pairs_find_what_independent_sets_do_not() -> None:
    inputs = rng(1).normal(0, 1, (40, 3))
    worse = inputs + np.array([0.35, 0.0, 0.0]) + rng(2).normal(0, 0.05, (40, 3))
    distances = subset_distances("fid", inputs, np.concatenate([inputs + 0.01, worse]))
    paired, apart = (
        swap_test(distances, 40, is_paired=is_paired, permutations=199, rng=rng())
        for is_paired in (True, False)
    )
    assert paired < 0.05 < apart


def test_permutations_report_progress() -> None:
    told = []
    distances = subset_distances("kid", np.eye(5), rng().normal(size=(8, 5)))
    swap_test(
        distances, 4, is_paired=True, permutations=250, rng=rng(), progress=lambda *steps: told.append(steps)
    )
    assert told == [(100, 250), (200, 250), (250, 250)]


def test_holm_multiplies_the_smallest_by_their_number_and_keeps_the_order() -> None:
    assert holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])


def test_holm_leaves_what_was_not_tested_out() -> None:
    assert holm([0.02, None, 0.9]) == [0.04, None, 0.9]


def test_holm_never_exceeds_one() -> None:
    assert holm([0.6, 0.7]) == [1.0, 1.0]
