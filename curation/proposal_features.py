"""What proposals are learnt from beside the embedding, and the order in which doubt is worked off."""

from __future__ import annotations

import numpy as np
import pandas as pd

from curation.library.records import MEASUREMENT_NAMES

SPREAD_ROWS = 400  # so many of the least sure are spread out; nobody reviews more in one go
VERDICT_WEIGHT = 3.0  # large against the penalty, so that agreeing with the rules is learnt first


def measured(table: pd.DataFrame) -> np.ndarray:
    """Measurements as robust z-scores, their distance from the middle, and the verdict: (N, M) float64."""
    columns = []
    for name in MEASUREMENT_NAMES:
        if name not in table:
            continue
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
        if np.isnan(values).all():
            continue
        low, middle, high = np.nanpercentile(values, (16, 50, 84))
        spread = max((high - low) / 2, 1e-3 * (np.nanmax(values) - np.nanmin(values)), 1e-9)
        score = np.nan_to_num(np.clip((values - middle) / spread, -4, 4))
        columns += [score, np.abs(score)]  # a pose is too far to either side
    if "verdict" in table:
        columns.append(np.where(table["verdict"].to_numpy() == "keep", VERDICT_WEIGHT, -VERDICT_WEIGHT))
    return np.stack(columns, axis=1) if columns else np.zeros((len(table), 0))


def duplicate_groups(table: pd.DataFrame) -> np.ndarray:
    """A number for each duplicate group, and one of its own for each image outside of any."""
    own = np.arange(len(table))
    if "duplicate_group" not in table:
        return own
    named = table["duplicate_group"]
    codes, _ = pd.factorize(named.where(named.notna() & (named.astype(str) != ""), None))
    return np.where(codes >= 0, codes + len(table), own)


def doubt_first(confidence: np.ndarray, places: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The most doubtful first, each next one far from all before it; further duplicates go last."""
    by_doubt = np.argsort(confidence, kind="stable")
    _, first = np.unique(groups[by_doubt], return_index=True)
    is_first = np.zeros(len(by_doubt), dtype=bool)
    is_first[first] = True
    alone, repeated = by_doubt[is_first], by_doubt[~is_first]
    head, tail = alone[:SPREAD_ROWS], alone[SPREAD_ROWS:]
    if len(head) < 3:
        return np.concatenate([head, tail, repeated])
    points = places[head]
    doubt = 1.02 - confidence[head]
    nearest = np.full(len(head), np.inf)
    chosen = [0]
    for _ in range(len(head) - 1):
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
        nearest[chosen[-1]] = -np.inf
        worth = np.where(nearest >= 0, doubt**2 * nearest, -np.inf)
        chosen.append(int(np.argmax(worth)))
    return np.concatenate([head[chosen], tail, repeated])


def balanced_accuracy(said: np.ndarray, true: np.ndarray) -> float:
    """Mean of the parts that were right among the kept and among the rejected, 0 to 1."""
    return float((said[true].mean() + (~said[~true]).mean()) / 2)
