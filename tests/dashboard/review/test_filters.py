"""The Review page's address, its session, and the words it uses."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.library.library import Library
from curation.rules import Rules
from dashboard.views.review.bar import active_filters
from dashboard.views.review.filters import (
    DECISIONS,
    MOST_LETTERS,
    MOST_NAMED,
    RANGES,
    SORTS,
    STATES,
    VERDICTS,
    Choices,
    View,
    find_images,
    from_query,
    to_query,
)
from dashboard.views.review.formatting import measure_bar, pose_text, short_reason
from dashboard.views.review.state import IdempotencyLog, ReviewSession, clean_name
from tests.dashboard.review_library import fill_library

NOTHING = Choices({}, {}, {}, {}, {}, {"yaw": "Turned to the side"}, 0, 0, False)
names = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=3).map(tuple)
ends = st.floats(-1000, 1000).map(lambda value: float(f"{value:g}"))
ranges = st.dictionaries(st.sampled_from(RANGES), st.tuples(ends, ends).map(sorted), max_size=2).map(
    lambda found: tuple(sorted((column, low, high) for column, (low, high) in found.items()))
)
views = st.builds(
    View,
    decision=st.sampled_from(["", *DECISIONS]),
    state=st.sampled_from(["", *STATES]),
    verdict=st.sampled_from(["", *VERDICTS]),
    rule=names,
    source=names,
    label=names,
    reviewer=names,
    disputed=st.booleans(),
    text=st.text(max_size=20),
    ranges=ranges,
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
    page=st.integers(0, 10_000),
    is_queue=st.booleans(),
)


def listed(query: dict) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in query.items()}


@given(views)
def test_a_view_comes_back_from_its_own_address(view: View):
    assert from_query(listed(to_query(view))) == view


@given(
    st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=12), min_size=1, max_size=3), max_size=5)
)
def test_any_address_gives_a_view(query: dict):
    assert isinstance(from_query(query), View)


@pytest.mark.parametrize(
    "query",
    [
        {"page": ["-1"]}, {"page": ["x"]}, {"sort": ["rowid; drop"]}, {"r.yaw": ["5..-5"]}, {"r.secret": ["1..2"]},
        {"r.yaw": ["nan..2"]}, {"decision": ["maybe"]},
    ],
)  # fmt: skip
def test_nonsense_in_the_address_is_as_if_it_were_not_there(query: dict):
    assert from_query(query) == View()


def test_an_open_range_keeps_its_open_end():
    assert from_query({"r.pitch": ["..3"]}).ranges == (("pitch", -math.inf, 3.0),)


@given(views)
def test_taking_the_filters_off_one_by_one_ends_with_none(view: View):
    for _ in range(20):
        active = active_filters(view, NOTHING)
        if not active:
            break
        view = active[-1][1]
    assert not active_filters(view, NOTHING)


def test_a_new_filter_looks_for_images_again_and_a_new_page_does_not():
    session = ReviewSession(found_for=View(), ids=["x"] * 200)
    session.look_at(View(page=2))
    assert session.found_for == View()
    assert len(session.page_ids()) == 60
    session.look_at(View(verdict="keep"))
    assert session.found_for is None


@pytest.mark.parametrize(
    ("given", "clean"),
    [("  Ann   Lee ", "Ann Lee"), ("", ""), (None, ""), ("a\x00b", ""), ("x" * 99, "x" * 60)],
)
def test_a_reviewers_name_is_one_clean_line(given: object, clean: str):
    assert clean_name(given) == clean


def test_the_book_forgets_the_oldest_page_loads_only():
    book = IdempotencyLog(size=2)
    for client in ("a", "b", "a", "c"):
        book.note(client, book.last(client) + 1)
    assert [book.last(client) for client in "abc"] == [2, 0, 1]


@pytest.mark.parametrize(
    ("verdict", "rule", "value", "words"),
    [
        ("keep", "", None, "passes"), ("", "", None, "not examined"), ("reject", "yaw", -23.4, "turned 23°"),
        ("reject", "no_face", 1.0, "no face"), ("reject", "a_new_rule", 3.0, "a new rule"),
        ("reject", "yaw", None, "yaw"),
    ],
)  # fmt: skip
def test_a_verdict_is_told_in_two_words(verdict: str, rule: str, value: float | None, words: str):
    assert short_reason(verdict, rule, value) == words


def test_a_value_just_beyond_its_threshold_shows_that_it_is():
    assert short_reason("reject", "yaw", 10.4, 10.0) == "turned 10.4°"
    assert short_reason("reject", "stretch", 1.352, 1.35) == "stretch 1.352"


def test_every_rule_of_the_job_has_short_words():
    for rule in Rules.default().rules:
        assert len(short_reason("reject", rule.name, 0.5)) <= 16


def test_a_pose_has_no_minus_zero():
    assert pose_text(-0.2, 3.6, None) == "yaw +0°, pitch +4°"


def test_a_bar_shows_where_the_value_lies_and_what_is_allowed():
    rules = Rules.default()
    bar = measure_bar("yaw", 22.5, rules, "yaw")
    assert bar["off"] and bar["deciding"]
    assert bar["at"] == pytest.approx(0.75)
    assert bar["from"] < 0.5 < bar["to"] < bar["at"]
    both = measure_bar("brightness", 0.5, rules, "yaw")
    assert not both["off"] and not both["deciding"]
    assert "at least" in both["sentence"] and "at most" in both["sentence"]
    assert measure_bar("yaw", None, rules, "")["at"] is None


def test_an_address_filters_by_so_many_names_at_most():
    view = from_query({"label": [f"{number} " + "x" * 1000 for number in range(1000)]})
    assert len(view.label) == MOST_NAMED
    assert max(map(len, view.label)) == MOST_LETTERS


def test_similar_faces_come_one_after_another_in_either_direction(tmp_path: Path) -> None:
    ids = fill_library(tmp_path, 8)
    rng = np.random.default_rng(0)
    people = rng.normal(size=(2, 32))
    looks = {image_id: people[n % 2] + 0.05 * rng.normal(size=32) for n, image_id in enumerate(ids)}
    person = {image_id: n % 2 for n, image_id in enumerate(ids)}

    def embeddings(wanted: Sequence[str]) -> np.ndarray:
        return np.array([looks[image_id] for image_id in wanted], np.float16)

    with Library.open(tmp_path) as library:
        table = library.table()
    found = find_images(table, View(sort="similarity"), embeddings)
    assert sorted(found) == sorted(ids)
    assert sum(person[a] != person[b] for a, b in pairwise(found)) == 1
    assert find_images(table, View(sort="similarity", descending=True), embeddings)[-1] == found[0]
