"""The Compare page without a browser: what it says of results in every state, and that no damage ends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from core.config import ROOT
from dashboard.views.compare import sources as compare_sources
from eval.comparison import comparison_store
from eval.comparison.request import ComparisonRequest, GeneratorSource, write_request
from eval.comparison.result import EARLY_FILE, RESULT_FILE, Comparison, read_comparison, write_comparison
from eval.comparison.votes import read_votes
from tests.dashboard.comparison_example import FD, example_comparison, write_pictures

SCRIPT = "from dashboard.views.compare import page\npage.show_page()"
SHIPPED_RESULT = ROOT / "data" / "demo" / "comparison" / RESULT_FILE
NEW, OLD, DEAD = "20261122-210405-aaaaaa", "20261022-210405-bbbbbb", "20260922-210405-cccccc"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setattr(comparison_store, "shipped", lambda: None)
    return comparison_store.root_of(tmp_path)


@pytest.fixture
def open_page(root: Path) -> Callable[..., AppTest]:
    def open_it(**query: str) -> AppTest:
        app = AppTest.from_string(SCRIPT, default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        return app

    return open_it


def keep(root: Path, entry_id: str, comparison: Comparison, **changes: object) -> Path:
    folder = root / entry_id
    write_comparison(folder, comparison)
    request = ComparisonRequest(title=comparison.title, real=folder, fakes={"pix2pixhd": folder})
    write_request(folder, request.model_copy(update=changes))
    return folder


def vote_button(app: AppTest) -> Button:
    return next(button for button in app.button if str(button.key).startswith("compare_vote_left"))


def said(app: AppTest) -> str:
    shown = [*app.text, *app.markdown, *app.caption, *app.warning, *app.error, *app.info, *app.get("html")]
    return " ".join(str(getattr(element, "value", "") or element.proto.body) for element in shown)


def test_with_nothing_kept_the_form_is_shown_and_says_what_is_missing(
    open_page: Callable[..., AppTest],
) -> None:
    app = open_page()
    assert "Choose the true photos" in said(app)
    assert app.button(key="compare_start").disabled


def test_the_newest_result_is_shown_with_its_verdict_ties_floor_and_warnings(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    keep(root, NEW, example_comparison())
    words = said(open_page())
    for part in (
        "pix2pixhd is best by Fréchet distance: 96.4",
        "tie with ugatit",
        "Real against real",
        "the kernel distance does not",
        "ignores its input",
    ):
        assert part in words


def test_models_are_called_by_their_titles(root: Path, open_page: Callable[..., AppTest]) -> None:
    made = read_comparison(SHIPPED_RESULT)
    write_pictures(keep(root, NEW, made), made, first=1, side=16)
    app = open_page()
    assert "Worst of Pix2PixHD by parts" in app.selectbox(key=f"compare_order_{NEW}").options
    for section in (None, "Pairs", "Settings and sets"):
        if section:
            app.segmented_control(key=f"compare_section_{NEW}").set_value(section).run()
        assert "Pix2PixHD by parts" in said(app)
        assert not re.search("pix2pixhd|cyclegan|ugatit", said(app))


def test_another_figure_to_judge_by_changes_the_verdict(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    keep(root, NEW, example_comparison())
    app = open_page()
    app.selectbox(key=f"compare_column_{NEW}").set_value("kd_effnet_lite0").run()
    assert "Tie by Kernel distance: pix2pixhd, cyclegan and ugatit cannot be told apart" in said(app)


def test_a_label_scores_only_its_cases(root: Path, open_page: Callable[..., AppTest]) -> None:
    keep(root, NEW, example_comparison())
    app = open_page()
    app.selectbox(key=f"compare_label_{NEW}").set_value(("glasses", "yes")).run()
    assert not app.exception
    assert "Only the 10 of 40 cases" in said(app)
    assert app.selectbox(key=f"compare_column_{NEW}").value != FD


def test_an_earlier_result_of_the_same_protocol_stands_beside(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    keep(root, NEW, example_comparison())
    keep(root, OLD, example_comparison(title="October"))
    app = open_page(result=NEW)
    app.selectbox(key=f"compare_beside_{NEW}").set_value(OLD).run()
    assert "was 96.4 (±0.000)" in said(app)


def test_results_of_different_protocols_are_never_put_beside_one_another(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    keep(root, NEW, example_comparison())
    keep(root, OLD, example_comparison(key="other weights"))
    app = open_page(result=NEW)
    app.selectbox(key=f"compare_beside_{NEW}").set_value(OLD).run()
    assert "cannot be ranked together" in said(app)
    assert "was 96.4" not in said(app)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Pairs", "about 1,450 images would tell"),
        ("Images needed", "mostly bias"),
        ("Checkpoints", "The best of many checkpoints"),
        ("Map", "Every point is an image"),
        ("Training photos", "nearer than any true photo"),
        ("Settings and sets", "0905.jpg"),
    ],
)
def test_every_section_shows_its_part(
    section: str, words: str, root: Path, open_page: Callable[..., AppTest]
) -> None:
    folder = keep(root, NEW, example_comparison())
    write_pictures(folder, example_comparison(), first=2, side=16)
    app = open_page()
    app.segmented_control(key=f"compare_section_{NEW}").set_value(section).run()
    assert not app.exception
    assert words in said(app) + " ".join(str(frame.value) for frame in app.dataframe)


def test_a_result_without_pictures_says_so(root: Path, open_page: Callable[..., AppTest]) -> None:
    keep(root, NEW, example_comparison())
    assert "No image of a case was kept" in said(open_page())


def test_the_leaderboard_is_shown_while_single_cases_are_still_scored(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    known = example_comparison().model_copy(update={"cases": (), "warnings": ()})
    write_comparison(root / NEW, known, EARLY_FILE)
    write_request(root / NEW, ComparisonRequest(title="Half", real=root, fakes={"pix2pixhd": root}))
    words = said(open_page(result=NEW))
    for part in ("pix2pixhd is better than cyclegan and ugatit.", "Real against real", "Single cases follow"):
        assert part in words


def test_a_blind_vote_is_kept_under_a_name_and_names_no_model(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    made = example_comparison(4)
    write_pictures(keep(root, NEW, made), made, side=8)
    app = open_page()
    app.segmented_control(key=f"compare_section_{NEW}").set_value("Blind vote").run()
    vote = vote_button(app)
    assert vote.disabled  # nobody knows whose vote it would be
    app.text_input(key="compare_voter").set_value("Ann").run()
    shown = [str(one.proto.body) for one in app.get("html") if "class='cmp-vote'" in one.proto.body]
    shown += [str(button.key) for button in app.button]
    assert not any(model.name in one for model in made.models for one in shown)
    for _ in range(2):
        vote_button(app).click().run()
    votes = read_votes(root / NEW)
    assert [(one.voter, one.choice) for one in votes] == [("Ann", "left")] * 2
    assert len({one.ballot.question for one in votes}) == 2
    assert "votes_won" in said(app)  # beside the distances
    app.button(key="compare_vote_undo").click().run()
    assert read_votes(root / NEW) == votes[:1] and not app.exception


def test_an_interrupted_comparison_is_told_and_can_go_on(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    write_request(root / DEAD, ComparisonRequest(title="Killed", real=root, fakes={"a": root}))
    app = open_page(result=DEAD)
    assert "Its process is gone" in said(app)
    assert not app.button(key="compare_restart").disabled


def test_of_two_failed_comparisons_with_one_title_the_chosen_one_opens(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    for entry_id in (OLD, DEAD):
        write_request(root / entry_id, ComparisonRequest(title="Killed", real=root, fakes={"a": root}))
    app = open_page(result=OLD)
    app.selectbox(key="compare_list").set_value(DEAD).run()
    assert app.query_params["result"] == DEAD
    assert "Killed · 2026-10-22 21:04:05 (interrupted)" in said(app)


def test_the_text_of_a_list_that_has_changed_since_is_no_address(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    """What the browser sends after a cancel, a failure or a reload may be of the list before it."""
    write_request(root / DEAD, ComparisonRequest(title="Forty faces", real=root, fakes={"a": root}))
    app = open_page(result=DEAD)
    stale = "Forty faces · drawing cyclegan 22%"
    app.selectbox(key="compare_list").options.append(stale)
    app.selectbox(key="compare_list").set_value(stale).run()
    assert app.query_params["result"] == DEAD
    assert "The list has changed" in said(app) and "Its process is gone" in said(app)


def test_a_damaged_result_is_told_with_the_way_out(root: Path, open_page: Callable[..., AppTest]) -> None:
    folder = keep(root, NEW, example_comparison())
    (folder / "result.json").write_text('{"schema_version": 1, "title"')
    assert "is damaged" in said(open_page())


def test_a_result_that_is_gone_is_said(root: Path, open_page: Callable[..., AppTest]) -> None:
    keep(root, NEW, example_comparison())
    assert "may have been removed" in said(open_page(result=DEAD))


def test_removing_a_result_deletes_its_folder(root: Path, open_page: Callable[..., AppTest]) -> None:
    folder = keep(root, NEW, example_comparison())
    app = open_page()
    app.button(key="compare_remove_now").click().run()
    assert not folder.exists()
    assert app.button(key="compare_start").disabled  # the form


def test_repeating_starts_the_same_request(
    root: Path, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(root, NEW, example_comparison())
    started: list[ComparisonRequest] = []

    def start(_root: Path, request: ComparisonRequest) -> comparison_store.Entry:
        started.append(request)
        return comparison_store.entry(root, NEW)

    monkeypatch.setattr(comparison_store, "start", start)
    open_page().button(key="compare_repeat").click().run()
    assert [request.title for request in started] == ["The three shipped models"]


def test_repeating_without_the_old_data_asks_for_other_data(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    keep(root, NEW, example_comparison(), real=Path("/nowhere/at/all"))
    app = open_page()
    app.button(key="compare_repeat").click().run()
    assert "/nowhere/at/all is not there" in said(app)
    assert app.text_input(key=f"compare_title_{NEW}").value == "The three shipped models"


def test_the_shipped_comparison_is_shown_first_and_repeated_on_the_only_dataset_version(
    root: Path, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = example_comparison()
    request = ComparisonRequest(
        real=Path("PAIRS"), fakes={"a": GeneratorSource(generator="a", data=Path("PAIRS"))}
    )
    product = comparison_store.Entry(
        "shipped", made.title, made.created, "done", None, "", root, made, request
    )
    monkeypatch.setattr(comparison_store, "shipped", lambda: product)
    app = open_page()
    assert "pix2pixhd is best" in said(app)
    app.button(key="compare_repeat").click().run()
    assert "Choose a dataset version" in said(app)

    version = root.parent / "library" / "exports" / "v1-pairs"
    version.mkdir(parents=True)
    (version / "manifest.jsonl").write_text("")
    started: list[ComparisonRequest] = []

    def start(_root: Path, request: ComparisonRequest) -> comparison_store.Entry:
        started.append(request)
        return product

    monkeypatch.setattr(comparison_store, "start", start)
    open_page().button(key="compare_repeat").click().run()
    assert [one.real for one in started] == [version]


def test_the_form_starts_what_was_asked(
    root: Path, open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[ComparisonRequest] = []

    def start(_root: Path, request: ComparisonRequest) -> comparison_store.Entry:
        started.append(request)
        raise OSError("the disk is full")

    monkeypatch.setattr(comparison_store, "start", start)
    app = open_page(new="1")
    app.text_input(key="compare_real_source_new_path").set_value(str(tmp_path)).run()
    app.button(key="compare_own_add").click().run()
    app.text_input(key="compare_own_name_0").set_value("mine").run()
    app.text_input(key="compare_own_source_0_path").set_value(str(tmp_path)).run()
    app.button(key="compare_start").click().run()
    (request,) = started
    assert (request.real, request.fakes, request.protocol) == (
        tmp_path,
        {"mine": tmp_path},
        "fd_effnet_lite0",
    )
    assert "the disk is full" in said(app)


def write_rows(pairs: Path, *splits: str) -> None:
    for kind in ("photos", "sketches"):
        (pairs / kind).mkdir(parents=True)
    rows = [{"name": f"{i:04d}", "status": "kept", "split": split} for i, split in enumerate(splits)]
    (pairs / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.mark.parametrize(("splits", "can_look"), [(("val", "val"), False), (("val", "train"), True)])
def test_memorised_photos_are_looked_for_where_there_are_training_photos(
    open_page: Callable[..., AppTest], tmp_path: Path, splits: tuple[str, ...], can_look: bool
) -> None:
    pairs = tmp_path / "library" / "exports" / "v1"
    write_rows(pairs, *splits)
    app = open_page(new="1")
    toggle = app.toggle(key=f"compare_memory_new_{pairs}_val")
    assert (toggle.value, toggle.disabled) == (can_look, not can_look)
    shown = [option.content for group in app.get("button_group") for option in group.proto.options]
    assert {"Pix2PixHD", "CycleGAN", "U-GAT-IT"} <= set(shown)
    split = app.selectbox(key=f"compare_split_new_{pairs}")
    assert split.options[0] == f"held out (val) · {splits.count('val')}" and len(split.options) == len(
        set(splits)
    )


def test_one_that_failed_can_be_changed_and_goes_on(
    root: Path, open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    asked = ComparisonRequest(title="Killed", real=tmp_path / "mine", fakes={"a": tmp_path / "mine"})
    write_request(root / DEAD, asked)
    gone_on: list[tuple[str, str]] = []

    def restart(_root: Path, entry_id: str, request: ComparisonRequest) -> comparison_store.Entry:
        gone_on.append((entry_id, request.title))
        return comparison_store.entry(root, DEAD)

    monkeypatch.setattr(comparison_store, "restart", restart)
    app = open_page(result=DEAD)
    app.button(key="compare_edit").click().run()
    app.text_input(key=f"compare_title_{DEAD}").set_value("Changed").run()
    assert app.button(key="compare_start").label == "Go on"
    app.button(key="compare_start").click().run()
    assert gone_on == [(DEAD, "Changed")]


def test_a_path_that_is_not_there_is_said_in_the_form(open_page: Callable[..., AppTest]) -> None:
    app = open_page(new="1")
    app.text_input(key="compare_real_source_new_path").set_value("/nowhere").run()
    assert "nothing to read under this path" in said(app)


def test_fid_without_its_weights_cannot_be_started_and_says_how_to_get_them(
    root: Path, open_page: Callable[..., AppTest]
) -> None:
    app = open_page(new="1")
    app.selectbox(key="compare_protocol_new").set_value("fid_clean").run()
    assert not app.exception
    assert "FID needs its Inception weights" in said(app)


def test_uploads_of_no_comparison_are_swept_out_after_a_day(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, stray = (root / compare_sources.UPLOADS / name for name in ("kept", "stray"))
    for folder in (kept, stray):
        folder.mkdir(parents=True)
        (folder / "set.zip").write_bytes(b"PK")
    write_request(root / NEW, ComparisonRequest(real=kept / "set.zip", fakes={"a": kept / "set.zip"}))
    compare_sources.sweep_uploads(root, comparison_store.entries(root))
    assert stray.exists()  # it may belong to somebody who fills in the form now
    monkeypatch.setattr(compare_sources, "MAX_AGE_S", -1)
    compare_sources.sweep_uploads(root, comparison_store.entries(root))
    assert (kept.exists(), stray.exists()) == (True, False)
