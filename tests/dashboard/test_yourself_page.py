"""The path from photos to a model on Draw: what it offers in each state of library and runs, and what it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.training.request import RunRequest, write_config
from core.training.runs import Run, RunError
from curation.library.library import Library
from dashboard.views.yourself.state import TRIAL_STEPS, read_path, steps_within, time_left
from tests.dashboard.review_library import fill_library

SCRIPT = "from dashboard.views.yourself import page\npage.show_page()"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the page starts, in place of starting it."""
    found: list[tuple[str, Any]] = []
    monkeypatch.setattr("curation.jobs.start", lambda kind, given, library: found.append((kind, given)))
    monkeypatch.setattr(
        "core.training.run_control.go_on", lambda _root, name, changes: found.append((name, changes))
    )

    def create(_root: Path, request: RunRequest) -> Run:
        found.append(("train", request))
        return run_of(Path("new"))

    monkeypatch.setattr("core.training.run_control.create", create)
    return found


def run_of(folder: Path, **changes: Any) -> Run:
    usual: dict[str, Any] = {
        "name": "yourself-1", "folder": folder, "kind": "pix2pixhd", "state": "done", "step": TRIAL_STEPS,
        "steps": TRIAL_STEPS, "saved": TRIAL_STEPS, "phase": "training", "message": "", "who": "", "created": "2026",
        "seconds_each": 6.0, "job": None,
    }  # fmt: skip
    return Run(**(usual | changes))


