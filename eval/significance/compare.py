"""Is a model better, or is it chance? Numbers of several models under one column, with what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from eval.feature_stats import Moments, samples_of
from eval.significance.cases import Cases
from eval.significance.feature_trust import VALUES, FeatureTrust
from eval.significance.subsets import MetricName
from eval.significance.value_trust import Trusted, compare_values

__all__ = ["ROWS", "Trusted", "compare_features", "compare_values"]

ROWS = 300


def compare_features(
    real: ArrayLike | Moments,
    models: Mapping[str, ArrayLike],
    *,
    column: str,
    metric: MetricName = "fid",
    names: Mapping[str, Sequence[str]] | None = None,
    real_names: Sequence[str] | None = None,
    permutations: int = 1000,
    resamples: int = 400,
    seed: int = 0,
    rows: int = ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> Trusted:
    """Distances of several models from the real images, and whether they differ.

    The numbers themselves come from all images. A difference counts as real (``is_separated``) only if three
    agree: the permutation test (outputs for the same input swapped; Holm over the pairs), the difference's
    interval, and where few images bias the distance the interval of the difference without that bias
    (``extrapolated``), for it depends on the model and can rank the worse one first.

    Parameters
    ----------
    real : (N, D)
        Features; may be memory-mapped. Or moments alone, as files of statistics hold them: for ``fid`` only, without
        a floor, and without the difference that few images make, which needs the images.
    models : (M_i, D) by model
    column
        Key of the column, for the results.
    metric
        ``fid`` or ``kid``.
    names
        By model, what each row is an output for. Models that share inputs are compared on them, in pairs;
        without names, or with other ones, as independent sets.
    real_names
        The real rows' names. Where the real set is the truths of the same inputs, they are drawn together.
    permutations, resamples
        Permutations per pair, and halves per model; 0 leaves p-values, or intervals, out.
    rows
        Rows of a set that tests and intervals look at, a seeded sample where there are more; the cost grows
        with their third power. Intervals are scaled to the whole set; p-values stay on the safe side.
    progress
        Told of permutations done and all of them.

    Returns
    -------
    trusted
        The same for the same arguments, whatever ran before.

    Raises
    ------
    ValueError
        On features that do not fit together, names that do not fit the features, or an unknown metric.
    """
    if not models:
        raise ValueError("expected at least one model, got none.")
    if metric not in VALUES:
        raise ValueError(f"metric must be of {', '.join(VALUES)}, got {metric!r}.")
    if min(permutations, resamples) < 0 or rows < 8:
        raise ValueError(
            "expected permutations and resamples of 0 or more, and at least 8 rows; "
            f"got {permutations}, {resamples}, {rows}."
        )
    moments = real if isinstance(real, Moments) else None
    if moments is not None and metric != "fid":
        raise ValueError(
            f"{metric} needs the features themselves; statistics give the Fréchet distance alone."
        )
    ours = np.asanyarray(real) if moments is None else samples_of(moments)
    arrays = {name: np.asanyarray(fake) for name, fake in models.items()}
    counts = {name: len(fake) for name, fake in arrays.items()}
    given = {name: of for name, of in (names or {}).items() if name in arrays}
    cases = Cases(counts, len(ours), given, real_names, rows, seed, moments is not None)
    return FeatureTrust(
        ours, arrays, cases, column, metric, permutations, resamples, seed, progress, moments
    ).result()
