"""Scores of single cases: what is computed, what is kept, and the control."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.face_mesh import POINTS
from core.images import encode_png
from eval.comparison.case_scores import FACE_FOUND, PSNR_CAP, CaseInput, CaseScorer
from eval.metrics.registry import with_lpips
from eval.value_cache import ValueCache
from tests.eval.comparison.comparison_material import noisy, photo


@dataclass(frozen=True)
class Memory:
    """A picture in memory that counts how often it is read."""

    name: str
    data: bytes
    reads: list[str] = field(compare=False)

    @property
    def digest(self) -> str:
        return str(hash(self.data))

    def read(self) -> bytes:
        self.reads.append(self.name)
        return self.data


@dataclass(frozen=True)
class Points:
    points: np.ndarray


class ColourDetector:
    """Puts a face where the picture's colours say; finds none in a picture that is nearly black or white."""

    def __enter__(self) -> "ColourDetector":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def detect(self, photo: np.ndarray) -> Points | None:
        if not 20 < photo.mean() < 230:
            return None
        grid = np.stack([np.arange(POINTS) % 22, np.arange(POINTS) // 22], axis=1).astype(float)
        return Points(grid + photo.mean((0, 1))[:2] / 50)


READS: list[str] = []


def picture(name: str, pixels: np.ndarray) -> Memory:
    return Memory(name, encode_png(pixels), READS)


def sketch(column: int) -> np.ndarray:
    paper = np.full((64, 64), 255, np.uint8)
    paper[8:56, column : column + 2] = 0
    return paper


def cases(count: int = 4, amount: float = 10) -> list[CaseInput]:
    return [
        CaseInput(
            f"{i}", picture(f"out{i}", noisy(photo(i, 64), amount, i)), picture(f"true{i}", photo(i, 64)),
            picture(f"sketch{i}", sketch(8 + 9 * i)),
        )
        for i in range(count)
    ]  # fmt: skip


def scorer(folder: Path, **changes: Any) -> CaseScorer:
    return CaseScorer(ValueCache(folder / "scores.sqlite"), ColourDetector, **changes)


def test_every_kind_of_metric_has_a_value_and_a_control(tmp_path: Path) -> None:
    found = scorer(tmp_path).score(cases())
    assert set(found.values) == {
        FACE_FOUND,
        "landmarks",
        "chamfer",
        "edge_f_2px",
        "edge_f_4px",
        "l1",
        "psnr",
        "ssim",
        "checkerboard",
        "blotchiness",
    }
    assert all(len(values) == 4 and not any(map(math.isnan, values)) for values in found.values.values())
    assert np.mean(found.control["l1"]) > 2 * np.mean(found.values["l1"])


def test_a_second_time_no_picture_is_read(tmp_path: Path) -> None:
    first = scorer(tmp_path).score(cases())
    READS.clear()
    assert scorer(tmp_path).score(cases()) == first
    assert READS == []


def test_an_edited_picture_is_scored_anew_and_only_that(tmp_path: Path) -> None:
    before = cases()
    first = scorer(tmp_path).score(before)
    after = [*before[:3], CaseInput("3", picture("edited", photo(77, 64)), before[3].truth, before[3].sketch)]
    READS.clear()
    second = scorer(tmp_path).score(after)
    assert second.values["l1"][:3] == first.values["l1"][:3]
    assert second.values["l1"][3] > first.values["l1"][3]
    assert {name for name in READS if name.startswith("out")} == set()


def test_an_output_without_a_face_has_no_landmark_distance(tmp_path: Path) -> None:
    some = cases()
    some[1] = CaseInput("1", picture("dark", np.zeros((64, 64, 3), np.uint8)), some[1].truth, some[1].sketch)
    found = scorer(tmp_path).score(some)
    assert found.values[FACE_FOUND] == (1, 0, 1, 1)
    assert math.isnan(found.values["landmarks"][1])


def test_equal_pictures_have_a_finite_psnr(tmp_path: Path) -> None:
    found = scorer(tmp_path).score(cases(amount=0))
    assert found.values["psnr"] == (PSNR_CAP,) * 4


def test_a_case_that_a_model_did_not_answer_has_no_score(tmp_path: Path) -> None:
    some = cases()
    some[2] = CaseInput("2", None, some[2].truth)
    found = scorer(tmp_path).score(some)
    assert math.isnan(found.values["l1"][2]) and not math.isnan(found.values["l1"][3])


def test_a_truth_of_another_size_is_compared_at_the_smaller_one(tmp_path: Path) -> None:
    pair = [CaseInput("0", picture("out", photo(0, 32)), picture("true", photo(0, 64)))]
    assert scorer(tmp_path).score(pair).values["l1"][0] < 8


def test_a_damaged_output_has_no_score(tmp_path: Path) -> None:
    some = cases()
    some[0] = CaseInput("0", Memory("bad", b"no picture", READS), some[0].truth, some[0].sketch)
    assert math.isnan(scorer(tmp_path).score(some).values["l1"][0])


def test_what_is_not_wanted_is_not_computed(tmp_path: Path) -> None:
    found = scorer(tmp_path, wanted=lambda name: name == "l1").score(cases())
    assert set(found.values) == {"l1"}


def test_traces_of_a_generator_are_those_that_the_quality_check_found(tmp_path: Path) -> None:
    """Figures of `eval.quality`, which measured them before: outputs as they are, true photos at their size."""
    outputs = [noisy(photo(i, 128), 6, i) for i in range(4)]
    for output in outputs:
        output[::2, ::2] = np.minimum(output[::2, ::2].astype(int) + 3, 255)
    some = [
        CaseInput(f"{i}", picture(f"out{i}", output), picture(f"true{i}", photo(i, 256)))
        for i, output in enumerate(outputs)
    ]
    found = scorer(tmp_path, wanted=lambda name: name in ("checkerboard", "blotchiness")).score(some)
    means = [np.mean(values[name]) for values in (found.values, found.of_truth) for name in sorted(values)]
    before = [2.8952812552452087, 18.56571150739078, 2.531235933303833, 2.2077649884415256]
    assert means == pytest.approx(before, abs=1e-9)
    assert found.control == {}


@pytest.mark.parametrize("shape", [(60, 60), (64, 80)], ids=["too small for a grid", "not square"])
def test_a_trace_that_cannot_be_measured_is_missing(tmp_path: Path, shape: tuple[int, int]) -> None:
    odd = [CaseInput("0", picture("out", np.full((*shape, 3), 90, np.uint8)))]
    found = scorer(tmp_path).score(odd)
    assert len({"checkerboard", "blotchiness"} & set(found.values)) == 1


def test_lpips_of_a_user_is_a_column_and_its_weights_are_part_of_the_key(tmp_path: Path) -> None:
    for sha256, value in (("one", 0.25), ("two", 0.5)):
        lpips = with_lpips(lambda output, true, value=value: value)
        found = scorer(tmp_path, lpips=lpips, lpips_sha256=sha256).score(cases())
        assert found.values["lpips"] == (value,) * 4


def test_a_damaged_store_costs_time_only(tmp_path: Path) -> None:
    first = scorer(tmp_path).score(cases())
    for path in tmp_path.glob("scores.sqlite*"):
        path.write_bytes(b"this is no database" * 100)
    assert scorer(tmp_path).score(cases()) == first
    READS.clear()
    scorer(tmp_path).score(cases())
    assert READS == []  # it was made anew


@pytest.mark.parametrize("is_deaf", [True, False])
def test_the_lines_tell_whether_a_model_ignores_its_input(tmp_path: Path, is_deaf: bool) -> None:
    def drawn(i: int) -> np.ndarray:
        return np.repeat(sketch(8 + 5 * (3 if is_deaf else i))[..., None], 3, axis=2)

    some = [
        CaseInput(f"{i}", picture("o", drawn(i)), None, picture("s", sketch(8 + 5 * i))) for i in range(8)
    ]
    assert scorer(tmp_path).score(some).ignores_input is is_deaf
