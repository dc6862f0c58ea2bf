"""Worst and best cases, disagreement, and what cases can be filtered by."""

import pytest

from eval.comparison.cases import best, cases_with, disagreements, labels_of, worst
from tests.eval.comparison.comparison_material import comparison

SCORES = {"a": (0.1, 0.4, None, 0.2), "b": (0.1, 0.1, 0.3, 0.9)}


def test_the_worst_case_of_a_distance_is_the_largest() -> None:
    assert [one.name for one in worst(comparison(SCORES), "a", "landmarks", 2)] == ["0001", "0003"]


def test_the_worst_case_of_a_similarity_is_the_smallest() -> None:
    found = worst(comparison(SCORES, column="ssim", higher_is_better=True), "a", "ssim", 1)
    assert found[0].value == 0.1


def test_the_best_cases_come_best_first() -> None:
    assert [one.name for one in best(comparison(SCORES), "a", "landmarks", 2)] == ["0000", "0003"]


def test_a_case_without_a_score_is_neither_best_nor_worst() -> None:
    found = comparison(SCORES)
    assert len(worst(found, "a", "landmarks", 9)) == len(best(found, "a", "landmarks", 9)) == 3


def test_models_disagree_most_where_their_scores_lie_furthest_apart() -> None:
    found = disagreements(comparison(SCORES), "landmarks")
    assert [one.name for one in found] == ["0003", "0001", "0000"]
    assert found[0].values == {"a": 0.2, "b": 0.9}


def test_labels_are_counted() -> None:
    labels = [{"glasses": "yes"}, {"glasses": "no"}, {"glasses": "yes"}, {}]
    found = comparison(SCORES, labels=labels)
    assert labels_of(found) == {"glasses": {"yes": 2, "no": 1}}
    assert cases_with(found, {"glasses": "yes"}) == (0, 2)


def test_an_unknown_model_or_column_is_refused() -> None:
    with pytest.raises(ValueError, match="no model 'c'"):
        worst(comparison(SCORES), "c", "landmarks")
    with pytest.raises(ValueError, match="column 'fid' is none of"):
        worst(comparison(SCORES), "a", "fid")
