"""The two things that are measured: features of whole sets, and scores of single cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from eval.comparison.case_scores import FACE_FOUND, CaseInput, CaseScorer, CaseScores
from eval.comparison.case_store import CaseStore
from eval.comparison.kept_features import KeptFeatures
from eval.comparison.known_extractors import LazyExtractor
from eval.comparison.request import ComparisonRequest
from eval.comparison.sources import Material
from eval.comparison.stages import Stages
from eval.comparison.tools import Tools
from eval.feature_stats import Moments
from eval.features import FeatureSet
from eval.protocols import EvaluationProtocol
from eval.sets.contents import ImageSet


@dataclass(frozen=True)
class Extracted:
    """Features of every set under one protocol."""

    real: FeatureSet
    fakes: Mapping[str, FeatureSet]
    checkpoints: Mapping[str, Mapping[int, FeatureSet]]
    training: FeatureSet | None


def extract(
    material: Material,
    chosen: EvaluationProtocol,
    network: LazyExtractor,
    tools: Tools,
    stages: Stages,
    *,
    statistics: Moments | None = None,
) -> Extracted:
    """Features of all sets, from the cache as far as they are there.

    Parameters
    ----------
    statistics
        Of the real set, where nothing else is known of it.
    """

    def features(images: ImageSet, stage: str) -> FeatureSet:
        info = network.info
        return tools.features.features(
            images, chosen, network.extractor, weights_sha256=info.sha256, runtime=info.runtime,
            progress=stages.within(f"features of {stage}"),
        )  # fmt: skip

    fakes = {name: features(images, name) for name, images in material.fakes.items()}
    if statistics is not None:
        like = next(iter(fakes.values()))
        none = np.empty((0, statistics.mean.size), np.float32)
        real = replace(like, features=none, names=(), skipped=(), moments=statistics)
    else:
        real = features(material.real, "real")
    return Extracted(
        real,
        fakes,
        {
            name: {step: features(images, f"{name} at {step}") for step, images in some.items()}
            for name, some in material.checkpoints.items()
        },
        features(material.training, "training photos") if material.training is not None else None,
    )


def without_damaged(material: Material, extracted: Extracted) -> Material:
    """The sets as they were used: pictures that turned out damaged are listed with the reason."""
    fakes = {
        name: images.without({one.name: one.reason for one in extracted.fakes[name].skipped})
        for name, images in material.fakes.items()
    }
    real = material.real.without({one.name: one.reason for one in extracted.real.skipped})
    return replace(material, real=real, fakes=fakes)


def score_cases(
    request: ComparisonRequest, material: Material, tools: Tools, stages: Stages
) -> tuple[CaseScorer, dict[str, CaseScores]]:
    """Scores of every model that shares names with the real set; none where no metric of cases is wanted."""
    lpips, lpips_sha256 = tools.lpips(request.lpips) if request.lpips else (None, "")
    store = CaseStore(tools.cache / "case_scores.sqlite")
    scorer = CaseScorer(store, tools.detector, lpips=lpips, lpips_sha256=lpips_sha256, wanted=request.wants)
    names = material.case_names
    per_case = (FACE_FOUND, *(metric.name for metric in scorer.metrics))
    if not names or not any(request.wants(name) for name in per_case):
        return scorer, {}
    truths = material.real.by_name
    sketches = material.sketches.by_name if material.sketches is not None else {}
    scores = {}
    for model, images in material.fakes.items():
        outputs = images.by_name
        if not outputs.keys() & truths.keys():
            continue
        cases = [CaseInput(name, outputs.get(name), truths.get(name), sketches.get(name)) for name in names]
        scores[model] = scorer.score(cases, seed=request.seed, progress=stages.within(f"cases of {model}"))
    return scorer, scores


def kept_features(extracted: Extracted) -> KeptFeatures:
    """What is kept beside the result."""
    sets = {"real": extracted.real, **extracted.fakes}
    return KeptFeatures(
        {name: one.features for name, one in sets.items()}, {name: one.names for name, one in sets.items()}
    )
