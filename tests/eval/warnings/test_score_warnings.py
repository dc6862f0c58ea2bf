"""Warnings about the numbers themselves."""

from dataclasses import replace
from pathlib import Path

import pytest

from eval.comparison.result import Curve, CurvePoint, Estimate
from eval.warnings import check
from eval.warnings.facts import Facts
from tests.eval.warnings.warnings_material import (
    comparison,
    floor,
    found,
    jpeg,
    pair,
    set_of,
    with_model,
)


def with_numbers(facts: Facts, **how: object) -> Facts:
    given = {"pairs": facts.comparison.pairs, "floors": facts.comparison.floors, **how}
    scores = given.pop("scores", {"a": (30.0, 0.03), "b": (50.0, 0.05)})
    return replace(facts, comparison=comparison(scores, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(("fid", "is_below"), [(6.0, True), (8.0, False)])
def test_a_distance_below_the_floor(good: Facts, fid: float, is_below: bool) -> None:
    facts = with_numbers(good, scores={"a": (fid, 0.0), "b": (50.0, 0.05)})
    assert found(facts, "below_floor") == ([("misleads", ("a",))] if is_below else [])


def test_a_floor_of_fewer_images_is_compared_at_its_own_number(good: Facts) -> None:
    half = {"scores": {"a": (6.0, 0.0), "b": (50.0, 0.05)}, "floors": (floor(9.0, count=30),)}
    assert found(with_numbers(good, **half), "below_floor") == []
    points = (CurvePoint(count=30, estimate=Estimate(value=8.5)),)
    curve = Curve(column="fid_clean", model="a", over="n", points=points)
    assert found(with_numbers(good, **half, curves=(curve,)), "below_floor") == [("misleads", ("a",))]


@pytest.mark.parametrize(("separated", "severity"), [(True, "misleads"), (False, "caution")])
def test_fid_and_kid_that_disagree(good: Facts, separated: bool, severity: str) -> None:
    pairs = (pair("fid_clean", -20, separated=separated), pair("kid_clean", 0.02))
    facts = with_numbers(good, pairs=pairs, scores={"a": (30.0, 0.05), "b": (50.0, 0.03)})
    assert found(facts, "metrics_disagree") == [(severity, ("a", "b"))]


def test_a_tie_in_which_fid_and_kid_differ_by_chance_is_no_disagreement(good: Facts) -> None:
    pairs = (pair("fid_clean", -0.2), pair("kid_clean", 0.0001))
    facts = with_numbers(good, pairs=pairs, scores={"a": (50.0, 0.0301), "b": (50.2, 0.03)})
    assert found(facts, "metrics_disagree") == []


def test_fid_that_separates_what_kid_leaves_open_is_no_disagreement(good: Facts) -> None:
    """A difference of .3 % with an interval around zero is not an order."""
    undecided = pair("kid_clean", 0.0001)
    interval = Estimate(value=0.0001, low=-0.002, high=0.0022)
    pairs = (pair("fid_clean", -20, separated=True), undecided.model_copy(update={"difference": interval}))
    facts = with_numbers(good, pairs=pairs, scores={"a": (30.0, 0.0301), "b": (50.0, 0.03)})
    assert found(facts, "metrics_disagree") == []


def test_a_difference_that_its_test_calls_real_and_the_bias_turns(good: Facts) -> None:
    """Such a one is never called separated, so the warning goes by the test."""
    facts = with_numbers(good, pairs=(pair("fid_clean", -20, limit=5),))
    assert found(facts, "bias_decides") == [("misleads", ("a", "b"))]


def test_a_difference_that_turns_without_the_bias(good: Facts) -> None:
    facts = with_numbers(good, pairs=(pair("fid_clean", -20, separated=True, limit=5),))
    assert found(facts, "bias_decides") == [("misleads", ("a", "b"))]


def test_best_of_several_checkpoints(good: Facts) -> None:
    assert found(replace(good, checkpoints={"a": 4}), "best_of_checkpoints") == [("caution", ("a",))]
    assert found(replace(good, checkpoints={"a": 1}), "best_of_checkpoints") == []


def test_checkpoints_that_are_given_as_models(good: Facts) -> None:
    facts = replace(good, models={"run@1000": good.models["a"], "run@2000": good.models["b"]})
    assert found(facts, "best_of_checkpoints") == [("caution", ("run@1000", "run@2000"))]


def test_custom_weights(good: Facts) -> None:
    protocol = good.comparison.protocol.model_copy(update={"weights": "custom"})
    facts = replace(good, comparison=good.comparison.model_copy(update={"protocol": protocol}))
    assert found(facts, "custom_weights") == [("note", ())]


def test_what_misleads_comes_first(good: Facts, tmp_path: Path) -> None:
    facts = replace(with_model(good, set_of(tmp_path, "a", jpeg(75), count=20)), checkpoints={"a": 4})
    severities = [one.severity for one in check(facts)]
    assert severities == sorted(severities, key=["misleads", "caution", "note"].index)
