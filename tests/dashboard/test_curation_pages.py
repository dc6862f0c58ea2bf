"""The Collect, Rules, Overview and Export pages over a real library, without a browser."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.atomic_files import append_line
from core.processes.jobs import Job
from curation.export.__main__ import _parse
from curation.export.__main__ import main as export
from curation.library.library import Library
from curation.library.table import Filters, matching
from curation.rules import Rule, Rules, count_broken, count_kept, find_examples, judge_table
from dashboard.shared import uploads
from dashboard.shared.jobs import read_report, share_of
from dashboard.views.export.page import exports_of
from dashboard.views.overview.page import COLOURS as STATE_COLOURS
from dashboard.views.overview.page import SHAPES, picked_view, source_chart
from dashboard.views.review.filters import View, failing_view, find_images, from_query
from dashboard.views.rules.page import COLOURS, histogram_svg
from tests.dashboard.review_library import fill_library

PAGES = ("collect", "rules", "overview", "export")


def script_of(page: str) -> str:
    return f"from dashboard.views.{page} import page\npage.show_page()"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder that the pages work on."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def open_view(data: Path) -> Callable[[str], AppTest]:
    return lambda page: AppTest.from_string(script_of(page), default_timeout=60).run()


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_library_is_explained(open_view: Callable[[str], AppTest], page: str) -> None:
    view = open_view(page)
    assert not view.exception
    texts = " ".join(element.value for element in [*view.markdown, *view.info, *view.caption])
    assert {"collect": "Nothing collected", "export": "None is there yet"}.get(page, "Collect page") in texts


@pytest.mark.parametrize("page", PAGES)
def test_a_full_library_is_shown(data: Path, open_view: Callable[[str], AppTest], page: str) -> None:
    fill_library(data / "library", 12)
    view = open_view(page)
    assert not view.exception
    assert not view.error


def test_moving_a_threshold_changes_the_count_but_not_the_rules_before_apply(
    data: Path, open_view: Callable[[str], AppTest]
) -> None:
    fill_library(data / "library", 30)
    view = open_view("rules")
    slider = view.slider(key="rule_yaw_0")
    slider.set_value(1).run()
    with Library.open(data / "library") as library:
        assert library.rules()["yaw"].threshold == Rules.default()["yaw"].threshold
    next(button for button in view.button if button.label == "Apply").click().run()
    assert not view.exception
    with Library.open(data / "library") as library:
        assert library.rules()["yaw"].threshold == 1
        yaw = library.table().query("rule == 'yaw'")["yaw"]
        assert (yaw.abs() > 1).all()


def test_freezing_without_anything_kept_is_not_offered(
    data: Path, open_view: Callable[[str], AppTest]
) -> None:
    fill_library(data / "library", 4)
    view = open_view("export")
    freeze = next(button for button in view.button if button.label == "Freeze")
    with Library.open(data / "library") as library:
        kept = library.counts()["states"].get("keep", 0)
    assert freeze.disabled == (kept == 0)


def test_what_is_kept_becomes_a_version(data: Path, open_view: Callable[[str], AppTest]) -> None:
    ids = fill_library(data / "library", 6)
    with Library.open(data / "library") as library:
        library.decide(ids[:3], "keep", reviewer="ann")
    view = open_view("export")
    view.text_input[0].set_value("first")
    next(button for button in view.button if button.label == "Freeze").click().run()
    assert not view.exception
    with Library.open(data / "library") as library:
        assert set(ids[:3]) <= set(library.version("first").ids)


def test_versions_whose_names_differ_in_punctuation_have_places_of_their_own(
    data: Path, open_view: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill_library(data / "library", 3)
    names = ("set.1", "set-1", "표준_v1")
    with Library.open(data / "library") as library:
        library.decide(ids, "keep", reviewer="ann")
        for name in names:
            library.freeze(name, who="ann")
    started: list[list[str]] = []
    monkeypatch.setattr("curation.jobs.start", lambda _kind, arguments, library: started.append(arguments))
    view = open_view("export")
    assert not view.exception
    for name in names:
        view.button(key=f"export_{name}").click().run()
    assert tuple(arguments[0] for arguments in started) == names
    assert len({arguments[arguments.index("--out") + 1] for arguments in started}) == len(names)


def test_faces_are_compared_unless_the_switch_says_otherwise(
    data: Path, open_view: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill_library(data / "library", 3)
    with Library.open(data / "library") as library:
        library.decide(ids, "keep", reviewer="ann")
        library.freeze("first", who="ann")
    started: list[list[str]] = []
    monkeypatch.setattr("curation.jobs.start", lambda _kind, arguments, library: started.append(arguments))
    view = open_view("export")
    switch = view.toggle(key="faces_first")
    assert switch.value is True and switch.help
    view.button(key="export_first").click().run()
    view.toggle(key="faces_first").set_value(False).run()
    view.button(key="export_first").click().run()
    assert not view.exception
    assert ["--no-faces" in arguments for arguments in started] == [False, True]
    _parse(started[1])  # the command knows it


def test_of_two_exports_at_one_place_the_later_is_shown(
    data: Path, open_view: Callable[[str], AppTest]
) -> None:
    ids = fill_library(data / "library", 3)
    with Library.open(data / "library") as library:
        library.decide(ids, "keep", reviewer="ann")
        library.freeze("first", who="ann")
    (place := data / "place").mkdir()
    for name in ("earlier", "later"):
        entry = {"version": "first", "out": str(place), "people": [name]}
        append_line(data / "library" / "exports.jsonl", entry)
    view = open_view("export")
    assert not view.exception
    captions = " ".join(caption.value for caption in view.caption)
    assert "later" in captions and "earlier" not in captions


def test_an_export_made_by_command_is_listed_and_can_be_trained_on(
    data: Path, open_view: Callable[[str], AppTest]
) -> None:
    ids = fill_library(data / "library", 3)
    with Library.open(data / "library") as library:
        library.decide(ids, "keep", reviewer="ann")
        library.freeze("first", who="ann")
    places = [data / "elsewhere", data / "library" / "exports" / "mine", data / "gone"]
    for out in places:
        assert export(["first", "--out", str(out), "--library", str(data / "library"), "--no-faces"]) == 0
    shutil.rmtree(places.pop())
    view = open_view("export")
    assert not view.exception
    shown = " ".join(element.value for element in view.markdown)
    assert all(str(out) in shown for out in places) and str(data / "gone") not in shown
    assert [button.label for button in view.button].count("Train on this") == len(places)
    assert "not compared" in " ".join(caption.value for caption in view.caption)
    with Library.open(data / "library") as library:  # another version takes the place of one of them
        library.freeze("second", who="ann")
    export(["second", "--out", str(places[0]), "--library", str(data / "library"), "--no-faces"])
    assert [one.out for one in exports_of(data / "library", "first")] == [str(places[1])]


@pytest.mark.parametrize("page", ["collect", "rules"])
def test_group_pictures_are_offered_to_be_cut_into_members(
    data: Path, open_view: Callable[[str], AppTest], page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill_library(data / "library", 3)
    with Library.open(data / "library") as library:
        found = library.examinations(ids[:2]).values()
        library.save_examinations(
            [replace(one, measurements=replace(one.measurements, faces=2)) for one in found]
        )
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        "curation.jobs.start", lambda kind, arguments, library: started.append((kind, arguments))
    )
    view = open_view(page)
    assert "2 pictures show several people" in [caption.value for caption in view.caption]
    view.button(key=f"group_split_{page}").click().run()
    assert not view.exception
    assert started == [("split", ["--judge", "--json"])]


def test_the_faces_of_all_group_pictures_are_one_source() -> None:
    sources = ["upload", *(f"picture:{digit * 64}" for digit in "ab")]
    table = pd.DataFrame({"source": sources, "state": "keep", "verdict": "keep"})
    counted = source_chart(table).to_dict()["datasets"].popitem()[1]
    assert {row["group"]: row["images"] for row in counted} == {"upload": 1, "picture:": 2}
    table["source"] = table["source"].astype("category")
    assert matching(table, Filters(source=("picture:",))).tolist() == [False, True, True]


def test_a_job_report_counts_outcomes_and_passes_over_a_half_written_line(tmp_path: Path) -> None:
    output = tmp_path / "job.out"
    answers = [
        {"name": "a.jpg", "outcome": "added"},
        {"name": "b.jpg", "outcome": "refused", "sentence": "It is cut short."},
        {"name": "c.jpg", "outcome": "known"},
    ]
    output.write_text("\n".join(map(json.dumps, answers)) + '\n{"name": "d.jpg", "outc')
    report = read_report(output)
    assert report.outcomes == {"added": 1, "refused": 1, "known": 1}
    assert report.refused == (("b.jpg", "It is cut short."),)
    assert report.sentence() == "1 added, 1 known already, 1 refused."


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\evil.png", "evil.png"),
        ("a\0b.png", "a_b.png"),
        ("...", "file"),
        (unicodedata.normalize("NFD", "표준é.png"), "표준é.png"),
        ("x" * 300 + ".jpg", ("x" * 300 + ".jpg")[-80:]),
    ],
)
def test_an_uploaded_name_cannot_leave_its_folder(tmp_path: Path, name: str, wanted: str) -> None:
    assert uploads.harmless(name) == wanted
    written = uploads.spool_file(tmp_path, name, b"data")
    assert written.parent.parent == tmp_path / "jobs"
    assert written.read_bytes() == b"data"


def test_a_histogram_marks_what_a_rule_leaves_out() -> None:
    rule = Rule("yaw", "Turned", "yaw", "within", 10, "out", slider=(1, 45, 1))
    values = np.array([0, 5, -8, 20, -40, np.nan])
    svg = histogram_svg(values, rule)
    assert svg.count(COLOURS["in"]) == 3
    assert svg.count(COLOURS["out"]) == 2


def test_see_them_leads_to_all_that_a_rule_leaves_out_not_only_where_it_decides(data: Path) -> None:
    """The reported case: a rule said that it leaves out 10, and its link opened 2."""
    fill_library(data / "library", 30)
    with Library.open(data / "library") as library:
        table, rules = library.table(), library.rules()
    strict = rules.with_threshold("yaw", 3.0).with_threshold("eye_distance", 70.0)
    counts = count_kept(table, strict)
    for rule in strict.enabled:
        shown = find_images(table, failing_view(rule))
        assert len(shown) == counts["images"] - counts["alone"][rule.name], rule.name
    decides = (judge_table(table, strict)["rule"] == "yaw").sum()
    assert 0 < decides < len(find_images(table, failing_view(strict["yaw"])))
    assert from_query({"fails": ["nonsense@x"]}).fails == ""


def test_a_rule_shows_a_face_that_passes_and_one_that_fails(
    data: Path, open_view: Callable[[str], AppTest]
) -> None:
    ids = fill_library(data / "library", 12)
    with Library.open(data / "library") as library:
        table, rules = library.table(), library.rules()
    passing, failing = find_examples(table, rules["yaw"], count_broken(table, rules))
    assert {passing, failing} <= set(ids)
    assert table["verdict"][passing] == "keep" and abs(table["yaw"][failing]) > rules["yaw"].threshold
    shown = [one.proto.body for one in open_view("rules").get("html") if "rule-examples" in one.proto.body]
    assert any("passes" in one and "fails" in one for one in shown)


@pytest.mark.parametrize(
    ("kind", "arguments", "phase", "done", "total", "low", "high"),
    [
        ("add", ("--judge",), "adding", 64, 64, 0.3, 0.4),  # everything is in, nothing is judged
        ("add", ("--judge",), "judging", 32, 64, 0.5, 0.8),
        ("add", ("--judge",), "judging", 64, 64, 0.9, 0.96),
        ("add", ("--judge",), "duplicates", 0, 0, 0.95, 0.99),
        ("judge", (), "judging", 64, 64, 0.9, 0.99),
        ("export", ("v1",), "", 5, 10, 0.5, 0.5),
        ("export", ("v1",), "", 10, 10, 0.99, 0.99),
        ("add", ("--judge",), "", 0, 0, 0.0, 0.0),
    ],
)  # fmt: skip
def test_the_bar_of_a_running_job_covers_all_its_phases_and_is_never_full(
    tmp_path: Path,
    kind: str,
    arguments: tuple[str, ...],
    phase: str,
    done: int,
    total: int,
    low: float,
    high: float,
) -> None:
    job = Job("id", kind, arguments, "running", done, total, phase, "", "", "", tmp_path, tmp_path)
    assert low <= share_of(job) <= high


def test_a_job_and_what_it_brought_so_far_are_told_apart_and_its_phases_renew_the_page(
    data: Path, open_view: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    (output := data / "out").write_text(json.dumps({"outcome": "added"}) + "\n")
    job = Job("a", "add", ("--source", "upload"), "running", 0, 48, "judging", "", "", "", output, output)
    phases = iter(["adding"])  # when the page begins; its fragment sees the next one
    monkeypatch.setattr(
        "dashboard.shared.jobs._latest",
        lambda _root, kinds, _most: [replace(job, phase=next(phases, "judging"))] if "add" in kinds else [],
    )
    runs: list[int] = []
    monkeypatch.setattr("dashboard.views.collect.page._show_origin", lambda: runs.append(1) or [])
    view = open_view("collect")
    assert not view.exception
    assert "**Upload** · Judging faces: 0 of 48 · 1 added." in [one.value for one in view.markdown]
    assert len(runs) > 1


def test_collect_says_what_comes_in_while_nothing_is_there_yet(
    data: Path, open_view: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.views.collect.page.is_running", lambda root: True)
    words = " ".join(element.value for element in open_view("collect").markdown)
    assert "coming in" in words and "Nothing collected" not in words


def test_states_are_told_apart_by_people_who_see_no_red_or_green() -> None:
    """Machado, Oliveira & Fernandes 2009, full deuteranopia and protanopia, in CIE Lab."""
    views = (
        np.eye(3),
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]),
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    )  # fmt: skip
    colours = (
        np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in STATE_COLOURS.values()]) / 255
    )
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    for view in views:
        seen = np.clip(linear @ view.T, 0, 1)
        srgb = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055).astype(np.float32)
        lab = cv2.cvtColor(srgb[None], cv2.COLOR_RGB2LAB)[0]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(lab) for b in lab[i + 1 :]]
        assert min(apart) > 20
    assert len(set(SHAPES.values())) == len(STATE_COLOURS) == len(SHAPES)


def test_a_box_in_a_chart_becomes_ranges_of_the_review_page() -> None:
    selection = {"box": {"yaw": [12.5, -3.0], "pitch": [0.0, 4.0]}}
    view = picked_view(selection, {"yaw": "yaw", "pitch": "pitch"})
    assert view == View(ranges=(("pitch", 0.0, 4.0), ("yaw", -3.0, 12.5)))
    assert picked_view({"pick": [{"group": "demo"}]}, {}) == View(source=("demo",))
    assert picked_view({}, {}) is None
