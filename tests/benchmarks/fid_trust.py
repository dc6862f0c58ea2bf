"""``python -m tests.benchmarks.fid_trust``: how fast and how honest the trust in FID is.

1. *Speed*: 1 000 paired permutations of two models' difference at 300 images and 2048 dimensions, against the
   same with `eval.metrics.fid.frechet_distance` (timed on a few). CPU time counts, so that other work on the
   machine does not decide; the clock's time is shown beside it. Both must say the same to 1e-6.
2. *Honesty*, by simulation over models whose truth is known, at more dimensions than images and at fewer: how
   often equal models are called different at .05 (goal 2-9 %), and how often the 95 % interval covers no
   difference, a real one, and one model's own distance at that many images (goal 90-98 %). Shown beside them:
   what a bootstrap with replacement covers, and the interval of the difference without bias.

Prints a table on stderr and one JSON object on stdout; ends with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from eval.metrics.fid import frechet_distance
from eval.significance.feature_trust import compare_features
from eval.significance.subsets import subset_distances

SPEED_GOAL_S = 15.0
AROUND_ALPHA = (0.02, 0.09)
AROUND_COVER = (0.90, 0.98)


@dataclass(frozen=True)
class Row:
    """One figure and the range it should lie in; no range: for comparison only."""

    what: str
    figure: float
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        return not (
            (self.low is not None and self.figure < self.low)
            or (self.high is not None and self.figure > self.high)
        )


def speed_rows(count: int, width: int, permutations: int) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    real, first, second = (rng.random((count, width), dtype=np.float32) ** (1 + k / 10) for k in range(3))
    clock, start = time.perf_counter(), time.process_time()
    names = [str(i) for i in range(count)]
    models = {"first": first, "second": second}
    compare_features(
        real, models, column="fid", names=dict.fromkeys(models, names), real_names=names,
        permutations=permutations, resamples=0,
    )  # fmt: skip
    taken, clock = time.process_time() - start, time.perf_counter() - clock
    start = time.process_time()
    expected = frechet_distance(real, first) - frechet_distance(real, second)
    plain = (time.process_time() - start) * permutations
    yield Row(
        f"{permutations} permutations, n = {count}, D = {width}, s",
        taken,
        high=SPEED_GOAL_S,
        note=f"clock {clock:.1f} s; without eval.significance.subsets {plain:.0f} s",
    )
    distances = subset_distances("fid", real, np.concatenate([first, second]))
    found = distances.splits(np.arange(count)[None], np.arange(count, 2 * count)[None])[0]
    yield Row("difference from frechet_distance, relative", abs(found / expected - 1), high=1e-6)


@dataclass(frozen=True)
class World:
    """Two models: the first ``shift`` off along an axis, the second shrunk by ``spread``, or both alike."""

    name: str
    count: int
    width: int
    is_null: bool
    shift: float = 0.6
    spread: float = 0.75

    @property
    def spreads(self) -> np.ndarray:
        return np.arange(1, self.width + 1) ** -0.6 if self.width > 8 else np.ones(self.width)

    @property
    def truth(self) -> float:
        """The difference at endless images."""
        return 0.0 if self.is_null else self.shift**2 - float((((1 - self.spread) * self.spreads) ** 2).sum())

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Real features, and the outputs of both for the same inputs (correlation 1/2)."""
        real = rng.normal(size=(self.count, self.width))
        first, second = (0.5 * real + np.sqrt(0.75) * rng.normal(size=real.shape) for _ in range(2))
        off = self.shift * np.eye(self.width)[0]
        if self.is_null:
            return real * self.spreads, first * self.spreads + off, second * self.spreads + off
        return real * self.spreads, first * self.spreads + off, self.spread * second * self.spreads


WORLDS = (
    World("equal, n = 100, D = 8", 100, 8, True),
    World("equal, n = 60, D = 100", 60, 100, True),
    World("different, n = 100, D = 8", 100, 8, False),
    World("different, n = 60, D = 100", 60, 100, False),
)


def honesty_rows(world: World, rounds: int) -> Iterator[Row]:
    rng = np.random.default_rng(1)
    names = [str(i) for i in range(world.count)]
    pairs, naive, scores = [], [], []
    for seed in range(rounds):
        real, first, second = world.draw(rng)
        models = {"first": first, "second": second}
        found = compare_features(
            real, models, column="fid", names=dict.fromkeys(models, names), real_names=names,
            permutations=99 if world.is_null else 0, resamples=200, seed=seed,
        )  # fmt: skip
        pairs.append(found.pairs[0])
        naive.append(_bootstrap(real, first, rng))
        scores.append(found.scores["first"])
    differences = np.array([pair.difference.value for pair in pairs])
    centre = 0.0 if world.is_null else float(differences.mean())
    if world.is_null:
        rejected = float(np.mean([pair.p <= 0.05 for pair in pairs]))
        yield Row(f"{world.name}: p <= .05", rejected, *AROUND_ALPHA)
        separated = float(np.mean([pair.is_separated for pair in pairs]))
        yield Row(f"{world.name}: called separated", separated, None, 0.05)
    covered = float(np.mean([pair.difference.low <= centre <= pair.difference.high for pair in pairs]))
    yield Row(f"{world.name}: interval covers", covered, *AROUND_COVER, note=f"mean difference {centre:.3f}")
    value = float(np.mean([score.value for score in scores]))
    covered = float(np.mean([score.low <= value <= score.high for score in scores]))
    yield Row(f"{world.name}: one model's interval covers", covered, *AROUND_COVER, note=f"mean {value:.3f}")
    ends = np.array(naive)
    covered = float(np.mean((ends[:, 0] <= value) & (value <= ends[:, 1])))
    yield Row(f"{world.name}: a plain bootstrap of it covers", covered)
    unbiased = [pair.extrapolated for pair in pairs]
    covered = float(np.mean([one.low <= world.truth <= one.high for one in unbiased]))
    mean = float(np.mean([one.value for one in unbiased]))
    note = f"true {world.truth:.3f}, found {mean:.3f}, with the bias {differences.mean():.3f}"
    yield Row(f"{world.name}: interval without bias covers", covered, note=note)


def _bootstrap(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, times: int = 40) -> np.ndarray:
    """Ends of the percentile interval of a distance over images drawn with replacement."""
    found = [
        frechet_distance(real[rows], fake[rows]) for rows in rng.integers(0, len(real), (times, len(real)))
    ]
    return np.quantile(found, [0.025, 0.975])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fid_trust", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=("speed", "honesty"))
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--dimensions", type=int, default=2048)
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=300, help="of each simulation")
    options = parser.parse_args()
    rows = []

    def report(found: Iterator[Row]) -> None:
        for row in found:
            rows.append(row)
            goal = f"goal {row.low or 0:g} to {row.high:g}" if row.high is not None else ""
            verdict = "" if row.is_met else "  MISSED"
            print(
                f"{row.what:58} {row.figure:10.4g}  {goal:20}{verdict} {row.note}",
                file=sys.stderr,
                flush=True,
            )

    if not options.only or "speed" in options.only:
        report(speed_rows(options.count, options.dimensions, options.permutations))
    if not options.only or "honesty" in options.only:
        for world in WORLDS:
            report(honesty_rows(world, options.rounds))
    print(json.dumps([asdict(row) | {"is_met": row.is_met} for row in rows], indent=1))
    return int(not all(row.is_met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
