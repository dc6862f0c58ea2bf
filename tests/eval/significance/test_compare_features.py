"""What a column of distances says about its models."""

import numpy as np
import pytest

from eval.feature_stats import moments_of
from eval.metrics.fid import frechet_distance
from eval.metrics.kid import kernel_distance
from eval.significance.feature_trust import compare_features
from eval.significance.value_trust import Trusted

NAMES = tuple(f"{i:03}" for i in range(60))


def draw(seed: int, count: int = 60, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, width)).astype(np.float32)


def compare(models: dict[str, np.ndarray], **how: object) -> Trusted:
    settings: dict = {"column": "fid", "permutations": 199, "resamples": 60} | how
    return compare_features(settings.pop("real", draw(0)), models, **settings)


@pytest.fixture(scope="module")
def clear() -> Trusted:
    """A good model, a bad one, and one as bad as that."""
    models = {"bad": draw(1) + 1.5, "good": draw(2), "as bad": draw(5) + 1.5}
    return compare(models, names=dict.fromkeys(models, NAMES), real_names=NAMES)


def test_the_numbers_are_those_of_all_images() -> None:
    models = {"a": draw(1), "b": draw(2, count=40)}
    found = compare(models, rows=20)
    assert found.scores["a"].value == frechet_distance(draw(0), models["a"])
    assert found.scores["b"].value == frechet_distance(draw(0), models["b"])
    assert found.settings["trust_rows"] == 20


def test_kernel_distances_are_those_of_all_images() -> None:
    found = compare({"a": draw(1)}, metric="kid")
    assert found.scores["a"].value == kernel_distance(draw(0), draw(1)).value


def test_a_model_that_is_separated_from_all_is_best(clear: Trusted) -> None:
    first = clear.standings[0]
    assert (first.model, first.rank, first.is_best, first.tied_with) == ("good", 1, True, ())


def test_models_that_are_not_separated_share_a_rank(clear: Trusted) -> None:
    assert {one.model: (one.rank, one.tied_with) for one in clear.standings[1:]} == {
        "bad": (2, ("as bad",)),
        "as bad": (2, ("bad",)),
    }


def test_models_that_differ_plainly_are_told_apart_however_many_they_are() -> None:
    """With 200 permutations the smallest p-value of fifteen pairs was .075 after Holm: all six models tied."""
    models = {f"model {i}": draw(i) + 1.5 * i for i in range(6)}
    found = compare(models, permutations=200, names=dict.fromkeys(models, NAMES), real_names=NAMES)
    assert all(pair.is_separated for pair in found.pairs)
    assert [one.tied_with for one in found.standings] == [()] * 6


def test_every_pair_is_judged_once_and_holm_counts_them(clear: Trusted) -> None:
    assert [(pair.first, pair.second) for pair in clear.pairs] == [
        ("bad", "good"),
        ("bad", "as bad"),
        ("good", "as bad"),
    ]
    assert clear.pairs[0].p == pytest.approx(1 / 200)
    assert clear.pairs[0].p_adjusted == pytest.approx(3 / 200)
    assert [pair.is_separated for pair in clear.pairs] == [True, False, True]


def test_a_difference_is_that_of_the_scores_inside_its_interval(clear: Trusted) -> None:
    for pair in clear.pairs:
        gap = pair.difference
        assert gap.value == clear.scores[pair.first].value - clear.scores[pair.second].value
        assert gap.low < gap.value < gap.high


def test_a_large_difference_needs_few_images_and_a_small_one_many(clear: Trusted) -> None:
    large, small = clear.pairs[0].needed, clear.pairs[1].needed
    assert large is not None and large < 60
    assert small is None or small > 60


def test_the_floor_lies_below_a_bad_model_and_says_how_it_was_measured(clear: Trusted) -> None:
    assert clear.floor is not None and clear.floor.count == 60
    assert clear.floor.estimate.value < clear.scores["bad"].value
    assert "between 30 and 30 of 60 real images" in clear.floor.note


def test_a_kernel_distance_to_the_inputs_own_truths_has_a_bias_that_is_taken_out() -> None:
    rng, names, found = np.random.default_rng(0), NAMES[:20], []
    for seed in range(40):
        real = rng.normal(0, 1, (20, 6))
        models = {"close": real + 0.1 * rng.normal(0, 1, (20, 6)), "new": rng.normal(0, 1, (20, 6))}
        how = {"names": dict.fromkeys(models, names), "real_names": names, "real": real, "permutations": 0}
        found.append(compare(models, metric="kid", seed=seed, resamples=40, **how))
    raw = np.mean([one.pairs[0].difference.value for one in found])
    unbiased = np.mean([one.pairs[0].extrapolated.value for one in found])
    assert raw < 0 and abs(unbiased) < 0.4 * abs(raw)  # both models are as good: the first knows the truths
    assert found[0].floor is not None and "may lie below it" in found[0].floor.note


def test_without_its_truths_a_kernel_distance_has_no_bias() -> None:
    pair = compare({"a": draw(1), "b": draw(2)}, metric="kid").pairs[0]
    assert pair.extrapolated is None


def test_the_floor_of_many_real_images_is_what_a_perfect_model_gets() -> None:
    found = compare({"perfect": draw(1, count=80)}, real=draw(0, count=400), rows=100)
    perfect = [frechet_distance(draw(i, count=80), draw(i + 1, count=80)) for i in range(2, 40, 2)]
    assert found.floor is not None and found.floor.note == ""
    assert found.floor.estimate.value == pytest.approx(np.mean(perfect), rel=0.25)