def make_set(data: Path, photos: int = 3) -> Path:
    """A library whose photos are kept, and their pairs where an export leaves them."""
    ids = fill_library(data / "library", photos)
    with Library.open(data / "library") as library:
        library.decide(ids, "keep", reviewer="ann")
        library.freeze("v1", who="ann")
    (pairs := data / "pairs").mkdir()
    row = {"name": "0", "status": "kept", "yaw": 0.0, "split": "train"}
    (pairs / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    entry = {"version": "v1", "out": str(pairs), "zip": "", "splits": {"train": 1}}
    (data / "library" / "exports.jsonl").write_text(json.dumps(entry) + "\n")
    return pairs


def train_on(data: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """A run on these pairs, as its folder and `core.training.runs` tell of it."""
    (folder := data / "runs" / "yourself-1").mkdir(parents=True)
    write_config(
        folder, {"data": {"root": str(pairs), "image_size": 256}, "loop": {"batch_size": 4, "steps": 12}}
    )
    monkeypatch.setattr("core.training.runs.runs", lambda _root: [run_of(folder, **changes)])


def open_page() -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=120).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return " ".join(str(one.value) for one in [*app.markdown, *app.caption, *app.warning, *app.error])


def keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


@pytest.mark.usefixtures("data")
def test_at_the_start_it_asks_for_photos_and_says_how_long_all_of_it_takes() -> None:
    app = open_page()
    assert {"yourself_files_add", "yourself_folder_add"} <= keys(app)
    assert "At most about" in texts(app) and "for 300 photos" in texts(app)
    app.number_input(key="yourself_count").set_value(100).run()
    assert "for 100 photos" in texts(app) and "fewer than 200 photos" in texts(app)


def test_what_is_judged_becomes_a_version_and_its_export(data: Path, started: list[tuple[str, Any]]) -> None:
    ids = fill_library(data / "library", 12)
    app = open_page()
    app.button(key="yourself_set").click().run()
    assert not app.exception and not app.error
    with Library.open(data / "library") as library:
        version = library.version("v1")
        assert 0 < len(version.ids) < len(ids) == library.counts()["images"]
    ((kind, given),) = started
    assert kind == "export" and given[0] == "v1" and str(data / "library" / "exports" / "v1-pairs") in given
    app.button(key="yourself_set").click().run()  # its job is gone: the same version, not another one
    assert [given[0] for _kind, given in started] == ["v1", "v1"]


def test_it_says_which_rules_leave_photos_out(data: Path) -> None:
    fill_library(data / "library", 12)
    with Library.open(data / "library") as library:
        path = read_path(library, [])
        rejected = int((library.table()["state"] == "reject").sum())
    assert rejected and sum(path.left_out.values()) == rejected
    title, count = next(iter(path.left_out.items()))
    assert f"Left out by the rules: {title} {count}" in texts(open_page())


def test_the_first_training_says_that_it_comes_back_with_a_question(data: Path) -> None:
    make_set(data)
    assert "waits here for your word" in texts(open_page())


def test_without_a_photo_that_is_kept_it_says_where_to_look(data: Path) -> None:
    ids = fill_library(data / "library", 3)
    with Library.open(data / "library") as library:
        library.decide(ids, "reject", reviewer="ann")
    app = open_page()
    assert "No photo is kept" in texts(app) and "yourself_set" not in keys(app)


def test_the_first_training_measures_its_pace_from_the_shipped_weights(
    data: Path, started: list[tuple[str, Any]]
) -> None:
    pairs = make_set(data)
    app = open_page()
    app.button(key="yourself_train").click().run()
    assert not app.exception and not app.error
    ((_kind, request),) = started
    assert (request.steps, request.data, request.preset) == (TRIAL_STEPS, pairs, "pix2pixhd_refined")
    assert request.start_from.name == "pix2pixhd.safetensors"
    assert request.refiner.name == "sketch_autoencoder.safetensors"


@pytest.mark.parametrize(("budget", "steps"), [("2 hours", 1200), ("30 minutes", 300)])
def test_a_measured_pace_chooses_the_steps_of_the_same_run(
    data: Path, started: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch, budget: str, steps: int
) -> None:
    train_on(data, make_set(data), monkeypatch)
    app = open_page()
    app.segmented_control(key="yourself_budget").set_value(budget).run()
    assert f"{steps:,} steps at 6.0 s" in texts(app)
    app.button(key="yourself_train").click().run()
    assert not app.exception and not app.error
    assert started == [("yourself-1", {"loop.steps": steps})]


@pytest.mark.parametrize(
    ("state", "says", "offers"),
    [
        ("done", "Finished after 1,200 steps", "train_draw"),
        ("failed", "It failed at step", "yourself_resume"),
        ("running", "Step 600 of 1,200", "yourself_stop"),
    ],
)
def test_a_training_is_told_as_it_is_with_what_comes_next(
    data: Path, monkeypatch: pytest.MonkeyPatch, state: str, says: str, offers: str
) -> None:
    step = 1200 if state == "done" else 600
    pairs = make_set(data)
    train_on(data, pairs, monkeypatch, state=state, step=step, saved=step, steps=1200)
    monkeypatch.setattr(
        "dashboard.views.train.run.read_run", lambda *_: run_of(pairs, state=state, step=step, steps=1200)
    )
    monkeypatch.setattr("dashboard.views.train.run.is_generator", lambda _file: True)
    app = open_page()
    assert says in texts(app)
    assert {"yourself_set", "yourself_train"}.isdisjoint(keys(app))
    assert offers in keys(app)
    assert ("yourself_stop" in keys(app)) == (state == "running")


def test_a_training_can_be_stopped_where_it_is_followed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_on(data, make_set(data), monkeypatch, state="running", steps=1200)
    monkeypatch.setattr(
        "dashboard.views.train.run.read_run", lambda *_: run_of(data, state="running", steps=1200)
    )
    stopped: list[str] = []
    monkeypatch.setattr("core.training.run_control.ask_to_stop", lambda _root, name: stopped.append(name))
    app = open_page()
    app.button(key="yourself_stop").click().run()
    assert not app.exception and stopped == ["yourself-1"]


def test_what_cannot_be_started_is_said_and_stays_offered(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(data)

    def refuse(*_given: object) -> Run:
        raise RunError("Only 3 MB are free.")

    monkeypatch.setattr("core.training.run_control.create", refuse)
    app = open_page()
    app.button(key="yourself_train").click().run()
    assert [error.value for error in app.error] == ["Only 3 MB are free."]
    assert "yourself_train" in keys(app)
    app.run()
    assert not app.error


def test_photos_that_come_later_are_offered_as_a_new_set(data: Path) -> None:
    make_set(data)
    ids = fill_library(data / "library", 6)
    with Library.open(data / "library") as library:
        library.decide(ids, "keep", reviewer="ann")
        path = read_path(library, [])
    assert (path.version and path.version.name, path.changed, path.frozen) == ("v1", 3, None)
    app = open_page()
    assert "3 photos have changed since" in texts(app) and "yourself_set" in keys(app)


@pytest.mark.parametrize(
    ("budget_s", "pace", "steps"), [(7200, 6.0, 1200), (7200, 0.1, 4500), (1800, 100.0, 50), (1800, 7.3, 200)]
)
def test_steps_fit_into_the_time_and_are_no_more_than_the_preset_s(
    budget_s: float, pace: float, steps: int
) -> None:
    assert steps_within(budget_s, pace) == steps


def test_the_estimate_goes_by_how_fast_this_machine_has_judged(data: Path) -> None:
    make_set(data)
    with Library.open(data / "library") as library:
        path = read_path(library, [])
    low, high = time_left(path, 1003, data / "library", budget_s=1800, pace=1.0)
    assert low < high
    jobs = data / "library" / "jobs"
    jobs.mkdir(exist_ok=True)
    record = {"kind": "judge", "arguments": [], "started": "2026-01-01T00:00:00Z"}
    (jobs / "a.json").write_text(json.dumps(record))
    (jobs / "a.end.json").write_text(json.dumps({"state": "done", "ended": "2026-01-01T00:01:00Z"}))
    (jobs / "a.out").write_text(json.dumps({"examined": 100, "photos_per_second": 0.5}) + "\n")
    slow = time_left(path, 1003, data / "library", budget_s=1800, pace=1.0)
    assert slow[0] - low == pytest.approx(1000 / 0.5 - 1000 / 25)
