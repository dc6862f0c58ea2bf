"""The quality check over several models, with a pipeline and a detector of a few lines each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from core.face_mesh import POINTS
from eval.quality.cases import Case
from eval.quality.command import Material, measure_models
from eval.quality.measure import SETTINGS
from eval.quality.models import Model, ModelQuality, card_table, choose_models, models_report, summary_table
from eval.quality.report import save_report
from eval.quality.sheets import compare_sheet

SIZE = 64


@dataclass(frozen=True)
class FakeResult:
    photo: np.ndarray
    refined_sketch: np.ndarray


@dataclass(frozen=True)
class FakeFace:
    points: np.ndarray


class FakeModels:
    """Two generators: ``good`` shows the person that was drawn, ``bad`` shows nobody."""

    def __init__(self, *, has_parts: bool = True) -> None:
        self.generators = ["bad", "good"]
        self.has_parts = has_parts
        self.calls: list[tuple[str, str, str, float]] = []

    def __call__(self, sketch: np.ndarray, *, t: float, mode: str, generator: str, stage1: str) -> FakeResult:
        self.calls.append((generator, stage1, mode, t))
        person = int(sketch[0, 0]) if generator == "good" else 0
        return FakeResult(picture(person), sketch)


class FakeDetector:
    def detect(self, photo: np.ndarray) -> FakeFace | None:
        person = int(photo[0, 0, 0])
        points = np.random.default_rng(person).uniform(0.2, 0.8, (POINTS, 3)) * photo.shape[0]
        return FakeFace(points) if person else None


def picture(person: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), person, np.uint8)


def draw(person: int) -> np.ndarray:
    return np.full((SIZE, SIZE), person, np.uint8)


CASES = [Case(f"080{person}", draw(person), picture(person)) for person in (1, 2, 3)]
MATERIAL = Material(CASES, [Case("smile", draw(4))], CASES[:1])
BOTH = ("whole", "parts")


def measured(pipeline: FakeModels, generators: Sequence[str] = ("all",)) -> list[ModelQuality]:
    models = choose_models(pipeline, generators, BOTH)
    return measure_models(pipeline, FakeDetector(), MATERIAL, models)


def test_all_stands_for_every_generator_with_every_kind_of_stage_1() -> None:
    labels = [model.label for model in choose_models(FakeModels(), ["all"], BOTH)]
    assert labels == ["bad", "bad, parts", "good", "good, parts"]


def test_generators_are_looked_at_in_the_order_asked_for_and_once() -> None:
    models = choose_models(FakeModels(), ["good", "bad", "good"], ["whole"])
    assert [model.generator for model in models] == ["good", "bad"]


def test_a_generator_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no generator unet.*bad, good"):
        choose_models(FakeModels(), ["good", "unet"], ["whole"])


def test_parts_without_part_autoencoders_say_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"core\.training\.parts"):
        choose_models(FakeModels(has_parts=False), ["good"], BOTH)


def test_an_unknown_kind_of_stage_1_is_refused() -> None:
    with pytest.raises(ValueError, match="whole, parts"):
        choose_models(FakeModels(), ["good"], ["half"])


def test_each_model_is_measured_on_its_own() -> None:
    found = {one.model.label: one.qualities[0].faithfulness.face_found for one in measured(FakeModels())}
    assert found == {"bad": 0, "bad, parts": 0, "good": 1, "good, parts": 1}


def test_what_does_not_depend_on_stage_1_is_measured_once_a_generator() -> None:
    pipeline = FakeModels()
    results = measured(pipeline, ["good"])
    assert [len(one.qualities) for one in results] == [len(SETTINGS), len(SETTINGS) - 1]
    assert {call[1] for call in pipeline.calls if call[2] == "none"} == {"whole"}


def test_progress_runs_over_all_models_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    pipeline = FakeModels()
    models = choose_models(pipeline, ["all"], BOTH)
    measure_models(
        pipeline, FakeDetector(), MATERIAL, models, progress=lambda done, total: steps.append((done, total))
    )
    total = len(CASES) * 2 * (2 * len(SETTINGS) - 1)
    assert steps == [(number, total) for number in range(1, total + 1)]


def test_each_model_is_handed_over_as_soon_as_it_is_done() -> None:
    pipeline, seen = FakeModels(), []

    def note(one: ModelQuality, run) -> None:
        seen.append((one.model.label, len(pipeline.calls)))
        assert run(CASES[0].sketch, t=1.0, mode="hybrid").photo.shape == (SIZE, SIZE, 3)

    measure_models(pipeline, FakeDetector(), MATERIAL, choose_models(pipeline, ["all"], ["whole"]), done=note)
    assert [label for label, _ in seen] == ["bad", "good"] and seen[0][1] < seen[1][1]


def test_the_report_holds_every_model_and_is_valid_json(tmp_path: Path) -> None:
    save_report(tmp_path / "report.json", models_report(measured(FakeModels()), split="val"))
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["split"] == "val"
    assert [(one["generator"], one["stage1"]) for one in content["models"]] == [
        ("bad", "whole"), ("bad", "parts"), ("good", "whole"), ("good", "parts")
    ]  # fmt: skip
    assert content["models"][0]["settings"][0]["mean"] is None
    assert content["models"][2]["settings"][0]["mean"] == pytest.approx(0, abs=1e-6)


def test_the_summary_has_a_line_for_each_model() -> None:
    lines = summary_table(measured(FakeModels())).splitlines()
    assert len(lines) == 5 and len({len(line) for line in lines}) == 1
    assert "100.0%" in lines[3] and "1/1" in lines[3]
    assert "0.0%" in lines[1] and "0/1" in lines[1]


def test_a_card_table_has_a_row_for_each_setting_and_one_for_the_true_photos() -> None:
    one = measured(FakeModels(), ["good"])[0]
    rows = card_table(one).splitlines()
    assert len(rows) == 2 + len(SETTINGS) + 1
    assert len({row.count("|") for row in rows}) == 1


def test_the_sheet_of_all_models_has_a_column_for_each() -> None:
    pipelines = {
        name: lambda sketch, t, mode: FakeResult(picture(1), sketch) for name in ("bad", "good, parts")
    }
    assert compare_sheet(pipelines, CASES[:2], side=32).shape == (24 + 2 * 34, 4 * 34, 3)
    assert compare_sheet(pipelines, MATERIAL.drawings, side=32).shape == (24 + 34, 3 * 34, 3)


def test_a_models_files_have_names_of_their_own() -> None:
    assert Model("cyclegan", "parts").file(Path("out/sheet.png")) == Path("out/sheet-cyclegan-parts.png")
