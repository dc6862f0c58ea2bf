"""The Train page without a browser: what it says of runs in every state, and that no damage ends it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.training.runs import Losses, Run
from dashboard.views.train import form
from dashboard.views.train.charts import losses_chart, losses_table, networks_of, smooth
from dashboard.views.train.formatting import caption_of, duration, sentence_of
from dashboard.views.train.sources import Dataset, describe, exported

SCRIPT = "from dashboard.views.train import page\npage.show_page()"
RUN = Run(
    name="a", folder=Path("a"), kind="pix2pixhd", state="running", step=100, steps=400, saved=80, phase="training",
    message="", who="Ann", created="2026-01-01T00:00:00Z", seconds_each=0.5, job=None,
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def open_page(data: Path) -> Callable[..., AppTest]:
    def open_it(**query: str) -> AppTest:
        app = AppTest.from_string(SCRIPT, default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return open_it


def texts(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.warning, *app.error, *app.info]
    return " ".join(str(element.value) for element in shown)


def write_pairs(folder: Path, splits: list[str | None], *, stem: str = "{:04d}") -> Path:
    folder.mkdir(parents=True)
    rows = [
        {"name": stem.format(i), "status": "kept", "yaw": 0.0} | ({"split": split} if split else {})
        for i, split in enumerate(splits)
    ]
    rows += [{"name": "9998", "status": "kept", "yaw": 40.0}, {"name": "9999", "status": "left_out"}]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def make_run(data: Path, name: str = "old") -> Path:
    """A run as the command line leaves it, its last line cut short and one picture damaged."""
    folder = data / "runs" / name
    (folder / "samples").mkdir(parents=True)
    lines = [json.dumps({"step": step, "generator/l1": 1 / step, "judge/fake": 2.0}) for step in range(1, 30)]
    (folder / "losses.jsonl").write_text("\n".join(lines) + '\n{"step": 30, "gen')
    (folder / "samples" / "000010.png").write_bytes(b"no picture")
    return folder


def test_an_empty_folder_shows_the_form_and_says_how_to_get_data(open_page: Callable[..., AppTest]) -> None:
    app = open_page()
    assert not app.exception
    assert "No training yet" in texts(app)
    assert "Export a version" in texts(app)
    assert app.button(key="train_start").disabled


def test_exports_are_offered_with_their_counts(data: Path, open_page: Callable[..., AppTest]) -> None:
    write_pairs(data / "library" / "exports" / "v1-pairs", ["train"] * 8 + ["val"] * 2 + ["test"])
    app = open_page()
    assert app.selectbox(key="train_data").value == "v1-pairs"
    assert "8 pairs to train on, 2 held out" in texts(app)
    assert not app.button(key="train_start").disabled


@pytest.mark.parametrize("is_exported", [True, False])
def test_the_address_fills_in_the_data_and_a_visitor_may_change_it(
    data: Path, tmp_path: Path, open_page: Callable[..., AppTest], is_exported: bool
) -> None:
    """As *Train on this* of the Export page asks for it."""
    for name in ("v1-pairs", "v2-pairs"):
        write_pairs(data / "library" / "exports" / name, ["train"] * 8 + ["val"] * 2)
    wanted = data / "library" / "exports" / "v1-pairs"
    if not is_exported:
        wanted = data / "elsewhere"
        write_pairs(wanted, ["train"] * 8 + ["val"] * 2)
    app = open_page(new="1", data=str(wanted))
    assert str(wanted) in texts(app)
    assert app.selectbox(key="train_data").value == ("v1-pairs" if is_exported else "Another folder …")
    assert app.selectbox(key="train_begin_pix2pixhd_refined").value == "pix2pixhd"
    assert "Pix2PixHD" in app.selectbox(key="train_begin_pix2pixhd_refined").options
    assert "learned by heart" in texts(app)
    app.selectbox(key="train_data").set_value("v2-pairs").run()
    assert app.selectbox(key="train_data").value == "v2-pairs"


def test_a_wrong_setting_is_said_and_nothing_is_started(
    data: Path, open_page: Callable[..., AppTest]
) -> None:
    write_pairs(data / "library" / "exports" / "v1-pairs", ["train"] * 8 + ["val"] * 2)
    app = open_page()
    app.text_area(key="train_more").set_value("loop: {stepz: 1}").run()
    app.button(key="train_start").click().run()
    assert not app.exception
    assert "stepz" in texts(app)
    assert [path.name for path in (data / "runs").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("kind", ["autoencoder", "parts", "pix2pixhd", "cyclegan", "ugatit"])
def test_every_kind_has_a_form(kind: str, open_page: Callable[..., AppTest]) -> None:
    app = open_page()
    app.segmented_control(key="train_kind").set_value(kind).run()
    assert not app.exception
    assert next(box for box in app.selectbox if box.label == "Preset").value.startswith(kind)


def test_presets_have_titles(open_page: Callable[..., AppTest]) -> None:
    preset = open_page().selectbox(key="train_preset_pix2pixhd")
    assert sorted(preset.options) == ["512 px", "On a GPU", "Raw sketches", "Refined sketches"]


@pytest.mark.parametrize("preset", ["pix2pixhd_gpu", "pix2pixhd_512"])
@pytest.mark.parametrize(("device", "is_warned"), [("none", True), ("cuda:0", False)])
def test_a_preset_for_a_gpu_says_so_where_there_is_none(
    open_page: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    preset: str,
    is_warned: bool,
) -> None:
    monkeypatch.setattr(form, "accelerators", lambda: [] if device == "none" else [device])
    app = open_page()
    assert "made for a GPU" not in texts(app)
    app.selectbox(key="train_preset_pix2pixhd").set_value(preset).run()
    assert ("made for a GPU" in texts(app)) == is_warned
    app.selectbox(key="train_device").set_value("cpu").run()
    assert "made for a GPU" in texts(app)


def test_a_run_of_the_command_line_is_shown_as_far_as_it_can_be_read(
    data: Path, open_page: Callable[..., AppTest]
) -> None:
    make_run(data)
    app = open_page()
    assert not app.exception
    assert "trained on the command line, as far as step 29" in texts(app)
    assert "The samples of step 10 are damaged" in texts(app)


def test_a_run_that_is_gone_is_said_to_be(data: Path, open_page: Callable[..., AppTest]) -> None:
    make_run(data)
    app = open_page(run="gone")
    assert not app.exception
    assert "There is no run 'gone'" in texts(app)


def test_an_address_cannot_leave_the_folder(data: Path, open_page: Callable[..., AppTest]) -> None:
    make_run(data.parent / "elsewhere")
    app = open_page(run="../../elsewhere/runs/old")
    assert not app.exception
    assert "There is no run" in texts(app)


def test_deleting_needs_a_second_press_and_removes_the_run(
    data: Path, open_page: Callable[..., AppTest]
) -> None:
    folder = make_run(data)
    app = open_page(run="old")
    app.button(key="train_delete").click().run()
    assert not app.exception
    assert not folder.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "Step 100 of 400 · 0.50 s a step · about 2 min left"),
        ({"phase": "loading"}, "reads the pairs"),
        ({"state": "stopping"}, "saves after the present step"),
        ({"state": "interrupted"}, "saved at step 80 and goes on from there"),
        ({"state": "interrupted", "saved": 0}, "Nothing was saved yet"),
        ({"state": "failed", "message": "no pair"}, "failed at step 100: no pair"),
        ({"state": "failed", "message": "step 100: the loss is nan"}, "failed at step 100: the loss is nan"),
        ({"state": "stopped", "saved": 100}, "Everything is saved"),
        ({"state": "done"}, "Finished after 100 steps."),
        ({"state": "new"}, "never started"),
    ],
)
def test_each_state_is_told_as_it_is(changes: dict[str, object], says: str) -> None:
    run = dataclasses.replace(RUN, **changes)  # type: ignore[arg-type]
    assert says in sentence_of(run)
    assert caption_of(run)


@pytest.mark.parametrize(
    ("seconds", "says"), [(5, "5 s"), (600, "10 min"), (7500, "2 h 05 min"), (260_000, "3.0 days")]
)
def test_lengths_of_time_are_said_as_people_say_them(seconds: float, says: str) -> None:
    assert duration(seconds) == says


def test_smoothing_has_no_bias_and_passes_over_gaps() -> None:
    values = np.array([4.0, np.nan, 4.0, 4.0])
    np.testing.assert_allclose(smooth(values, 0.9), [4, np.nan, 4, 4])
    np.testing.assert_array_equal(smooth(values, 0.0), values)


def test_a_long_run_is_thinned_to_its_end_and_stays_positive() -> None:
    steps = np.arange(1, 100_001)
    losses = Losses(steps, {"g/l1": 1.0 / steps, "g/zero": np.zeros(100_000), "d/real": np.ones(100_000)})
    assert networks_of(losses) == ["g", "d"]
    table = losses_table(losses, "g", 0.9)
    assert len(table) <= 400
    assert table["step"].max() == 100_000
    assert set(table["loss"]) == {"l1"}
    assert losses_chart(table, ["l1"]).to_dict()["layer"]


@pytest.mark.parametrize(
    "stem", ["face-{}", "IMG-2024-05-01-{}", "6f9619ff-8b86-d011-b42d-{:012d}", "photo {} (1)"]
)
def test_a_folder_without_splits_holds_out_about_a_tenth_whatever_its_names(
    tmp_path: Path, stem: str
) -> None:
    found = describe(write_pairs(tmp_path / "pairs", [None] * 200, stem=stem))
    assert found.train + found.val == 200
    assert 10 <= found.val <= 30
    assert (found.validation, found.problem) == ("auto", "")
    assert "a hash of the names" in found.words


@pytest.mark.parametrize("content", [None, "no json", '{"name": 3}\n', ""])
def test_a_folder_that_holds_no_pairs_has_a_problem_not_an_exception(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "manifest.jsonl").write_text(content)
    assert describe(tmp_path).problem


def test_exports_come_the_latest_first(tmp_path: Path) -> None:
    import os

    for age, name in enumerate(("new", "old")):
        manifest = write_pairs(tmp_path / "exports" / name, ["train"]) / "manifest.jsonl"
        os.utime(manifest, (1000 - age, 1000 - age))
    assert [path.name for path in exported(tmp_path)] == ["new", "old"]


@pytest.mark.parametrize(
    ("query", "says"), [({"run": "x" * 5000}, "may have been removed"), ({"data": "\0"}, "")]
)
def test_an_address_that_somebody_made_up_is_no_error(
    data: Path, open_page: Callable[..., AppTest], query: dict[str, str], says: str
) -> None:
    write_pairs(data / "library" / "exports" / "v1", ["train"])
    app = open_page(new="1", **query)
    assert not app.exception
    assert says in texts(app)


def test_how_the_held_out_pairs_are_chosen_is_said_in_the_visitors_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.shared.texts._preferred_language", lambda: "ko")
    assert "manifest" not in Dataset(tmp_path, 27, 3, rule="as the manifest says").words
