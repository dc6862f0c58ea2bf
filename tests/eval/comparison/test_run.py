"""A whole comparison on small sets, without a network."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from eval.comparison.cases import model_of
from eval.comparison.export_csv import to_csv
from eval.comparison.export_html import to_html
from eval.comparison.pictures import find_picture
from eval.comparison.request import ComparisonRequest, read_request
from eval.comparison.result import EARLY_FILE, Comparison, read_comparison
from eval.comparison.run import run_comparison
from eval.comparison.table import table
from eval.protocols import protocol
from eval.sets.folders import open_set
from tests.eval.comparison.comparison_material import SmallTools, photo, write_set, write_sets


def compare(root: Path, folders: dict[str, Path], **changes: Any) -> Comparison:
    fakes = {name: path for name, path in folders.items() if name != "real"}
    request = ComparisonRequest(real=folders["real"], fakes=fakes, permutations=200, resamples=100, **changes)
    tools = SmallTools(root / "cache")
    return run_comparison(request, root / "out", cache=root / "cache", tools=tools)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Comparison]:
    root = tmp_path_factory.mktemp("comparison")
    folders = write_sets(root, count=16, sharp=4, rough=40)
    training = write_set(root / "training", {f"t{i}": photo(i) for i in range(8)})
    return root, compare(root, folders, training=training)


def test_the_better_model_has_the_better_numbers(finished: tuple[Path, Comparison]) -> None:
    sharp, rough = (model_of(finished[1], name) for name in ("sharp", "rough"))
    for column in ("fd_effnet_lite0", "l1"):
        assert sharp.scores[column].value < rough.scores[column].value


def test_what_was_kept_is_what_was_given(finished: tuple[Path, Comparison]) -> None:
    root, comparison = finished
    assert read_comparison(root / "out") == comparison
    assert read_request(root / "out").real == root / "real"


def test_every_case_has_a_score_and_a_control(finished: tuple[Path, Comparison]) -> None:
    sharp = model_of(finished[1], "sharp")
    assert len(sharp.case_scores["l1"]) == len(finished[1].cases) == 16
    assert sharp.control["l1"] > 3 * sharp.scores["l1"].value
    assert sharp.ignores_input is False


def test_traces_of_a_generator_stand_beside_those_of_true_photos_in_every_form(
    finished: tuple[Path, Comparison],
) -> None:
    comparison = finished[1]
    model, floors = model_of(comparison, "rough"), {one.column: one for one in comparison.floors}
    assert len(model.case_scores["blotchiness"]) == 16 and "blotchiness" not in model.control
    assert floors["blotchiness"].estimate.value < model.scores["blotchiness"].value
    assert all(
        "blotchiness" in shown for shown in (table(comparison), to_csv(comparison), to_html(comparison))
    )
    assert "checkerboard" not in model.case_scores  # of 32 px, too small for a grid
    assert "(true photos)" in table(comparison)
    assert "True photos<small>the floor, 16 photos</small>" in to_html(comparison)


def test_pictures_of_the_cases_are_kept(finished: tuple[Path, Comparison]) -> None:
    root = finished[0] / "out"
    assert find_picture(root, "real", "0003") and find_picture(root, "model", "0003", "sharp")
    assert find_picture(root, "sketch", "0003") is None


def test_the_nearest_training_photo_of_a_case_is_named(finished: tuple[Path, Comparison]) -> None:
    comparison = finished[1]
    names = [one[0] for one in model_of(comparison, "sharp").nearest_training[:8] if one]
    assert names == [f"t{i}" for i in range(8)]
    assert comparison.real_nearest_training[0] == ("t0", 0.0)


def test_a_missing_face_detector_is_said_and_stops_nothing(finished: tuple[Path, Comparison]) -> None:
    assert "no_face_detector" in {one.code for one in finished[1].warnings}
    assert "landmarks" not in {one.key for one in finished[1].columns}


def test_a_second_run_is_equal_but_for_the_times(finished: tuple[Path, Comparison]) -> None:
    root, first = finished
    tools = SmallTools(root / "cache")
    again = run_comparison(read_request(root / "out"), root / "again", cache=root / "cache", tools=tools)
    same = {"created": "", "seconds": {}}
    assert again.model_copy(update=same) == first.model_copy(update=same)
    assert tools.built == 0


def test_an_edited_image_changes_the_answer(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=8, model=10)
    before = compare(tmp_path, folders)
    cv2.imwrite(str(folders["model"] / "0002.png"), photo(999))
    after = compare(tmp_path, folders)
    for column in ("fd_effnet_lite0", "l1"):
        assert model_of(after, "model").scores[column] != model_of(before, "model").scores[column]


def test_a_model_that_ignores_its_input_is_unmasked(tmp_path: Path) -> None:
    """Its faces are true ones, only of other people: no distance of sets can tell."""
    folders = write_sets(tmp_path, count=16, honest=10)
    strangers = {f"{i:04d}": photo((i + 5) % 16) for i in range(16)}
    folders["deaf"] = write_set(tmp_path / "deaf", strangers)
    found = compare(tmp_path, folders)
    assert model_of(found, "deaf").scores["fd_effnet_lite0"].value < 1e-3
    assert model_of(found, "deaf").ignores_input and not model_of(found, "honest").ignores_input
    assert ("deaf",) in {one.sets for one in found.warnings if one.code == "ignores_input"}


def test_mode_collapse_is_seen_in_recall(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=16, honest=4)
    folders["collapsed"] = write_set(tmp_path / "collapsed", {f"{i:04d}": photo(i % 2) for i in range(16)})
    found = compare(tmp_path, folders)
    assert model_of(found, "collapsed").scores["recall_effnet_lite0"].value < 0.5
    assert model_of(found, "honest").scores["recall_effnet_lite0"].value > 0.8


def test_a_contest_of_file_formats_is_called_one(tmp_path: Path) -> None:
    """The same pictures as PNG and as JPEG: any distance between them is the packing's."""
    folders = write_sets(tmp_path, count=12, png=20)
    pictures = {path.stem: cv2.imread(str(path)) for path in sorted(folders["png"].iterdir())}
    folders["jpeg"] = write_set(tmp_path / "jpeg", pictures, ".jpg")
    found = compare(tmp_path, folders)
    assert any(one.code == "format_mix" and "jpeg" in one.text for one in found.warnings)