def test_curves_fall_with_more_images_and_end_at_the_score(clear: Trusted) -> None:
    for curve in clear.curves:
        values = [point.estimate.value for point in curve.points]
        assert [point.count for point in curve.points] == [7, 15, 30, 45, 60]
        assert values == sorted(values, reverse=True)
        assert curve.points[-1].estimate == clear.scores[curve.model]
        assert curve.limit is not None and curve.limit.value < values[-1]


def test_it_is_the_same_again_whatever_ran_before(clear: Trusted) -> None:
    models = {"bad": draw(1) + 1.5, "good": draw(2), "as bad": draw(5) + 1.5}
    np.random.default_rng().normal(size=7)
    assert compare(models, names=dict.fromkeys(models, NAMES), real_names=NAMES) == clear


def test_another_seed_draws_anew() -> None:
    models = {"a": draw(1), "b": draw(2)}
    assert compare(models, seed=1).pairs != compare(models, seed=2).pairs


def test_names_pair_rows_whatever_their_order() -> None:
    turned = {"a": NAMES, "b": NAMES[::-1]}
    straight = {"a": NAMES, "b": NAMES}
    models = {"a": draw(1), "b": draw(1) + 0.3}
    found = compare(models, names=straight, real_names=NAMES).pairs[0]
    again = compare({"a": models["a"], "b": models["b"][::-1]}, names=turned, real_names=NAMES).pairs[0]
    assert found.is_paired and again.is_paired
    assert again.p == found.p
    assert again.difference.low == pytest.approx(found.difference.low)


def test_other_names_make_independent_sets() -> None:
    names = {"a": NAMES, "b": tuple(f"other {name}" for name in NAMES)}
    assert not compare({"a": draw(1), "b": draw(2)}, names=names).pairs[0].is_paired


def test_names_that_repeat_are_no_names() -> None:
    names = {"a": NAMES, "b": ("same",) * 60}
    assert not compare({"a": draw(1), "b": draw(2)}, names=names).pairs[0].is_paired


def test_a_small_difference_is_found_in_pairs() -> None:
    base, noise = draw(1), 0.05 * draw(2)
    models = {"a": base, "b": base + 0.25 + noise}
    paired = compare(models, names=dict.fromkeys(models, NAMES), real_names=NAMES).pairs[0]
    apart = compare(models).pairs[0]
    assert paired.p < 0.05 < apart.p
    assert paired.difference.error < 0.7 * apart.difference.error


def test_few_images_rank_the_worse_model_first_and_are_not_believed() -> None:
    # Model "shrunk" lost a quarter of its diversity; it is the worse one, but its bias is smaller.
    spreads = np.arange(1, 201) ** -0.6
    real, full, shrunk = (draw(i, count=80, width=200) * spreads for i in (1, 2, 3))
    models = {"full": full + 0.3 * np.eye(200)[0], "shrunk": 0.75 * shrunk}
    truth = {"full": 0.09, "shrunk": float((0.25 * spreads) @ (0.25 * spreads))}
    found = compare(models, real=real)
    pair = found.pairs[0]
    assert truth["full"] < truth["shrunk"] and pair.difference.value > 0  # the wrong way round
    assert pair.extrapolated is not None and pair.extrapolated.value < 0
    assert not pair.is_separated and not any(one.is_best for one in found.standings)


def test_unequal_numbers_of_images_are_compared_as_they_are() -> None:
    found = compare({"a": draw(1), "b": draw(2, count=25) + 2})
    assert found.pairs[0].is_separated and found.floor is not None and found.floor.count == 25


@pytest.mark.parametrize("count", [2, 3, 7])
def test_too_few_images_have_numbers_and_nothing_else(count: int) -> None:
    found = compare({"a": draw(1, count=count), "b": draw(2, count=count) + 5})
    pair = found.pairs[0]
    assert found.scores["a"].value is not None and found.scores["a"].low is None
    assert pair.p is None and pair.difference.low is None and not pair.is_separated


def test_equal_models_are_a_tie() -> None:
    models = {"a": draw(1), "b": draw(1)}
    found = compare(models, names=dict.fromkeys(models, NAMES))
    assert found.pairs[0].p == 1.0 and found.pairs[0].needed is None
    assert {one.rank for one in found.standings} == {1}


def test_constant_features_are_no_trouble() -> None:
    found = compare({"a": np.zeros((60, 6)), "b": np.ones((60, 6))}, real=np.zeros((60, 6)))
    assert found.scores["a"].value == 0 and found.scores["b"].value == pytest.approx(6)


def test_one_model_alone_is_not_best() -> None:
    found = compare({"a": draw(1)})
    assert found.pairs == () and not found.standings[0].is_best


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    found = compare({"a": draw(1), "b": draw(2)}, permutations=0, resamples=0)
    assert found.pairs[0].p is None and found.scores["a"].low is None and found.floor is None


def test_progress_reaches_the_end() -> None:
    told = []
    models = {"a": draw(1), "b": draw(2), "c": draw(3)}
    compare(models, permutations=150, progress=lambda *steps: told.append(steps))
    assert told[-1] == (450, 450)
    assert told == sorted(told)


def test_statistics_alone_give_the_same_distance_and_separate_what_differs() -> None:
    rng = np.random.default_rng(3)
    real, near, far = (rng.normal(shift, 1, (60, 12)) for shift in (0, 0.1, 1.5))
    found = compare_features(
        moments_of(real), {"near": near, "far": far}, column="fid", permutations=200, resamples=100
    )
    assert found.scores["near"].value == pytest.approx(frechet_distance(real, near), rel=1e-6)
    assert found.floor is None
    pair = found.pairs[0]
    assert pair.is_separated and pair.extrapolated is None
    assert found.scores["near"].low < found.scores["near"].value < found.scores["near"].high
