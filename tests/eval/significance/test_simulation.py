"""How often the tests are wrong, by simulation: outputs for the same inputs, models whose truth is known.

Every bound leaves room for what a few hundred repetitions scatter; the seeds are fixed.
"""

from collections.abc import Iterator

import numpy as np
import pytest

from eval.significance.feature_trust import compare_features
from eval.significance.value_trust import Trusted, compare_values

N = 40
NAMES = tuple(str(i) for i in range(N))
REPETITIONS = 200
LIKE_ITS_INPUT = 0.5  # correlation of an output's features with its input's


def rounds(
    width: int,
    models: dict[str, tuple[float, int, float]],
    *,
    is_paired: bool = True,
    times: int = REPETITIONS,
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Real features and each model's, shifted along an axis and shrunk: ``(shift, axis, spread)``."""
    rng = np.random.default_rng(width)
    spreads = np.arange(1, width + 1) ** -0.6 if width > 8 else np.ones(width)
    for _ in range(times):
        real = rng.normal(size=(N, width))
        fakes = {}
        for name, (shift, axis, spread) in models.items():
            inputs = real if is_paired else rng.normal(size=(N, width))
            own = rng.normal(size=(N, width))
            fake = LIKE_ITS_INPUT * inputs + np.sqrt(1 - LIKE_ITS_INPUT**2) * own
            fakes[name] = spread * fake * spreads + shift * np.eye(width)[axis]
        yield real * spreads, fakes


def judged(width: int, models: dict[str, tuple[float, int, float]], **how: object) -> list[Trusted]:
    metric = how.pop("metric", "fid")
    is_paired = how.get("is_paired", True)
    names = dict.fromkeys(models, NAMES) if is_paired else None
    return [
        compare_features(
            real,
            fakes,
            column="fid",
            metric=metric,
            names=names,
            real_names=NAMES if is_paired else None,
            permutations=99 if how.get("tests", True) else 0,
            resamples=40,
            seed=seed,
        )
        for seed, (real, fakes) in enumerate(
            rounds(width, models, is_paired=bool(is_paired), times=int(how.get("times", REPETITIONS)))
        )
    ]


def rejected(found: list[Trusted]) -> float:
    """Share of rounds with p of at most .05."""
    return float(np.mean([one.pairs[0].p <= 0.05 for one in found]))


def covered(found: list[Trusted], truth: float | None = None) -> float:
    """Share of rounds whose interval holds the truth: by default the mean difference at this many images."""
    gaps = [one.pairs[0].difference for one in found]
    truth = float(np.mean([gap.value for gap in gaps])) if truth is None else truth
    return float(np.mean([gap.low <= truth <= gap.high for gap in gaps]))


@pytest.fixture(scope="module")
def no_difference() -> list[Trusted]:
    return judged(4, {"a": (0.6, 0, 1.0), "b": (0.6, 0, 1.0)}, times=300)


def test_equal_models_are_called_different_once_in_twenty(no_difference: list[Trusted]) -> None:
    assert 0.02 <= rejected(no_difference) <= 0.09


def test_the_interval_of_no_difference_covers(no_difference: list[Trusted]) -> None:
    assert 0.90 <= covered(no_difference, truth=0.0) <= 0.98


def test_equal_models_are_hardly_ever_separated(no_difference: list[Trusted]) -> None:
    assert np.mean([one.pairs[0].is_separated for one in no_difference]) <= 0.05


def test_without_pairs_equal_models_are_called_different_once_in_twenty() -> None:
    found = judged(4, {"a": (0.6, 0, 1.0), "b": (0.6, 0, 1.0)}, is_paired=False)
    assert 0.02 <= rejected(found) <= 0.09
    assert 0.90 <= covered(found, truth=0.0) <= 0.98


def test_kernel_distances_are_as_honest() -> None:
    found = judged(4, {"a": (0.6, 0, 1.0), "b": (0.6, 0, 1.0)}, metric="kid")
    assert 0.02 <= rejected(found) <= 0.09
    assert 0.90 <= covered(found, truth=0.0) <= 0.98


def test_with_more_dimensions_than_images_it_is_the_same() -> None:
    found = judged(60, {"a": (0.6, 0, 1.0), "b": (0.6, 0, 1.0)}, times=150)
    assert 0.02 <= rejected(found) <= 0.09
    assert 0.90 <= covered(found, truth=0.0) <= 0.98


@pytest.mark.parametrize("width", [4, 60])
def test_the_interval_of_a_real_difference_covers(width: int) -> None:
    found = judged(width, {"a": (0.9, 0, 1.0), "b": (0.2, 0, 0.8)}, tests=False, times=150)
    assert 0.90 <= covered(found) <= 0.98


def test_models_that_are_as_bad_in_different_ways_are_hardly_ever_separated() -> None:
    found = judged(4, {"a": (0.7, 0, 1.0), "b": (-0.7, 1, 1.0)})
    assert 0.90 <= covered(found, truth=0.0) <= 0.98
    assert np.mean([one.pairs[0].is_separated for one in found]) <= 0.09


def test_the_difference_without_bias_is_the_true_one() -> None:
    models = {"full": (0.3, 0, 1.0), "shrunk": (0.0, 0, 0.75)}
    truth = 0.09 - float(((0.25 * np.arange(1, 61) ** -0.6) ** 2).sum())
    found = judged(60, models, tests=False, times=100)
    raw = np.mean([one.pairs[0].difference.value for one in found])
    unbiased = [one.pairs[0].extrapolated for one in found]
    assert truth < 0 < raw  # few images rank the worse model first
    assert np.mean([one.value for one in unbiased]) == pytest.approx(truth, abs=0.25 * (raw - truth))
    assert np.mean([one.low <= truth <= one.high for one in unbiased]) >= 0.85


@pytest.mark.parametrize(
    "draw", [np.random.Generator.standard_normal, np.random.Generator.standard_exponential]
)
def test_means_of_values_are_as_honest(draw) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(5)
    found = []
    for seed in range(REPETITIONS):
        inputs = draw(rng, N)
        values = {name: inputs + draw(rng, N) for name in ("a", "b")}
        found.append(
            compare_values(
                values, column="l1", higher_is_better=False, permutations=199, resamples=200, seed=seed
            )
        )
    assert 0.02 <= rejected(found) <= 0.09
    assert 0.90 <= covered(found, truth=0.0) <= 0.98
