"""The registry: every metric by name, with the right direction."""

import numpy as np
import pytest

from eval.metrics.registry import METRICS, Value, metrics_of, with_lpips


def features(seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (60, 4)).astype(np.float32)


@pytest.mark.parametrize("one", metrics_of("features"), ids=lambda one: one.name)
def test_a_metric_of_features_prefers_the_closer_set(one: object) -> None:
    near, far = one.compute(features(1), features(2)), one.compute(features(1), features(2, shift=5))
    assert isinstance(near, Value)
    assert (near.value > far.value) == one.higher_is_better


@pytest.mark.parametrize("one", metrics_of("photos"), ids=lambda one: one.name)
def test_a_metric_of_photos_prefers_the_closer_one(one: object) -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(40, 200, (176, 176, 3)).astype(np.uint8)
    near, far = (np.clip(true + rng.normal(0, s, true.shape), 0, 255).astype(np.uint8) for s in (3, 40))
    assert (one.compute(near, true) > one.compute(far, true)) == one.higher_is_better


@pytest.mark.parametrize("one", metrics_of("lines"), ids=lambda one: one.name)
def test_a_metric_of_lines_prefers_the_closer_ones(one: object) -> None:
    true = np.zeros((64, 64), bool)
    true[10:50, 30] = True
    near, far = np.roll(true, 1, axis=1), np.roll(true, 20, axis=1)
    assert (one.compute(near, true) > one.compute(far, true)) == one.higher_is_better


def test_names_are_unique_and_known() -> None:
    assert all(one.name == name for name, one in METRICS.items())
    assert {"fid", "kid", "precision", "recall", "density", "coverage"} <= set(METRICS)
    assert {"l1", "psnr", "ssim", "ms_ssim", "chamfer", "edge_f_2px", "edge_f_4px", "landmarks"} <= set(
        METRICS
    )


def test_only_kid_carries_its_own_error() -> None:
    values = {one.name: one.compute(features(1), features(2)) for one in metrics_of("features")}
    assert [name for name, value in values.items() if value.error is not None] == ["kid"]


def test_lpips_comes_in_with_its_weights_only() -> None:
    assert "lpips" not in METRICS
    assert with_lpips(lambda ours, true: 0.5).compute(None, None) == 0.5
