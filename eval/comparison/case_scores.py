"""Score every output of a comparison against what it should be, and against a stranger's; keep the scores.

Values are kept by the content of the two pictures (and the drawing) they come from, so that a cached set of
thousands is answered without decoding one picture, and an edited picture is scored anew.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from eval.comparison.cases import CaseReader, same_size
from eval.metrics.faithfulness import shuffled_partners
from eval.metrics.paired import KERNEL, MIN_SIDE_MS_SSIM
from eval.metrics.registry import Kind, Metric, metrics_of
from eval.sets.contents import Item
from eval.value_cache import ValueCache

if TYPE_CHECKING:
    from core.landmarks import FaceLandmarker

# Chance that outputs which ignore their input fit it better than strangers' as clearly, for them not to count so.
SURE = 0.01


def ignores_input(values: Sequence[float], control: Sequence[float]) -> bool | None:
    """Tell whether outputs fit their own inputs no better than strangers', by a one-sided paired t-test.

    A fixed number of standard errors would ask more of few outputs than of many.

    Parameters
    ----------
    values : (N,)
        Score of each output, lower is better; NaN where there is nothing to score (no face).
    control : (N,)
        Score of the same outputs against a stranger's truth.

    Returns
    -------
    None with fewer than two outputs to compare: nobody can tell.
    """
    gains = np.subtract(control, values)
    gains = gains[np.isfinite(gains)]
    if len(gains) < 2:
        return None
    if not gains.std():
        return bool(gains.mean() <= 0)
    return bool(stats.ttest_1samp(gains, 0, alternative="greater").pvalue >= SURE)


VERSION = 1  # of the values; another one makes them anew
SCORES = "scores"  # kind of the values in a cache
FACE_FOUND = "face_found"
OF_TRUTH = "truth_"  # before the name of an ``output`` metric: its value of the true photo
PSNR_CAP = 100.0  # two equal pictures: JSON knows no infinity
_MIN_SIDE = {"ssim": KERNEL, "ms_ssim": MIN_SIDE_MS_SSIM}
_KEEP_EVERY = 32

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CaseInput:
    """One output with what it is held against; ``output`` is None where the model has none for this case."""

    name: str
    output: Item | None
    truth: Item | None = None
    sketch: Item | None = None


@dataclass(frozen=True)
class CaseScores:
    """What every case scored, and the control."""

    # values, control: by metric, a score per case in order; NaN where there is nothing to score.
    values: dict[str, tuple[float, ...]]
    control: dict[str, tuple[float, ...]]
    missing: str = ""  # why there are no landmarks, where the face detector is not on this machine
    # By metric that looks at the output alone, the values of the true photos at the outputs' size.
    of_truth: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def ignores_input(self) -> bool | None:
        """Tell whether the outputs fit their own inputs no better than strangers'; None where nobody can tell.

        Judged by the lines where there are drawings, else by the face, else by the pixels.
        """
        for name in ("chamfer", "landmarks", "l1"):
            found = ignores_input(self.values.get(name, ()), self.control.get(name, ()))
            if found is not None:
                return found
        return None


class CaseScorer:
    """Scores outputs by all metrics of single cases.

    Parameters
    ----------
    store
        Where values are kept.
    detector
        Makes the face detector; only called for a value that is not kept.
    lpips, lpips_sha256
        From `eval.metrics.registry.with_lpips`, and the hash of its weights.
    wanted
        Which metrics, by name; the others are not computed.
    """

    def __init__(
        self,
        store: ValueCache,
        detector: Callable[[], FaceLandmarker],
        *,
        lpips: Metric | None = None,
        lpips_sha256: str = "",
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._store, self._detector = store, detector
        every = (
            *metrics_of("landmarks"),
            *metrics_of("lines"),
            *metrics_of("photos"),
            *metrics_of("output"),
            *([lpips] if lpips else []),
        )
        self.metrics = tuple(metric for metric in every if wanted(metric.name))
        self._finds_faces = wanted(FACE_FOUND) or bool(self._of("landmarks"))
        names = ",".join(metric.name for metric in self.metrics)
        self._version = f"{VERSION}|{lpips_sha256}|{self._finds_faces}|{names}"

    def score(
        self, cases: Sequence[CaseInput], *, seed: int = 0, progress: Progress | None = None
    ) -> CaseScores:
        """Score every case of one model, and every output against the truth of another case.

        Parameters
        ----------
        seed
            Of the shuffle; no output keeps its own truth.
        """
        present = [i for i, case in enumerate(cases) if case.output is not None]
        strangers = shuffled_partners(len(present), seed=seed) if len(present) > 1 else []
        controls = [
            (i, replace(cases[i], truth=cases[present[s]].truth, sketch=cases[present[s]].sketch))
            for i, s in zip(present, strangers, strict=False)
        ]
        jobs = [(i, self._key(case), case) for i, case in (*((i, cases[i]) for i in present), *controls)]
        known = self._store.find(SCORES, [key for _, key, _ in jobs])
        missing = self._fill(known, [(key, case) for _, key, case in jobs], progress)
        own = {i: known[key] for i, key, _ in jobs[: len(present)]}
        others = {i: known[key] for i, key, _ in jobs[len(present) :]}

        def row(found: dict[int, dict[str, float | None]], name: str) -> tuple[float, ...]:
            values = [found.get(i, {}).get(name) for i in range(len(cases))]
            return tuple(math.nan if value is None else value for value in values)

        alone = [metric.name for metric in self._of("output")]
        rows = {name: row(own, name) for name in (FACE_FOUND, *(metric.name for metric in self.metrics))}
        used = {name: values for name, values in rows.items() if not all(map(math.isnan, values))}
        return CaseScores(
            used,
            {name: row(others, name) for name in used if name not in (FACE_FOUND, *alone)},
            missing,
            {name: row(own, OF_TRUTH + name) for name in used if name in alone},
        )

    def _fill(
        self,
        known: dict[str, dict[str, float | None]],
        jobs: Sequence[tuple[str, CaseInput]],
        progress: Progress | None,
    ) -> str:
        """Compute what is not known yet; gives why there are no landmarks."""
        todo = dict.fromkeys(key for key, _ in jobs if key not in known)
        if progress:
            progress(len(jobs) - len(todo), len(jobs))
        if not todo:
            return ""
        fresh: dict[str, dict[str, float | None]] = {}
        by_key = dict(jobs)
        with CaseReader(self._detector) as reader:
            try:
                for done, key in enumerate(todo, start=1):
                    known[key] = fresh[key] = self._measure(by_key[key], reader)
                    if len(fresh) == _KEEP_EVERY:
                        self._keep(fresh, reader)
                    if progress:
                        progress(len(jobs) - len(todo) + done, len(jobs))
            finally:
                self._keep(fresh, reader)
            return reader.missing

    def _keep(self, fresh: dict[str, dict[str, float | None]], reader: CaseReader) -> None:
        if fresh and not reader.missing:  # values without landmarks are not what another run would find
            self._store.keep(SCORES, fresh)
        fresh.clear()

    def _key(self, case: CaseInput) -> str:
        parts = [one.digest if one is not None else "" for one in (case.output, case.truth, case.sketch)]
        return hashlib.sha256("|".join([self._version, *parts]).encode()).hexdigest()[:40]

    def _of(self, kind: Kind) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics if metric.kind == kind)

    def _measure(self, case: CaseInput, reader: CaseReader) -> dict[str, float | None]:
        assert case.output is not None
        found: dict[str, float | None] = {}
        if reader.photo(case.output) is None:
            return found
        if self._finds_faces:
            points = reader.points(case.output)
            if not reader.missing:
                found[FACE_FOUND] = float(points is not None)
            true_points = reader.points(case.truth) if case.truth is not None else None
            if points is not None and true_points is not None:
                found |= {one.name: one.compute(points, true_points) for one in self._of("landmarks")}
        for one in self._of("output"):
            found[one.name] = reader.alone(case.output, case.output, one.compute)
            if case.truth is not None:
                found[OF_TRUTH + one.name] = reader.alone(case.truth, case.output, one.compute)
        if case.truth is not None:
            found |= self._photos(case.output, case.truth, reader)
        if case.sketch is not None and self._of("lines"):
            ours, theirs = reader.own_lines(case.output), reader.lines(case.sketch)
            if ours is not None and theirs is not None:
                found |= {one.name: one.compute(ours, theirs) for one in self._of("lines")}
        return {name: _finite(value) for name, value in found.items()}

    def _photos(self, output: Item, truth: Item, reader: CaseReader) -> dict[str, float | None]:
        ours, theirs = reader.photo(output), reader.photo(truth)
        if ours is None or theirs is None:
            return {}
        ours, theirs = same_size(ours, theirs)
        side = min(ours.shape[:2])
        return {
            one.name: one.compute(ours, theirs)
            for one in self._of("photos")
            if side >= _MIN_SIDE.get(one.name, 1)
        }


def _finite(value: float | None) -> float | None:
    if value is None or math.isnan(value):
        return None
    return float(np.clip(value, -1e9, PSNR_CAP if math.isinf(value) else 1e9))
