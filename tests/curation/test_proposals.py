"""Learning from decisions: says when it cannot, beats the rules where taste is learnable, orders by doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from curation.proposals import MIN_DECISIONS, balanced_accuracy, propose

SIZE = 64


def heap(count: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Images whose taste lies in one direction of the embedding, and which rules know nothing of."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(count, SIZE)).astype(np.float32)
    liked = embeddings[:, 3] + 0.7 * embeddings[:, 5] > 0.1
    table = pd.DataFrame(
        {
            "yaw": rng.normal(0, 8, count),
            "sharpness": rng.uniform(0.2, 0.9, count),
            "verdict": np.where(rng.random(count) < 0.7, "keep", "reject"),
            "duplicate_group": [""] * count,
        },
        index=[f"{number:064x}" for number in range(count)],
    )
    return table, embeddings, liked


def decide(table: pd.DataFrame, liked: np.ndarray, count: int) -> dict[str, str]:
    return {table.index[row]: "keep" if liked[row] else "reject" for row in range(count)}


def test_with_too_few_decisions_it_says_so_and_proposes_nothing():
    table, embeddings, liked = heap(60)

    proposals = propose(table, embeddings, decide(table, liked, MIN_DECISIONS - 1))

    assert proposals.probability.empty
    assert proposals.order == ()
    assert proposals.accuracy_cv is None
    assert f"{MIN_DECISIONS}" in proposals.sentence


def test_with_one_kind_of_decision_it_says_so_and_proposes_nothing():
    table, embeddings, _ = heap(60)

    proposals = propose(table, embeddings, dict.fromkeys(table.index[:40], "keep"))

    assert proposals.probability.empty
    assert "40 kept and 0 rejected" in proposals.sentence


def test_a_planted_taste_is_learnt_and_beats_the_rules_on_images_not_seen():
    table, embeddings, liked = heap(600)

    proposals = propose(table, embeddings, decide(table, liked, 150))

    unseen = np.arange(600) >= 150
    said = proposals.probability.to_numpy() >= 0.5
    rules = (table["verdict"] == "keep").to_numpy()
    assert balanced_accuracy(said, liked[unseen]) > balanced_accuracy(rules[unseen], liked[unseen]) + 0.15
    assert proposals.accuracy_cv is not None
    assert proposals.baseline_accuracy is not None
    assert proposals.accuracy_cv > proposals.baseline_accuracy


def test_what_the_rules_know_is_learnt_too():
    table, embeddings, _ = heap(400)
    liked = (table["verdict"] == "keep").to_numpy()

    proposals = propose(table, embeddings, decide(table, liked, 120))

    assert balanced_accuracy(proposals.probability.to_numpy() >= 0.5, liked[120:]) > 0.9


def test_confidence_is_about_the_part_that_is_right():
    table, embeddings, liked = heap(2000)

    proposals = propose(table, embeddings, decide(table, liked, 300))

    right = (proposals.probability.to_numpy() >= 0.5) == liked[300:]
    assert abs(float(proposals.confidence.mean()) - right.mean()) < 0.08
    assert proposals.confidence.between(0.5, 1).all()


def test_the_decided_are_not_proposed_and_every_other_is_ordered_once():
    table, embeddings, liked = heap(200)
    decisions = decide(table, liked, 80)

    proposals = propose(table, embeddings, decisions)

    assert set(proposals.probability.index) == set(table.index[80:])
    assert sorted(proposals.order) == sorted(table.index[80:])
    assert set(proposals.as_saved()) == set(table.index[80:])


def test_the_queue_starts_with_doubt():
    table, embeddings, liked = heap(900)

    proposals = propose(table, embeddings, decide(table, liked, 150))

    confidence = proposals.confidence.loc[list(proposals.order)].to_numpy()
    assert confidence[:100].mean() < confidence[-100:].mean() - 0.1


def test_look_alikes_do_not_follow_one_another():
    table, embeddings, liked = heap(300)
    embeddings[150:200] = embeddings[150] + np.random.default_rng(1).normal(0, 1e-3, (50, SIZE))
    twins = set(table.index[150:200])

    order = propose(table, embeddings, decide(table, liked, 150)).order

    assert sum(key in twins for key in order[:50]) <= 5


def test_further_copies_of_a_picture_come_last():
    table, embeddings, liked = heap(260)
    table.loc[table.index[200:220], "duplicate_group"] = "g"

    order = propose(table, embeddings, decide(table, liked, 150)).order

    last = set(order[-19:])
    assert last < set(table.index[200:220])


def test_copies_of_a_picture_do_not_flatter_the_accuracy():
    rng = np.random.default_rng(4)
    table, embeddings, _ = heap(120)
    liked = rng.random(120) < 0.5
    for first in range(0, 120, 4):  # pure chance, but every picture four times
        embeddings[first : first + 4] = embeddings[first]
        liked[first : first + 4] = liked[first]
        table.loc[table.index[first : first + 4], "duplicate_group"] = f"g{first}"

    proposals = propose(table, embeddings, decide(table, liked, 100))

    assert proposals.accuracy_cv is not None
    assert proposals.accuracy_cv < 0.75


def test_missing_measurements_and_embeddings_are_borne():
    table, embeddings, liked = heap(150)
    table.loc[table.index[5:60], "yaw"] = np.nan
    table["covered"] = np.nan
    embeddings[100:110] = np.nan
    embeddings[110:120] = 0

    proposals = propose(table, embeddings, decide(table, liked, 90))

    assert proposals.probability.between(0, 1).all()


def test_equal_input_gives_equal_proposals():
    table, embeddings, liked = heap(200)
    first, second = (propose(table, embeddings, decide(table, liked, 60)) for _ in range(2))

    assert first.order == second.order
    pd.testing.assert_series_equal(first.probability, second.probability)


def test_table_and_embeddings_of_different_length_are_refused():
    table, embeddings, liked = heap(50)
    with pytest.raises(ValueError, match="one embedding a row"):
        propose(table, embeddings[:-1], decide(table, liked, 30))
