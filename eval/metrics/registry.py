"""Every metric by name: what it takes, which way is better, and the pure function that computes it.

Five kinds. ``features`` metrics take two sets of features (real, fake), one of each for a whole set. ``photos``,
``lines`` and ``landmarks`` metrics take one output and what it should be, ``output`` metrics the output alone;
`eval.comparison.case_scores` scores a set with them, and keeps the value of every pair for paired tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from numpy.typing import ArrayLike

from eval.metrics.artifacts import checkerboard_energy, colour_blotchiness
from eval.metrics.faithfulness import landmark_distance
from eval.metrics.fid import frechet_distance
from eval.metrics.kid import kernel_distance
from eval.metrics.paired import mean_absolute_error, ms_ssim, psnr, ssim
from eval.metrics.precision_recall import density_coverage, precision_recall
from eval.metrics.sketch_agreement import sketch_agreement

Kind = Literal["features", "photos", "lines", "landmarks", "output"]


@dataclass(frozen=True)
class Value:
    """A number, and its standard error where the metric has one."""

    value: float
    error: float | None = None


@dataclass(frozen=True)
class Metric:
    """One measure: what it is called, what it takes and which way is better."""

    # On the command line and in JSON; the column of a ``features`` metric is ``protocol.column(name)``.
    name: str
    # title, unit: for people.
    title: str
    # What ``compute`` takes: ``features`` (real (N, D), fake (M, D)) -> `Value`; ``photos`` (output, true) (H, W, 3)
    # uint8 -> float; ``output`` (output) -> float, ValueError where it has no value; ``lines`` (output's, input's)
    # from `eval.metrics.sketch_agreement.lines_of` -> float; ``landmarks`` (output's, true) (478, 2 or 3) -> float.
    kind: Kind
    higher_is_better: bool  # which way a table is sorted
    compute: Callable[..., Any]
    unit: str = ""
    minimum: int = 2  # samples that each set needs
    # Least and greatest value that there can be; None where there is no end.
    bounds: tuple[float | None, float | None] = (None, None)


def _fid(real: ArrayLike, fake: ArrayLike) -> Value:
    return Value(frechet_distance(real, fake))


def _kid(real: ArrayLike, fake: ArrayLike) -> Value:
    found = kernel_distance(real, fake)
    return Value(found.value, found.error)


def _precision(real: ArrayLike, fake: ArrayLike) -> Value:
    return Value(precision_recall(real, fake).precision)


def _recall(real: ArrayLike, fake: ArrayLike) -> Value:
    return Value(precision_recall(real, fake).recall)


def _density(real: ArrayLike, fake: ArrayLike) -> Value:
    return Value(density_coverage(real, fake).density)


def _coverage(real: ArrayLike, fake: ArrayLike) -> Value:
    return Value(density_coverage(real, fake).coverage)


_ALL = (
    Metric("fid", "Fréchet distance", "features", False, _fid),
    Metric("kid", "Kernel distance", "features", False, _kid),
    Metric("precision", "Precision", "features", True, _precision, minimum=4),
    Metric("recall", "Recall", "features", True, _recall, minimum=4),
    Metric("density", "Density", "features", True, _density, minimum=6),
    Metric("coverage", "Coverage", "features", True, _coverage, minimum=6),
    Metric("l1", "Mean absolute difference", "photos", False, mean_absolute_error, "grey levels", 1, (0, 255)),
    Metric("psnr", "PSNR", "photos", True, psnr, "dB", 1, (0, None)),
    Metric("ssim", "SSIM", "photos", True, ssim, minimum=1, bounds=(-1, 1)),
    Metric("ms_ssim", "MS-SSIM", "photos", True, ms_ssim, minimum=1, bounds=(0, 1)),
    Metric("chamfer", "Distance to the sketch's lines", "lines", False,
           lambda ours, theirs: sketch_agreement(ours, theirs).chamfer_px, "px at 256", 1, (0, None)),
    Metric("edge_f_2px", "Lines within 2 px", "lines", True,
           lambda ours, theirs: sketch_agreement(ours, theirs).f_2px, minimum=1, bounds=(0, 1)),
    Metric("edge_f_4px", "Lines within 4 px", "lines", True,
           lambda ours, theirs: sketch_agreement(ours, theirs).f_4px, minimum=1, bounds=(0, 1)),
    Metric("landmarks", "Landmark distance", "landmarks", False, landmark_distance, "eye distances", 1, (0, None)),
    Metric("checkerboard", "Checkerboard", "output", False, checkerboard_energy, "dB", 1),
    Metric("blotchiness", "Blotches on the skin", "output", False, colour_blotchiness, "CIELAB", 1, (0, None)),
)  # fmt: skip
METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})


def metrics_of(kind: Kind) -> tuple[Metric, ...]:
    """All metrics of a kind, in the order of the columns."""
    return tuple(one for one in METRICS.values() if one.kind == kind)


def with_lpips(compute: Callable[..., float]) -> Metric:
    """LPIPS as a metric, from what `eval.metrics.paired.load_lpips` gave; it has no weights of its own."""
    return Metric("lpips", "LPIPS", "photos", False, compute, minimum=1, bounds=(0, None))
