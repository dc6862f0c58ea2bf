"""One estimate of a whole comparison, from its stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.stages import WorkEstimate

IMAGES = 100
STAGES = [  # name, units, seconds a unit: another machine than that of the usual paces
    ("reading real", IMAGES, 0.01), ("drawing a", IMAGES, 0.8), ("drawing b", IMAGES, 0.8),
    ("features of a", IMAGES, 0.05), ("features of b", IMAGES, 0.05), ("features of real", IMAGES, 0.05),
    ("testing distances", 1000, 0.001), ("testing distances", 1000, 0.001), ("cases of a", 2 * IMAGES, 0.25),
    ("cases of b", 2 * IMAGES, 0.25), ("looking closer", 1, 0.0), ("looking for what misleads", 3 * IMAGES, 0.2),
    ("keeping pictures", 4 * IMAGES, 0.05),
]  # fmt: skip


@pytest.fixture
def request_of_two() -> ComparisonRequest:
    source = {name: GeneratorSource(generator=name, data=Path("pairs")) for name in "ab"}
    return ComparisonRequest(real=Path("pairs"), fakes=dict(source))


def run_through(request: ComparisonRequest) -> list[tuple[float, float | None]]:
    """Seconds that were left, and that were estimated, at every step."""
    now, found = [0.0], []
    estimate = WorkEstimate(request, lambda: now[0])
    whole = sum(units * each for _, units, each in STAGES)
    for name, units, each in STAGES:
        for done in range(units + 1):
            found.append((whole - now[0], estimate(name, done, units)))
            now[0] += each if done < units else 0.0
    return found


def test_the_estimate_comes_near_and_ends_at_nothing(request_of_two: ComparisonRequest) -> None:
    found = run_through(request_of_two)
    cases = next(i for i, one in enumerate(found) if one[0] < 0.6 * found[0][0])
    assert all(left / 3 < said < 3 * left for left, said in found[20:-100] if said is not None)
    assert all(abs(said - left) < 0.6 * left for left, said in found[cases:-100] if said is not None)
    assert found[-1][1] == pytest.approx(0, abs=1)


def test_nothing_is_said_before_the_size_of_the_sets_is_known(request_of_two: ComparisonRequest) -> None:
    assert WorkEstimate(request_of_two)("starting", 0, 0) is None


def test_what_was_kept_makes_no_pace(request_of_two: ComparisonRequest) -> None:
    """A stage that is answered from the cache says nothing about one that is not."""
    now = [0.0]
    estimate = WorkEstimate(request_of_two, lambda: now[0])
    estimate("drawing a", IMAGES, IMAGES)
    before = estimate("drawing b", 0, IMAGES)
    assert before is not None and before > 0.4 * IMAGES


def test_stages_that_are_not_asked_for_are_not_waited_for(request_of_two: ComparisonRequest) -> None:
    distances = request_of_two.model_copy(update={"metrics": ("fid",), "pictures": False})
    left = [WorkEstimate(one)("drawing a", 0, IMAGES) for one in (distances, request_of_two)]
    assert left[0] is not None and left[1] is not None and left[0] < left[1] - 2 * 2 * IMAGES * 0.1