def test_damaged_files_are_listed_and_stop_nothing(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=8, model=10)
    (folders["model"] / "0001.png").write_bytes(b"")
    whole = (folders["model"] / "0002.png").read_bytes()
    (folders["model"] / "0002.png").write_bytes(whole[: len(whole) // 2])
    (folders["model"] / "note.txt").write_text("hello")
    found = compare(tmp_path, folders)
    model = model_of(found, "model")
    assert model.set.count == len(found.cases) == 6
    assert sorted(one.name for one in model.set.left_out) == ["0001.png", "0002.png", "note.txt"]


def test_one_metric_alone_computes_nothing_else(tmp_path: Path) -> None:
    found = compare(tmp_path, write_sets(tmp_path, count=8, model=10), metrics=("fid",))
    assert [one.key for one in found.columns] == ["fd_effnet_lite0"]
    assert found.cases == ()


def test_names_that_match_nowhere_leave_the_cases_out(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=8, model=10)
    folders["other"] = write_set(tmp_path / "other", {f"x{i}": photo(i) for i in range(8)})
    found = compare(tmp_path, folders)
    assert model_of(found, "other").case_scores == {}
    assert model_of(found, "model").case_scores["l1"]
    assert "unmatched_names" in {one.code for one in found.warnings}


def test_checkpoints_make_a_curve(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=8, step_100=60, step_900=5)
    steps = {100: folders["step_100"], 900: folders["step_900"]}
    found = compare(
        tmp_path, {"real": folders["real"], "model": folders["step_900"]}, checkpoints={"model": steps}
    )
    curve = next(one for one in found.curves if one.over == "step")
    assert [point.count for point in curve.points] == [100, 900]
    assert curve.points[0].estimate.value > curve.points[1].estimate.value


def statistics_of(folder: Path, path: Path, *, dimensions: int = 27) -> Path:
    """What pytorch-fid keeps of a set: mean and covariance, no number of images."""
    tools, chosen = SmallTools(path.parent / "statistics"), protocol("fd_effnet_lite0")
    features = tools.features.features(
        open_set(folder), chosen, lambda: tools.load_extractor(chosen), weights_sha256="0" * 64, runtime="test"
    ).features[:, :dimensions].astype(np.float64)  # fmt: skip
    np.savez(path, mu=features.mean(axis=0), sigma=np.cov(features, rowvar=False))
    return path


def test_precomputed_statistics_are_a_reference(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=60, sharp=4, rough=90)
    photos = compare(tmp_path, folders, metrics=("fid",))
    folders["real"] = statistics_of(folders["real"], tmp_path / "real.npz")
    found = compare(tmp_path, folders)
    assert [one.key for one in found.columns] == ["fd_effnet_lite0"]
    for name in ("sharp", "rough"):
        known, again = (model_of(one, name).scores["fd_effnet_lite0"].value for one in (photos, found))
        assert again == pytest.approx(known, rel=1e-5)
    assert (found.cases, found.floors, found.real.source) == ((), (), "statistics real.npz")
    assert not {one.code for one in found.warnings} & {
        "few_images",
        "unmatched_names",
        "grey_mix",
        "size_mix",
    }


def test_statistics_of_other_features_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=8, model=4)
    folders["real"] = statistics_of(folders["real"], tmp_path / "real.npz", dimensions=20)
    with pytest.raises(ValueError, match="statistics of 20 features, but fd_effnet_lite0 has 27"):
        compare(tmp_path, folders)


class Stopped(Exception):
    """What ends a run from its progress."""


def test_it_can_be_stopped_and_goes_on_later(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=8, model=10)
    request = ComparisonRequest(
        real=folders["real"], fakes={"model": folders["model"]}, permutations=50, resamples=50
    )

    def stop_at_cases(stage: str, done: int, total: int) -> None:
        if stage == "cases of model":
            raise Stopped

    with pytest.raises(Stopped):
        run_comparison(
            request, tmp_path / "out", cache=tmp_path / "cache", tools=SmallTools(tmp_path / "cache"),
            progress=stop_at_cases,
        )  # fmt: skip
    assert not (tmp_path / "out" / "result.json").exists()
    tools = SmallTools(tmp_path / "cache")
    run_comparison(request, tmp_path / "out", cache=tmp_path / "cache", tools=tools)
    assert tools.built == 0  # the features were kept


def test_the_file_is_plain_json(finished: tuple[Path, Comparison]) -> None:
    found = json.loads((finished[0] / "out" / "result.json").read_text())
    assert found["schema_version"] == 1
    assert np.isfinite(found["models"][0]["scores"]["fd_effnet_lite0"]["value"])


def test_distances_are_there_while_cases_are_scored(tmp_path: Path) -> None:
    """They end as they began, a kill in between leaves them, and what goes on from there is what it would have been."""
    folders = write_sets(tmp_path, count=8, sharp=4, rough=40)
    fakes = {name: folders[name] for name in ("sharp", "rough")}
    request = ComparisonRequest(real=folders["real"], fakes=fakes, permutations=50, resamples=50)
    seen: list[Comparison] = []

    def stop_at_cases(stage: str, done: int, total: int) -> None:
        early = tmp_path / "out" / EARLY_FILE
        if early.is_file():
            seen.append(read_comparison(early))
            raise Stopped

    def run(out: str, cache: str, **more: Any) -> Comparison:
        tools = SmallTools(tmp_path / cache)
        return run_comparison(request, tmp_path / out, cache=tmp_path / cache, tools=tools, **more)

    with pytest.raises(Stopped):
        run("out", "cache", progress=stop_at_cases)
    killed, whole = run("out", "cache"), run("whole", "other-cache")
    same: dict[str, Any] = {"created": "", "seconds": {}}
    assert killed.model_copy(update=same) == whole.model_copy(update=same)
    assert not (tmp_path / "out" / EARLY_FILE).exists()
    of_sets = tuple(column for column in whole.columns if not column.per_case)
    assert seen[0].columns == of_sets and seen[0].cases == ()
    assert seen[0].pairs == tuple(pair for pair in whole.pairs if pair.column in {one.key for one in of_sets})
    for column in of_sets:
        assert [one.scores[column.key] for one in seen[0].models] == [
            one.scores[column.key] for one in whole.models
        ]
