"""Propose decisions for images that nobody has decided yet, learnt from the decisions so far.

A regularised logistic regression reads what the embedder saw of each face (its leading principal
components), the measurements, and the rules' own verdict. How good it is, is measured on decisions that
it has not seen, with near-duplicates kept on one side, and next to what the rules alone would have said
on the same ones. The queue is ordered by doubt, but so that look-alikes do not follow one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    columns.append(np.where(table["verdict"].to_numpy() == "keep", VERDICT_WEIGHT, -VERDICT_WEIGHT))
    return np.stack(columns, axis=1)


def duplicate_groups(table: pd.DataFrame) -> np.ndarray:
    """A number for each duplicate group, and one of its own for each image outside of any."""
    named = table["duplicate_group"].astype(str)
    return np.where(named == "", np.arange(len(table)), pd.factorize(named)[0] + len(table))


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


MODEL = "logistic-regression-1"
MIN_DECISIONS = 20
MIN_OF_EACH = 5
MAX_DECISIONS = 1500  # the newest; more teach little and cost time
COMPONENTS = 48
FOLDS = 5
STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # inverse regularisation, as scikit-learn's C
_PCA_ROWS = 1500


@dataclass(frozen=True)
class Proposals:
    """What the machine would decide."""

    # Series of float: that an undecided image is kept, by image id, in the table's order. Empty when nothing is
    # proposed.
    probability: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    # Series of float: of the likelier answer, 0.5 to 1: calibrated on decisions that the model had not seen.
    confidence: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    # accuracy_cv, baseline_accuracy: balanced accuracy over the folds, of the model and of the rules alone; None when
    # nothing is proposed.
    accuracy_cv: float | None = None
    baseline_accuracy: float | None = None
    order: tuple[str, ...] = ()  # tuple of str: undecided ids, the most doubtful first, look-alikes apart
    decisions: int = 0  # how many it learnt from
    sentence: str = ""  # what to tell the reviewer: why nothing is proposed, or how good it is

    def as_saved(self) -> dict[str, tuple[float, float]]:
        """Image id to probability of keeping and confidence, as the library stores them."""
        rows = zip(self.probability.index, self.probability, self.confidence, strict=True)
        return {str(key): (float(keep), float(sure)) for key, keep, sure in rows}


def propose(table: pd.DataFrame, embeddings: np.ndarray, decisions: Mapping[str, str]) -> Proposals:
    """Propose a decision for every image that has none.

    Parameters
    ----------
    table
        Index: image id. Columns: ``verdict``, ``duplicate_group`` and measurements.
    embeddings : (N, D) float16 or float32
        Row for row of ``table``; zeros or NaN where there is none.
    decisions
        Image id to ``keep`` or ``reject``, oldest first; others are passed over.

    Raises
    ------
    ValueError
        If table and embeddings differ in length.
    """
    if len(table) != len(embeddings):
        raise ValueError(f"expected one embedding a row, got {len(embeddings)} for {len(table)} rows")
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):  # small matrices: more threads only wait for one another
        return _propose(table, embeddings, decisions)


def _propose(table: pd.DataFrame, embeddings: np.ndarray, decisions: Mapping[str, str]) -> Proposals:
    place = {key: number for number, key in enumerate(table.index)}
    known = {key: value for key, value in decisions.items() if value in ("keep", "reject") and key in place}
    if sentence := _too_few(list(known.values())):
        return Proposals(decisions=len(known), sentence=sentence)
    recent = list(known)[-MAX_DECISIONS:]
    if sentence := _too_few([known[key] for key in recent]):
        recent = list(known)
    rows = np.array([place[key] for key in recent])
    kept = np.array([known[key] == "keep" for key in recent])

    components = principal_components(embeddings, rows)
    features = np.concatenate([components, measured(table)], axis=1)
    groups = duplicate_groups(table)
    strength, unseen, accuracy = _cross_validate(features[rows], kept, groups[rows])
    slope, offset = _calibration(unseen, kept)
    model = _fit(features[rows], kept, strength)

    free = np.array([number for key, number in place.items() if key not in known], dtype=int)
    logit = slope * (features[free] @ model[0] + model[1]) + offset
    probability = pd.Series(1 / (1 + np.exp(-logit)), index=table.index[free], name="probability")
    confidence = probability.where(probability >= 0.5, 1 - probability).rename("confidence")
    baseline = balanced_accuracy(table["verdict"].to_numpy()[rows] == "keep", kept)
    order = doubt_first(confidence.to_numpy(), components[free], groups[free])
    return Proposals(
        probability=probability,
        confidence=confidence,
        accuracy_cv=accuracy,
        baseline_accuracy=baseline,
        order=tuple(str(key) for key in table.index[free][order]),
        decisions=len(rows),
        sentence=f"Learned from {len(rows)} decisions: {accuracy:.0%} right on ones it had not seen, "
        f"where the rules alone are right on {baseline:.0%} (kept and rejected count alike).",
    )


def _too_few(values: list[str]) -> str:
    """Why nothing can be learnt from these decisions, or nothing."""
    kept = values.count("keep")
    rejected = len(values) - kept
    if len(values) < MIN_DECISIONS:
        return f"Nothing is proposed yet: {len(values)} decisions, at least {MIN_DECISIONS} are needed."
    if min(kept, rejected) < MIN_OF_EACH:
        return (
            f"Nothing is proposed yet: {kept} kept and {rejected} rejected, at least {MIN_OF_EACH} of each "
            "are needed to tell them apart."
        )
    return ""


def principal_components(embeddings: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The directions in which images differ most, each scaled to unit variance: (N, K) float64."""
    from sklearn.utils.extmath import randomized_svd

    seen = np.flatnonzero(np.isfinite(embeddings[:, 0]) & (embeddings != 0).any(1))
    if not len(seen):
        return np.zeros((len(embeddings), 0))
    others = np.random.default_rng(0).permutation(seen)[:_PCA_ROWS]
    chosen = np.unique(np.concatenate([np.intersect1d(rows, seen), others]))
    sample = embeddings[chosen].astype(np.float32)
    centre = sample.mean(0)
    _, values, axes = randomized_svd(
        sample - centre, min(COMPONENTS, *sample.shape), n_iter=2, random_state=0
    )
    scale = values / np.sqrt(len(sample))
    # Weaker directions shrink a little rather than being blown up to the strongest one's size.
    axes = axes.T / np.maximum(np.sqrt(scale * scale[0]), 1e-6)
    components = np.zeros((len(embeddings), axes.shape[1]))
    components[seen] = embeddings[seen].astype(np.float32) @ axes - centre @ axes
    return components


