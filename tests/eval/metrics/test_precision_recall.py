"""Precision, recall, density and coverage on sets whose answer is known."""

import numpy as np
import pytest

from eval.metrics.precision_recall import density_coverage, precision_recall


def cloud(count: int, seed: int, centre: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, 1, (count, 5)).astype(np.float32)


def test_a_set_is_precise_and_complete_about_itself() -> None:
    real = cloud(60, 1)
    found = precision_recall(real, real)
    assert (found.precision, found.recall) == (1.0, 1.0)
    assert density_coverage(real, real).coverage == 1.0


def test_sets_far_apart_have_nothing_in_common() -> None:
    found = precision_recall(cloud(60, 1), cloud(50, 2, centre=40))
    assert (found.precision, found.recall) == (0.0, 0.0)
    other = density_coverage(cloud(60, 1), cloud(50, 2, centre=40))
    assert (other.density, other.coverage) == (0.0, 0.0)


def test_missing_modes_cost_recall_and_coverage_not_precision() -> None:
    real = np.concatenate([cloud(60, 1), cloud(60, 2, centre=20)])
    fake = cloud(120, 3)
    found, other = precision_recall(real, fake), density_coverage(real, fake)
    assert found.precision > 0.7
    assert found.recall < 0.55
    assert other.coverage < 0.55


def test_invented_modes_cost_precision_not_recall() -> None:
    real = cloud(120, 3)
    fake = np.concatenate([cloud(60, 1), cloud(60, 2, centre=20)])
    found = precision_recall(real, fake)
    assert found.recall > 0.7
    assert found.precision < 0.55


def test_one_far_real_image_inflates_precision_but_not_density() -> None:
    real = np.concatenate([cloud(100, 1), np.full((1, 5), 30, np.float32)])
    fake = cloud(100, 2, centre=15)
    assert precision_recall(real, fake).precision > 0.9
    assert density_coverage(real, fake).density < 0.3


def test_density_of_equal_distributions_is_about_one() -> None:
    assert density_coverage(cloud(800, 1), cloud(800, 2)).density == pytest.approx(1, abs=0.1)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = cloud(50, 1), cloud(40, 2)
    whole = precision_recall(real, fake), density_coverage(real, fake)
    monkeypatch.setattr("eval.metrics.precision_recall.BLOCK", 7)
    assert (precision_recall(real, fake), density_coverage(real, fake)) == whole


def test_constant_features_lie_in_each_others_neighbourhood() -> None:
    same = np.full((9, 5), 1 / 3, np.float32)
    assert precision_recall(same, same) == precision_recall(cloud(9, 1), cloud(9, 1))


@pytest.mark.parametrize(("count", "k"), [(3, 3), (9, 0), (9, 9)])
def test_too_few_samples_for_the_neighbourhood_are_refused(count: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"at least"):
        precision_recall(cloud(count, 1), cloud(20, 2), k=k)
