"""Follow the stages of a comparison: how far it is, how long each took, and how much is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.metrics.registry import METRICS
from eval.significance.value_trust import enough_permutations


class Stages:
    """Pass progress on, and keep time.

    Parameters
    ----------
    progress
        Called with the stage in words, done and total.
    """

    def __init__(self, progress: Callable[[str, int, int], None] | None = None) -> None:
        self._progress = progress
        self._stage = ""
        self._since = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how far a stage is; another name begins the next one."""
        if stage != self._stage:
            self.finish()
            self._stage = stage
        if self._progress:
            self._progress(stage, done, total)

    def within(self, stage: str) -> Callable[[int, int], None]:
        """Progress of one stage, for work that knows no stages."""
        self(stage, 0, 0)
        return lambda done, total: self(stage, done, total)

    def finish(self) -> None:
        """End the present stage."""
        now = time.perf_counter()
        if self._stage:
            spent = self.seconds.get(self._stage, 0.0) + now - self._since
            self.seconds[self._stage] = round(spent, 3)
        self._stage, self._since = "", now


# Seconds a unit of work on two cores, measured on the shipped comparison; a run's own pace takes their place.
USUAL_S = {
    "drawing": 0.4, "features": 0.025, "testing distances": 6e-4, "cases": 0.11, "looking for what misleads": 0.1,
    "keeping pictures": 0.03, "drawing the drawings": 0.5,
}  # fmt: skip
MOST_PICTURES = 240  # cases that pictures are kept of
DRAWINGS = 20  # about


class WorkEstimate:
    """Estimate what is left of a whole comparison from the stages to come and the pace of those behind.

    Parameters
    ----------
    request
        What is asked for: it says which stages there are.
    clock
        Seconds; tests bring their own.
    """

    def __init__(self, request: ComparisonRequest, clock: Callable[[], float] = time.monotonic) -> None:
        self._request, self._clock = request, clock
        self._images = self._training = 0
        self._stage, self._begun = "", set[str]()
        self._first: tuple[int, float] = (0, 0.0)
        self._last = self._base = 0
        self._paces: dict[str, tuple[float, int]] = {}

    def __call__(self, stage: str, done: int, total: int) -> float | None:
        """Note how far a stage is; gives the seconds left of everything, None while nobody can tell."""
        now, kind = self._clock(), _kind(stage)
        if stage != self._stage:
            self._stage, self._base, self._last = stage, 0, 0
            self._first = (done, now)
            self._begun.add(stage)
        elif done < self._last:  # the same stage once more, for another metric
            self._base, self._first = self._base + self._last, (done, now)
        elif done > self._last and done > self._first[0]:
            spent, units = now - self._first[1], done - self._first[0]
            self._paces[kind] = (spent, units)
        self._last = done
        self._learn(stage, total)
        if not self._images:
            return None
        left = 0.0
        for name, units in self._plan():
            if name == stage:
                units -= self._base + done
            elif name in self._begun:
                continue
            left += max(0, units) * self._pace(_kind(name))
        return left

    def _learn(self, stage: str, total: int) -> None:
        """Sizes of the sets, from what the stages say."""
        if not total:
            return
        if stage in ("reading training", "features of training photos"):
            self._training = total
        elif _kind(stage) in ("drawing", "features") or (stage == "reading real" and not self._images):
            self._images = total

    def _pace(self, kind: str) -> float:
        spent, units = self._paces.get(kind, (0.0, 0))
        return spent / units if units else USUAL_S[kind]

    def _plan(self) -> Iterator[tuple[str, int]]:
        """Every stage that takes long, with its units of work."""
        asked, images, models = self._request, self._images, list(self._request.fakes)
        yield from (
            (f"drawing {name}", images)
            for name, one in asked.fakes.items()
            if isinstance(one, GeneratorSource)
        )
        yield from ((f"features of {name}", images) for name in (*models, "real"))
        if asked.training:
            yield "features of training photos", self._training
        tested = sum(asked.wants(name) for name in ("fid", "kid"))
        pairs = math.comb(len(models), 2)
        yield "testing distances", tested * enough_permutations(asked.permutations, pairs) * pairs
        if any(asked.wants(name) for name, one in METRICS.items() if one.kind != "features"):
            yield from ((f"cases of {name}", 2 * images) for name in models)
        yield "looking for what misleads", images * (len(models) + 1)
        if asked.drawings:
            yield "drawing the drawings", DRAWINGS
        if asked.pictures:
            yield "keeping pictures", min(images, MOST_PICTURES) * (len(models) + 2)


def _kind(stage: str) -> str:
    """Which stages go at the same pace."""
    if stage in USUAL_S:
        return stage
    return next((kind for kind in ("drawing", "features", "cases") if stage.startswith(f"{kind} ")), stage)