def _fit(features: np.ndarray, kept: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Weights and offset of the logit of being kept."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-3).fit(features, kept)
    return model.coef_[0], float(model.intercept_[0])


def _unseen_logits(
    features: np.ndarray, kept: np.ndarray, splits: list[tuple[np.ndarray, np.ndarray]], strength: float
) -> np.ndarray:
    """The logit of each decision from a model that saw neither it nor its duplicates."""
    logits = np.zeros(len(kept))
    for learn, judge in splits:
        weights, offset = _fit(features[learn], kept[learn], strength)
        logits[judge] = features[judge] @ weights + offset
    return logits


def _splits(kept: np.ndarray, groups: np.ndarray, folds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and to judge, by fold: groups stay whole, and each fold has its share of both.

    What scikit-learn's StratifiedGroupKFold is for, without its loop over groups.
    """
    _, member = np.unique(groups, return_inverse=True)
    share = np.bincount(member, kept) / np.bincount(member)
    shuffled = np.random.default_rng(0).permutation(len(share))
    ranked = shuffled[np.argsort(share[shuffled] >= 0.5, kind="stable")]
    fold = np.empty(len(share), dtype=int)
    fold[ranked] = np.arange(len(share)) % folds
    parts = [(np.flatnonzero(fold[member] != f), np.flatnonzero(fold[member] == f)) for f in range(folds)]
    return [(learn, judge) for learn, judge in parts if len(judge) and 0 < kept[learn].mean() < 1]


def _cross_validate(
    features: np.ndarray, kept: np.ndarray, groups: np.ndarray
) -> tuple[float, np.ndarray, float]:
    """The best strength, its unseen logits, and the accuracy where each fold chose its own strength.

    Choosing once and measuring on the same folds would flatter the choice.
    """
    strength, unseen = _choose(features, kept, groups, FOLDS)
    said = np.zeros(len(kept))
    for learn, judge in _splits(kept, groups, FOLDS):
        inner, logits = _choose(features[learn], kept[learn], groups[learn], 3)
        slope, shift = _calibration(logits, kept[learn])
        weights, offset = _fit(features[learn], kept[learn], inner)
        said[judge] = slope * (features[judge] @ weights + offset) + shift
    return strength, unseen, balanced_accuracy(said >= 0, kept)


def _choose(
    features: np.ndarray, kept: np.ndarray, groups: np.ndarray, folds: int
) -> tuple[float, np.ndarray]:
    splits = _splits(kept, groups, folds)
    tried = [(s, _unseen_logits(features, kept, splits, s)) for s in STRENGTHS]
    signs = np.where(kept, 1, -1)
    return min(tried, key=lambda pair: float(np.logaddexp(0, -signs * pair[1]).mean()))


def _calibration(logits: np.ndarray, kept: np.ndarray) -> tuple[float, float]:
    """Slope and offset that make unseen logits honest (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, solver="newton-cholesky")
    scale = max(float(logits.std()), 1e-6)
    model.fit((logits / scale)[:, None], kept)
    slope = float(model.coef_[0, 0]) / scale
    return (
        (slope, float(model.intercept_[0]))
        if slope > 0
        else (0.0, float(np.log(kept.mean() / (1 - kept.mean()))))
    )
