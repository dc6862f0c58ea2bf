"""The quality check with a pipeline and a detector of a few lines each."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from core.face_mesh import POINTS
from core.images import save_png
from eval.metrics.paired import mean_absolute_error, psnr
from eval.quality.cases import Case, load_cases, load_drawings
from eval.quality.contact_sheet import contact_sheet
from eval.quality.measure import SETTINGS, measure, measure_drawings, remembering
from eval.quality.report import Setting, drawings_table, report, save_report, table
from eval.quality.sheets import sheet_of

SIZE = 64
NEVER_A_FACE = Setting("none", 1.0)


@dataclass(frozen=True)
class FakeResult:
    photo: np.ndarray | None
    refined_sketch: np.ndarray | None


@dataclass(frozen=True)
class FakeFace:
    points: np.ndarray


def picture(person: int, size: int) -> np.ndarray:
    """A photo that says who it shows: the red of its first pixel."""
    photo = np.random.default_rng(person).integers(100, 130, (size, size, 3)).astype(np.uint8)
    photo[: size // 8, : size // 8] = person
    return photo


def draw(person: int, size: int = 128) -> np.ndarray:
    sketch = np.full((size, size), 255, np.uint8)
    sketch[0, 0] = person
    return sketch


def run(sketch: np.ndarray, *, t: float, mode: str) -> FakeResult:
    """Draws the person of the sketch; without refinement a picture of nobody."""
    person = int(sketch[0, 0]) if mode != "none" else 0
    return FakeResult(picture(person, SIZE), sketch[:SIZE, :SIZE])


class FakeDetector:
    """Landmarks that depend on the person and scale with the picture; person 0 is no face."""

    def detect(self, photo: np.ndarray) -> FakeFace | None:
        person = int(photo[0, 0, 0])
        points = np.random.default_rng(person).uniform(0.2, 0.8, (POINTS, 3)) * photo.shape[0]
        return FakeFace(points) if person else None


CASES = [Case(f"080{person}", draw(person), picture(person, 128)) for person in range(1, 7)]


def quality_of(setting: Setting) -> dict:
    qualities, true_look = measure(run, FakeDetector(), CASES, settings=[setting])
    return report(qualities, true_look, {})["settings"][0]


def test_a_perfect_pipeline_has_no_distance_at_any_size() -> None:
    figures = quality_of(Setting("hybrid", 0.5))
    assert figures["n"] == 6
    assert figures["face_found"] == 1
    assert figures["mean"] == pytest.approx(0, abs=1e-6)
    assert figures["shuffled_mean"] > 20


def test_missed_faces_are_counted_and_named() -> None:
    figures = quality_of(NEVER_A_FACE)
    assert figures["face_found"] == 0
    assert figures["not_found"] == [case.name for case in CASES]
    assert figures["mean"] is None


def test_a_blank_result_counts_as_no_face() -> None:
    qualities, _ = measure(
        lambda sketch, t, mode: FakeResult(None, None), FakeDetector(), CASES, settings=[NEVER_A_FACE]
    )
    assert qualities[0].faithfulness.face_found == 0
    assert np.isnan(qualities[0].look.l1)


def test_every_setting_is_run_on_every_sketch_and_progress_reaches_the_end() -> None:
    calls, steps = [], []

    def spy(sketch: np.ndarray, *, t: float, mode: str) -> FakeResult:
        calls.append((mode, t))
        return run(sketch, t=t, mode=mode)

    measure(spy, FakeDetector(), CASES, progress=lambda done, total: steps.append((done, total)))
    assert {setting: calls.count((setting.mode, setting.t)) for setting in SETTINGS} == dict.fromkeys(
        SETTINGS, 6
    )
    assert steps[-1] == (42, 42)


def test_a_true_photo_without_a_face_is_left_out() -> None:
    cases = [*CASES, Case("0809", draw(3), picture(0, 128))]
    qualities, _ = measure(run, FakeDetector(), cases, settings=[Setting("whole", 1.0)])
    assert qualities[0].faithfulness.n == 6


def test_photos_without_any_face_are_refused() -> None:
    with pytest.raises(ValueError, match="no face"):
        measure(run, FakeDetector(), [Case("0801", draw(1), picture(0, 128))])


def test_drawings_say_for_each_setting_whether_a_face_was_found() -> None:
    found = measure_drawings(run, FakeDetector(), [Case("smile", draw(4))])
    assert found == {"smile": {setting.label: setting != NEVER_A_FACE for setting in SETTINGS}}
    assert "no face: none" in drawings_table(found)


def test_the_report_is_valid_json_even_without_faces(tmp_path: Path) -> None:
    qualities, true_look = measure(run, FakeDetector(), CASES, settings=[NEVER_A_FACE])
    save_report(tmp_path / "report.json", report(qualities, true_look, {}, split="val"))
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["split"] == "val"
    assert content["settings"][0]["p95"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_table_has_a_line_for_each_setting() -> None:
    qualities, true_look = measure(run, FakeDetector(), CASES)
    lines = table(qualities, true_look).splitlines()
    assert len(lines) == len(SETTINGS) + 2
    assert len({len(line) for line in lines}) == 1


@pytest.fixture()
def pairs(tmp_path: Path) -> Path:
    """A curated folder with photos 0799 to 0803."""
    for kind in ("photos", "sketches"):
        (tmp_path / kind).mkdir()
    for number in range(799, 804):
        save_png(tmp_path / "photos" / f"0{number}.png", picture(number % 100, 128))
        save_png(tmp_path / "sketches" / f"0{number}.png", draw(number % 100))
    return tmp_path


def test_the_splits_share_no_photo(pairs: Path) -> None:
    names = {split: [case.name for case in load_cases(pairs, split)] for split in ("train", "val")}
    assert names == {"train": ["0799", "0800"], "val": ["0801", "0802", "0803"]}


def test_sketch_and_photo_of_a_case_belong_together(pairs: Path) -> None:
    for case in load_cases(pairs):
        assert case.photo is not None
        assert case.photo[0, 0, 0] == case.sketch[0, 0] == int(case.name) % 100


def test_a_limit_spreads_over_the_split(pairs: Path) -> None:
    assert [case.name for case in load_cases(pairs, limit=2)] == ["0801", "0803"]


def test_a_missing_sketch_is_named(pairs: Path) -> None:
    (pairs / "sketches" / "0802.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"0802\.png"):
        load_cases(pairs)


def test_a_folder_that_was_not_curated_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"curation\.run"):
        load_cases(tmp_path)


@pytest.mark.parametrize(("split", "limit"), [("test", None), ("val", 0)])
def test_an_unknown_split_or_limit_is_refused(pairs: Path, split: str, limit: int | None) -> None:
    with pytest.raises(ValueError, match="must be"):
        load_cases(pairs, split, limit=limit)


def test_drawings_are_read_by_name(tmp_path: Path) -> None:
    for name in ("two", "one"):
        save_png(tmp_path / f"{name}.png", draw(1))
    assert [case.name for case in load_drawings(tmp_path)] == ["one", "two"]


def test_the_sheet_shows_a_row_for_each_sketch_and_a_column_for_each_setting() -> None:
    sheet = sheet_of(run, CASES[:2], side=32)
    columns = len(SETTINGS) + 3
    assert sheet.shape == (24 + 2 * 34, columns * 34, 3)
    without_truth = sheet_of(run, [Case("smile", draw(4))], side=32)
    assert without_truth.shape[1] == (columns - 1) * 34


def test_a_remembering_pipeline_runs_its_own_sketches_once_and_others_as_often_as_asked() -> None:
    calls = []

    def spy(sketch: np.ndarray, *, t: float, mode: str) -> FakeResult:
        calls.append((int(sketch[0, 0]), mode, t))
        return run(sketch, t=t, mode=mode)

    pipeline = remembering(spy, CASES[:1])
    results = [pipeline(case.sketch, t=0.5, mode="hybrid") for case in CASES[:2] * 2]
    pipeline(CASES[0].sketch, t=1.0, mode="hybrid")
    assert calls == [(1, "hybrid", 0.5), (2, "hybrid", 0.5), (2, "hybrid", 0.5), (1, "hybrid", 1.0)]
    assert [int(result.photo[0, 0, 0]) for result in results] == [1, 2, 1, 2]


def test_a_sheet_holds_its_pictures_where_they_belong() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    sheet = contact_sheet([[None, red]], ["nothing", "red"], side=32)
    assert (sheet[24:56, :32] == 255).all()
    assert (sheet[24:56, 34:66] == red).all()


def test_a_sheet_with_a_short_row_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 pictures"):
        contact_sheet([[None]], ["a", "b"])


def test_pixel_errors_of_equal_and_different_photos() -> None:
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    assert mean_absolute_error(black, grey) == 51
    assert psnr(black, grey) == pytest.approx(20 * np.log10(5))
    assert psnr(grey, grey) == np.inf
    with pytest.raises(ValueError, match="one shape"):
        psnr(black, grey[:4])
