"""Lines against lines, and the control that unmasks a model which ignores its sketch."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from eval.comparison.case_scores import ignores_input
from eval.metrics.sketch_agreement import SIZE, WORST, SketchAgreement, lines_of, own_sketch, sketch_agreement

BLANK = np.full((SIZE, SIZE), 255, np.uint8)


def drawn(x: int, width: int = 1, size: int = SIZE) -> np.ndarray:
    """A vertical line at ``x`` (of 256)."""
    sketch = np.full((size, size), 255, np.uint8)
    scale = size // SIZE
    cv2.line(sketch, (x * scale, 40 * scale), (x * scale, 200 * scale), 0, width * scale)
    return sketch


def random_drawing(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sketch = BLANK.copy()
    for _ in range(6):
        points = rng.integers(20, 236, (4, 2)).astype(np.int32)
        cv2.polylines(sketch, [points.reshape(-1, 1, 2)], False, 0, 2)
    return sketch


def between(ours: np.ndarray, theirs: np.ndarray) -> SketchAgreement:
    return sketch_agreement(lines_of(ours), lines_of(theirs))


def test_a_sketch_agrees_with_itself() -> None:
    assert between(random_drawing(1), random_drawing(1)) == SketchAgreement(0, 1, 1)


@pytest.mark.parametrize(("away", "near"), [(1, (1, 1)), (3, (0, 1)), (10, (0, 0))])
def test_a_shifted_line_is_its_shift_away(away: int, near: tuple[float, float]) -> None:
    found = between(drawn(100), drawn(100 + away))
    assert found.chamfer_px == pytest.approx(away, abs=0.05)
    assert (found.f_2px, found.f_4px) == pytest.approx(near, abs=0.02)


def test_the_order_does_not_matter() -> None:
    there, back = between(random_drawing(1), random_drawing(2)), between(random_drawing(2), random_drawing(1))
    assert there.chamfer_px == pytest.approx(back.chamfer_px)
    assert there.f_2px == pytest.approx(back.f_2px)


def test_the_pens_width_does_not_count() -> None:
    found = between(drawn(100, width=1), drawn(100, width=5))
    assert found.chamfer_px < 1
    assert found.f_2px > 0.95


def test_the_pictures_size_does_not_count() -> None:
    assert between(drawn(100), drawn(100, size=1024, width=1)).chamfer_px < 1


def test_missing_lines_cost_recall_although_every_line_drawn_is_right() -> None:
    both = np.minimum(drawn(60), drawn(180))
    found = between(drawn(60), both)
    assert found.f_4px == pytest.approx(2 / 3, abs=0.02)
    assert found.chamfer_px > 20


def test_blank_sketches_give_numbers_too() -> None:
    assert between(BLANK, BLANK) == SketchAgreement(0, 1, 1)
    assert between(BLANK, drawn(100)) == between(drawn(100), BLANK) == SketchAgreement(WORST, 0, 0)


def test_the_own_sketch_of_a_photo_shows_its_edges() -> None:
    photo = np.full((512, 512, 3), 210, np.uint8)
    cv2.circle(photo, (256, 256), 120, (60, 40, 30), 6)
    lines = lines_of(own_sketch(photo))
    ring = np.hypot(*(np.argwhere(lines) - 128).T)
    assert lines.sum() > 200
    assert np.abs(ring - 60).max() < 6


class TestControl:
    truths = tuple(lines_of(random_drawing(seed)) for seed in range(20))

    @staticmethod
    def scores(
        outputs: Sequence[np.ndarray], truths: Sequence[np.ndarray]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of each output against its own truth, and against the next one's."""
        own, control = (
            tuple(sketch_agreement(a, b).chamfer_px for a, b in zip(outputs, theirs, strict=True))
            for theirs in (truths, [*truths[1:], truths[0]])
        )
        return own, control

    def test_a_model_that_obeys_is_far_better_than_its_control(self) -> None:
        own, control = self.scores([np.roll(lines, 1, axis=1) for lines in self.truths], self.truths)
        assert np.mean(own) <= 1
        assert np.mean(control) > 5
        assert ignores_input(own, control) is False

    def test_a_model_that_ignores_its_sketch_is_unmasked(self) -> None:
        """Plausible drawings all the same: each is somebody's, never one's own."""
        outputs = [lines_of(random_drawing(100 + seed)) for seed in range(20)]
        assert ignores_input(*self.scores(outputs, self.truths))

    def test_one_picture_for_every_sketch_is_unmasked(self) -> None:
        assert ignores_input(*self.scores([self.truths[0]] * 20, self.truths))

    @pytest.mark.parametrize(("count", "is_accused"), [(40, False), (5, True)])
    def test_a_model_that_follows_its_input_a_little_is_accused_of_few_outputs_only(
        self, count: int, is_accused: bool
    ) -> None:
        """A mean gain of 2.7 standard errors is p = .005 with 40 outputs, and .027 with five."""
        spread = np.linspace(-1, 1, count)
        gains = spread + 2.7 * spread.std(ddof=1) / np.sqrt(count)
        assert ignores_input((1.0,) * count, tuple((1 + gains).tolist())) is is_accused

    def test_of_models_that_ignore_their_input_hardly_one_gets_through(self) -> None:
        rng = np.random.default_rng(0)
        own, control = rng.normal(10, 1, (2, 2000, 40))
        missed = sum(not ignores_input(tuple(a), tuple(b)) for a, b in zip(own, control, strict=True))
        assert missed <= 0.02 * 2000

    def test_of_one_output_nobody_can_tell(self) -> None:
        assert ignores_input((0.0,), (math.nan,)) is None

    @pytest.mark.parametrize(("gain", "is_accused"), [(1.0, False), (0.0, True)])
    def test_gains_without_any_spread_say_what_they_say(self, gain: float, is_accused: bool) -> None:
        assert ignores_input((1.0,) * 5, (1.0 + gain,) * 5) is is_accused
