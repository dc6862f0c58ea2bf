"""The kernel distance: unbiased at any N, with an honest error."""

import numpy as np
import pytest

from eval.metrics.kid import kernel_distance


def features(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, 6))


def by_definition(real: np.ndarray, fake: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def within(samples: np.ndarray) -> float:
        pairs = [kernel(a, b) for i, a in enumerate(samples) for j, b in enumerate(samples) if i != j]
        return float(np.mean(pairs))

    return within(real) + within(fake) - 2 * float(np.mean([kernel(a, b) for a in real for b in fake]))


@pytest.mark.parametrize("counts", [(2, 2), (2, 9), (7, 3), (12, 12)])
def test_it_is_the_mean_over_all_pairs(counts: tuple[int, int]) -> None:
    real, fake = features(counts[0], 1), features(counts[1], 2, shift=0.3)
    assert kernel_distance(real, fake).value == pytest.approx(by_definition(real, fake), rel=1e-12)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = features(50, 1), features(40, 2)
    whole = kernel_distance(real, fake)
    monkeypatch.setattr("eval.metrics.kid.BLOCK", 7)
    in_parts = kernel_distance(real, fake)
    assert in_parts.value == pytest.approx(whole.value, rel=1e-12)
    assert in_parts.error == pytest.approx(whole.error, rel=1e-9)


def test_between_equal_distributions_it_is_zero_on_average_even_at_small_n() -> None:
    values = [kernel_distance(features(8, 2 * i), features(8, 2 * i + 1)).value for i in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20
    assert min(values) < 0


def test_its_error_is_the_spread_over_repetitions() -> None:
    found = [kernel_distance(features(60, 2 * i), features(60, 2 * i + 1, shift=0.5)) for i in range(300)]
    spread = np.std([one.value for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.2)


def test_between_equal_distributions_the_error_is_rather_too_large() -> None:
    found = [kernel_distance(features(40, 2 * i), features(40, 2 * i + 1)) for i in range(300)]
    ratio = np.mean([one.error for one in found]) / np.std([one.value for one in found])
    assert 1 <= ratio < 1.7


def test_swapping_the_sets_changes_nothing() -> None:
    there, back = (
        kernel_distance(features(9, 1), features(5, 2)),
        kernel_distance(features(5, 2), features(9, 1)),
    )
    assert there.value == pytest.approx(back.value)
    assert there.error == pytest.approx(back.error)


def test_constant_features_have_no_error() -> None:
    found = kernel_distance(np.zeros((3, 4)), np.ones((3, 4)))
    assert (found.value, found.error) == (7.0, 0.0)


def test_one_sample_is_too_few() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(features(5, 1), features(1, 2))
