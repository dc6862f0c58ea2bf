"""The one sentence on top of a comparison: right for every outcome of the tests."""

from __future__ import annotations

import itertools

import pytest

from eval.comparison.answer import PATTERNS, answer
from eval.comparison.export_html import to_html
from eval.comparison.export_paper import to_markdown
from eval.comparison.formatting import column_of
from eval.comparison.result import Comparison, Estimate, ModelResult, PairResult, Standing, Warned
from tests.dashboard.comparison_example import FD, example_comparison

MADE = example_comparison(4).model_copy(update={"warnings": ()})


def judged(models: str, better: str, *, untested: str = "", ways: bool = False) -> Comparison:
    """Models named by letters; ``better`` lists pairs such as ``ab``, a before b, and all others are ties.

    With ``ways``, a capital letter is the same generator as the small one, by parts.
    """
    separated, left_out = set(better.split()), set(untested.split())
    pairs = [
        PairResult(
            column=FD, first=_name(one, ways), second=_name(other, ways), p=0.01, p_adjusted=0.02, is_paired=True,
            difference=Estimate(value=1.0 if other + one in separated else -1.0), needed=None,
            is_separated=bool({one + other, other + one} & separated),
        )
        for one, other in itertools.combinations(models, 2)
        if one + other not in left_out
    ]  # fmt: skip
    ranks = {name: 1 + sum(pair[1] == name for pair in separated) for name in models}
    standings = [
        Standing(column=FD, model=_name(name, ways), rank=ranks[name], is_best=False) for name in models
    ]
    found = tuple(_model(name, ways) for name in models)
    return MADE.model_copy(update={"pairs": tuple(pairs), "standings": tuple(standings), "models": found})


def _name(letter: str, ways: bool) -> str:
    return f"{letter.lower()}, parts" if ways and letter.isupper() else letter


def _model(letter: str, ways: bool) -> ModelResult:
    changes = {
        "name": _name(letter, ways),
        "scores": {FD: Estimate(value=1.0)},
        "generator": "",
        "stage1": "",
    }
    if ways:
        changes |= {"generator": letter.lower(), "stage1": "parts" if letter.isupper() else "whole"}
    return MADE.models[0].model_copy(update=changes)


def said(comparison: Comparison) -> str:
    return answer(comparison, column_of(comparison, FD))


@pytest.mark.parametrize(
    ("models", "better", "sentence"),
    [
        ("a", "", "There is only a, so nothing to compare it with."),
        ("ab", "", "No difference can be seen between a and b."),
        ("abc", "", "No difference can be seen between a, b and c."),
        ("ab", "ba", "b is better than a."),
        ("abc", "ab ac", "a is better than b and c."),
        ("abc", "ac bc", "a and b are better than c; between a and b no difference can be seen."),
        ("abc", "ab ac bc", "a is better than b and c, and b is better than c."),
        ("abc", "ac", "a is better than c; the other differences may be chance."),
        ("abcd", "ac ad bc bd", "a and b are better than c and d; between a and b no difference can be seen."),
        ("abcd", "ab ac ad bc bd cd", "From best to worst: a; b; c; d."),
        ("abcd", "ac bd", "a is better than c; b is better than d; the other differences may be chance."),
    ],
)  # fmt: skip
def test_every_outcome_has_its_sentence(models: str, better: str, sentence: str) -> None:
    assert said(judged(models, better)) == sentence


BETWEEN = "pc pC Pc PC pu pU Pu PU"


@pytest.mark.parametrize(
    ("better", "sentence"),
    [
        (BETWEEN, "p is better than c and u; whole or by parts makes no difference."),
        (f"{BETWEEN} pP cC uU", "p is better than c and u; whole is better than by parts."),
        (f"{BETWEEN} Pp Cc Uu", "p is better than c and u; by parts is better than whole."),
        (f"{BETWEEN} cC", "p is better than c and u; whole is better than by parts for c, and for p and u it makes no "
                          "difference."),
        ("", "No difference can be seen between p, c and u; whole or by parts makes no difference."),
        ("pc", "p is better than c; the other differences may be chance."),  # by parts it is not
    ],
)  # fmt: skip
def test_whole_and_by_parts_are_one_question_where_that_says_the_same(better: str, sentence: str) -> None:
    assert said(judged("pPcCuU", better, ways=True)) == sentence


def test_one_generator_both_ways_is_a_sentence_of_its_own() -> None:
    assert said(judged("pP", "", ways=True)) == "Whole or by parts makes no difference."
    assert said(judged("pP", "Pp", ways=True)) == "By parts is better than whole."


def test_what_was_not_tested_is_not_claimed() -> None:
    assert (
        said(judged("ab", "", untested="ab"))
        == "Whether there is a difference between a and b was not tested."
    )
    assert said(judged("abc", "ab ac", untested="bc")).startswith("a is better than b and c")
    assert said(judged("abc", "ab", untested="bc ac")) == (
        "a is better than b; the others were not tested against each other."
    )


def test_a_better_model_with_a_fault_is_no_winner_and_a_beaten_one_is_not_mentioned() -> None:
    def with_fault(name: str) -> Comparison:
        fault = Warned(code="memorised", severity="misleads", text="", sets=(name,))
        return judged("ab", "ab").model_copy(update={"warnings": (fault,)})

    assert (
        said(with_fault("a")) == "a is better than b. But a is no winner: its outputs repeat training photos."
    )
    assert said(with_fault("b")) == "a is better than b."


def test_the_sentence_heads_the_report_and_the_table_for_a_readme() -> None:
    sentence = "pix2pixhd is better than cyclegan and ugatit."
    assert said(MADE) == sentence
    assert to_markdown(MADE).startswith(f"{sentence}\n\n| Model |")
    report = to_html(MADE)
    assert report.index(sentence) < report.index("Leaderboard") < report.index("Holm")


def test_a_page_may_translate_every_word_of_it() -> None:
    comparison, asked = judged("pPcCuU", f"{BETWEEN} cC", ways=True), []

    def translate(pattern: str) -> str:
        asked.append(pattern)
        return pattern

    answer(comparison, column_of(comparison, FD), translate)
    assert set(asked) <= set(PATTERNS)
