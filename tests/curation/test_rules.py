"""Rules are data: read, refused, applied; every verdict says what decided it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.library.records import MEASUREMENT_NAMES
from curation.rules import GROUP_RATES, RULES_FILE, Rule, Rules, count_kept, judge_table

DEFAULTS = Rules.default()


def table_of(*rows: dict[str, object]) -> pd.DataFrame:
    """Good faces, but for what is given."""
    good = {
        "status": "ok", "duplicate_best": True, "faces": 1, "eye_distance_px": 120, "yaw": 0, "pitch": 0,
        "roll_aligned": 0, "stretch": 1.0, "padding": 0,
    }  # fmt: skip
    frame = pd.DataFrame([good | row for row in rows], index=[f"id{n}" for n in range(len(rows))])
    for name in MEASUREMENT_NAMES:
        frame[name] = frame[name].astype(np.float32) if name in frame else np.float32("nan")
    return frame


def test_the_defaults_are_those_of_the_job() -> None:
    assert {
        name: (DEFAULTS[name].direction, DEFAULTS[name].threshold)
        for name in ("faces", "yaw", "pitch", "roll", "eye_distance", "stretch", "duplicate")
    } == {
        "faces": ("at_most", 1),
        "yaw": ("within", 10),
        "pitch": ("within", 10),
        "roll": ("within", 10),
        "eye_distance": ("at_least", 60),
        "stretch": ("at_most", 1.35),
        "duplicate": ("at_most", 0),
    }
    enabled = {rule.name for rule in DEFAULTS.enabled}
    assert enabled >= {"sharpness", "shadow", "backlight", "covered", "padding", "too_dark", "too_bright"}


def test_every_rule_with_a_choice_has_a_slider_around_its_threshold() -> None:
    for rule in DEFAULTS.rules:
        if rule.slider is not None:
            assert rule.slider[0] <= rule.threshold <= rule.slider[1], rule.name
        else:
            assert rule.column in ("unreadable", "no_face", "spare")


def test_rules_come_back_from_their_text() -> None:
    changed = DEFAULTS.with_threshold("yaw", 12.5).with_threshold("shadow", enabled=False)
    assert Rules.from_yaml(changed.to_yaml()) == changed
    assert changed["yaw"].threshold == 12.5
    assert not changed["shadow"].enabled
    assert DEFAULTS["yaw"].threshold == 10


def _with(**changes: object) -> str:
    content = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))
    content["rules"] = [next(rule for rule in content["rules"] if rule["name"] == "yaw") | changes]
    return yaml.safe_dump(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "no YAML"),
        ("rules: 3", "a list under the key rules"),
        ("rules: [3]", "a rule with keys"),
        ("rules: []\nrule: []", r"key rule is not known.*rules"),
        (_with(treshold=3), r"rule yaw: key treshold is not known. Valid names: .*threshold"),
        (_with(column="yav"), r"column 'yav' is not known. Valid names: .*yaw"),
        (_with(direction="above"), r"direction 'above' is not known. Valid names: at_least, at_most, within"),
        (_with(threshold="ten"), "expected numbers"),
        (_with(threshold=float("nan")), "finite"),
        (_with(slider=[1, 2]), "expected numbers"),
        (_with(slider=[2, 1, 1]), "low, high, step"),
        (_with(sentence="{valu}"), "cannot be filled in"),
        (_with(sentence=3), "expected text"),
        (_with(enabled="no"), "true or false"),
        ("rules: [{name: a}]", "lacks title, column, direction, threshold, sentence"),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_what_would(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rules.from_yaml(text)


def test_two_rules_cannot_share_a_name_and_an_unknown_one_is_named() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        Rules((DEFAULTS["yaw"], DEFAULTS["yaw"]))
    with pytest.raises(KeyError, match=r"yav.*Valid names: .*yaw"):
        DEFAULTS.with_threshold("yav", 3)


@pytest.mark.parametrize(
    ("row", "rule", "value"),
    [
        ({}, "", None),
        ({"status": "no_face"}, "no_face", 1),
        ({"status": "timeout"}, "unreadable", 1),
        ({"status": "crashed"}, "unreadable", 1),
        ({"faces": 2}, "faces", 2),
        ({"eye_distance_px": 59.5}, "eye_distance", 59.5),
        ({"eye_distance_px": 60}, "", None),
        ({"yaw": -10.5}, "yaw", -10.5),
        ({"yaw": 10.0}, "", None),
        ({"pitch": 11}, "pitch", 11),
        ({"roll_aligned": -20}, "roll", -20),
        ({"roll": 45}, "", None),
        ({"stretch": 1.36}, "stretch", 1.36),
        ({"stretch": 1.35}, "", None),
        ({"brightness": 0.02}, "too_dark", 0.02),
        ({"brightness": 0.98}, "too_bright", 0.98),
        ({"duplicate_best": False}, "duplicate", 1),
        ({"duplicate_best": False, "yaw": 50}, "yaw", 50),
        ({"yaw": float("nan")}, "", None),
    ],
)
def test_the_first_broken_rule_decides_with_its_value_and_threshold(
    row: dict, rule: str, value: float | None
) -> None:
    judged = judge_table(table_of(row), DEFAULTS).iloc[0]
    assert (judged["verdict"], judged["rule"]) == ("reject" if rule else "keep", rule)
    if rule:
        assert judged["value"] == pytest.approx(value)
        assert judged["threshold"] == DEFAULTS[rule].threshold
    else:
        assert np.isnan(judged["value"])
        assert np.isnan(judged["threshold"])


def test_what_was_not_examined_has_no_verdict() -> None:
    judged = judge_table(table_of({"status": ""}, {}), DEFAULTS)
    assert judged["verdict"].tolist() == ["", "keep"]
    assert judged.index.tolist() == ["id0", "id1"]
    assert count_kept(table_of({"status": ""}, {}), DEFAULTS)["images"] == 1


def test_a_rule_that_is_switched_off_decides_nothing() -> None:
    off = DEFAULTS.with_threshold("yaw", enabled=False)
    assert judge_table(table_of({"yaw": 80}), off)["verdict"].tolist() == ["keep"]
    assert judge_table(table_of({"yaw": 80}), Rules(()))["verdict"].tolist() == ["keep"]


def test_an_empty_table_is_judged() -> None:
    assert judge_table(table_of({}).iloc[:0], DEFAULTS).empty
    assert count_kept(table_of({}).iloc[:0], DEFAULTS)["kept"] == 0


def test_a_rejection_is_explained_in_a_sentence() -> None:
    assert DEFAULTS.explain("yaw", -12.345, 10) == (
        "The head is turned by 12.3° to the side, at most 10° is kept."
    )
    assert DEFAULTS.explain("", float("nan"), float("nan")) == ""
    assert "bygone" in DEFAULTS.explain("bygone", 1, 2)
    for rule in DEFAULTS.rules:
        assert rule.explain(rule.threshold).endswith((".", ")"))


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    random = np.random.default_rng(3)
    rows = [
        {"yaw": yaw, "pitch": pitch, "eye_distance_px": eyes, "duplicate_best": bool(best)}
        for yaw, pitch, eyes, best in zip(
            random.normal(0, 9, 400), random.normal(0, 9, 400), random.normal(80, 30, 400),
            random.random(400) < 0.9, strict=True,
        )
    ]  # fmt: skip
    frame = table_of(*rows)
    frame.loc[frame.index[:40], "yaw"] = np.nan
    frame.loc[frame.index[30:60], "status"] = "no_face"
    frame.loc[frame.index[60:70], "status"] = ""
    return frame


def test_counts_say_what_each_rule_alone_and_all_together_keep(many: pd.DataFrame) -> None:
    counts = count_kept(many, DEFAULTS)
    judged = judge_table(many, DEFAULTS)["verdict"]
    assert counts["images"] == (judged != "").sum()
    assert counts["kept"] == (judged == "keep").sum()
    examined = many[many["status"] != ""]
    for rule in DEFAULTS.enabled:
        only = judge_table(examined, Rules((rule,)))["verdict"]
        others = judge_table(examined, DEFAULTS.with_threshold(rule.name, enabled=False))["verdict"]
        assert counts["alone"][rule.name] == (only == "keep").sum()
        assert counts["without"][rule.name] == (others == "keep").sum()


@given(st.sampled_from(["at_least", "at_most", "within"]), st.floats(-100, 100, width=32))
@settings(deadline=None)  # a busy machine may take its time
def test_a_value_on_the_threshold_is_kept(direction: str, threshold: float) -> None:
    rule = dataclasses.replace(DEFAULTS["yaw"], direction=direction, threshold=threshold)
    assert isinstance(rule, Rule)
    assert not rule.breaks(np.array([threshold]))[0] or (direction == "within" and threshold < 0)


def test_no_default_rule_of_picture_quality_rejects_one_group_of_people_more_than_chance() -> None:
    """As ``python -m tests.benchmarks.group_rates --write`` measured it last."""
    measured = json.loads(GROUP_RATES.read_text())
    assert measured["smallest_adjusted_p"] >= measured["bound_p"] == 0.05
    attributes = {row["attribute"] for row in measured["rates"]}
    assert attributes == {"sex", "skin", "age", "expression", "sex (rated)"}
    bounded = {row["rule"] for row in measured["rates"] if row["bounded"]}
    assert bounded >= {"sharpness", "shadow", "backlight", "colour_cast", "covered", "greyscale", "drawn"}
