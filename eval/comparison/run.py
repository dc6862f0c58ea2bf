"""Run a comparison: from sets of images to numbers that can be trusted, in one call for command line and page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from core.processes.jobs import now
from eval.comparison.case_pictures import keep_case_pictures, keep_drawings
from eval.comparison.case_scores import CaseScorer, CaseScores
from eval.comparison.extraction import (
    Extracted,
    LazyExtractor,
    Tools,
    extract,
    kept_features,
    score_cases,
    version_of,
    without_damaged,
)
from eval.comparison.kept_features import write_features
from eval.comparison.request import ComparisonRequest, write_request
from eval.comparison.result import (
    EARLY_FILE,
    Case,
    Comparison,
    ModelResult,
    ProtocolUsed,
    write_comparison,
)
from eval.comparison.score_columns import (
    Insight,
    Numbers,
    Resampling,
    about_models,
    add_case_columns,
    add_feature_columns,
    add_step_curves,
    insight_of,
)
from eval.comparison.sources import Material, gather, is_statistics
from eval.comparison.stages import Stages
from eval.feature_stats import Moments, load_moments
from eval.features import FeatureSet
from eval.protocols import EvaluationProtocol, protocol, require_one_protocol
from eval.sets.contents import ImageSet
from eval.sets.generated import model_facts
from eval.value_cache import ValueCache
from eval.warnings import warnings_of

PACKAGES = (
    "numpy", "scipy", "torch", "openvino", "opencv-contrib-python", "pillow", "torchmetrics", "mediapipe",
)  # fmt: skip


def run_comparison(
    request: ComparisonRequest,
    folder: Path,
    *,
    cache: Path,
    progress: Callable[[str, int, int], None] | None = None,
    tools: Tools | None = None,
) -> Comparison:
    """Compare, and keep the result with its pictures in a folder.

    Parameters
    ----------
    folder
        Made if it is missing; ``result.json``, ``request.json``, ``features.npz`` and ``pictures/`` are written,
        and ``distances.json`` until then: the leaderboard of whole sets, while single cases are scored.
    cache
        What comparisons share: features, scores of cases, generated sets, by content.
    progress
        Called with the stage in words, done and total. What it raises ends the work, and what was computed until
        then stays.
    tools
        What does the heavy work; tests bring their own.

    Raises
    ------
    AssetMissing
        If the protocol's weights are not on this machine.
    FileNotFoundError, ValueError
        If a set is missing, empty or too small, or the request asks for what there is not.
    """
    stages = Stages(progress)
    tools = tools or Tools(cache)
    (folder / EARLY_FILE).unlink(missing_ok=True)  # it may be of other settings
    chosen = protocol(request.protocol)
    network = LazyExtractor(chosen, request.weights, tools.answers, tools.load_extractor)
    tools.check(request, network)
    statistics = reference_statistics(request.real, chosen, network)
    material = gather(
        request,
        chosen,
        partial(tools.generate, seed=request.seed),
        progress=stages,
        open_set=tools.features.open_set,
    )
    extracted = extract(material, chosen, network, tools, stages, statistics=statistics)
    require_one_protocol([extracted.real.key, *(one.key for one in extracted.fakes.values())])
    material = without_damaged(material, extracted)
    facts = {
        name: model_facts(material.fakes[name], source.settings) for name, source in material.sources.items()
    }
    distances = _distances(request, chosen, material, extracted, tools.answers, stages)
    used = _protocol_used(chosen, network, extracted.real, material.real)
    bare = _comparison(
        request, used, material, distances,
        about_models(material, distances, {}, Insight(), wanted=request.wants, facts=facts),
    )  # fmt: skip
    with suppress(OSError):  # a disk that is full for a moment must not end it here
        write_comparison(folder, bare, EARLY_FILE)
    scorer, scores = score_cases(request, material, tools, stages)
    cases = _cases(material) if scores else ()
    numbers = distances.joined(_case_numbers(request, scorer, scores, tools.answers, stages))
    stages("looking closer", 0, 1)
    insight = tools.answers.get(
        Insight,
        [extracted.real.key, *_digests(material), [case.name for case in cases]],
        lambda: insight_of(
            extracted.real, extracted.fakes, extracted.training, [case.name for case in cases]
        ),
    )
    models = about_models(
        material,
        numbers,
        scores,
        insight,
        wanted=request.wants,
        facts=facts,
    )
    comparison = _comparison(request, used, material, numbers, models).model_copy(
        update={
            "real_map_xy": insight.real_map,
            "real_nearest_training": insight.real_nearest,
            "cases": cases,
        }
    )
    missing = {name: found.missing for name, found in scores.items()}
    warned = warnings_of(
        comparison,
        material,
        stages,
        missing=missing,
        dimensions=network.info.dimensions,
        seen=tools.features.seen,
    )
    drawings = keep_drawings(request, folder, stages, tools.pipeline)
    comparison = comparison.model_copy(update={"warnings": warned, "drawings": drawings})
    if request.pictures:
        keep_case_pictures(folder, comparison, material, stages)
    stages.finish()
    comparison = comparison.model_copy(update={"seconds": stages.seconds})
    write_request(folder, request)
    if scores:
        write_features(folder, kept_features(extracted))
    write_comparison(folder, comparison)
    (folder / EARLY_FILE).unlink(missing_ok=True)
    return comparison


def _comparison(
    request: ComparisonRequest,
    used: ProtocolUsed,
    material: Material,
    numbers: Numbers,
    models: tuple[ModelResult, ...],
) -> Comparison:
    """Put columns together, without what is known of single cases."""
    return Comparison(
        title=request.title,
        created=now(),
        seconds={},
        protocol=used,
        settings={
            "seed": request.seed, "permutations": request.permutations, "resamples": request.resamples,
            "split": request.split, **numbers.settings,
        },
        versions={package: found for package in PACKAGES if (found := version_of(package))},
        real=material.real.used(),
        models=models,
        **numbers.parts(),
    )  # fmt: skip


def reference_statistics(real: Path, chosen: EvaluationProtocol, network: LazyExtractor) -> Moments | None:
    """Mean and covariance where the true photos are a file of statistics, else None.

    Raises
    ------
    ValueError
        If the file is damaged, or of another number of features than the protocol's.
    """
    if not is_statistics(real):
        return None
    found = load_moments(real)
    if found.mean.size != network.info.dimensions:
        raise ValueError(
            f"{real} holds statistics of {found.mean.size} features, but {chosen.name} has "
            f"{network.info.dimensions}. Measure with the protocol that they were made by (FID's have 2048)."
        )
    return found


def _distances(
    request: ComparisonRequest,
    chosen: EvaluationProtocol,
    material: Material,
    extracted: Extracted,
    answers: ValueCache,
    stages: Stages,
) -> Numbers:
    """The columns of whole sets."""
    options = Resampling(request.permutations, request.resamples, request.seed)

    def compute() -> Numbers:
        numbers = Numbers()
        progress = stages.within("testing distances")
        add_feature_columns(
            numbers, chosen, extracted.real, extracted.fakes, request.wants, options, progress
        )
        add_step_curves(numbers, chosen, extracted.real, extracted.checkpoints, request.wants)
        return numbers

    return answers.get(Numbers, [extracted.real.key, *_digests(material), request.metrics, options], compute)


def _case_numbers(
    request: ComparisonRequest,
    scorer: CaseScorer,
    scores: Mapping[str, CaseScores],
    answers: ValueCache,
    stages: Stages,
) -> Numbers:
    """The columns of single cases."""
    options = Resampling(request.permutations, request.resamples, request.seed)
    wanted = {
        model: {name: values for name, values in found.values.items() if request.wants(name)}
        for model, found in scores.items()
    }
    of_truth = next(iter(scores.values())).of_truth if scores else {}

    def compute() -> Numbers:
        numbers = Numbers()
        stages("testing cases", 0, 1)
        add_case_columns(numbers, wanted, scorer.metrics, options, of_truth)
        return numbers

    titles = [(metric.name, metric.title, metric.unit) for metric in scorer.metrics]
    return answers.get(Numbers, [wanted, titles, options, of_truth], compute)


def _digests(material: Material) -> list[object]:
    """The content of every set that features are taken of."""
    training = material.training.digest if material.training is not None else ""
    fakes = [(name, images.digest) for name, images in material.fakes.items()]
    steps = [
        (name, step, one.digest) for name, some in material.checkpoints.items() for step, one in some.items()
    ]
    return [material.real.digest, training, fakes, steps]


def _cases(material: Material) -> tuple[Case, ...]:
    return tuple(
        Case(name=name, labels=dict(sorted(material.labels.get(name, {}).items())))
        for name in material.case_names
    )


def _protocol_used(
    chosen: EvaluationProtocol, network: LazyExtractor, features: FeatureSet, real: ImageSet
) -> ProtocolUsed:
    info = network.info
    return ProtocolUsed(
        name=chosen.name, key=f"{features.key}|real {real.digest[:12]}", extractor=info.label, weights=info.weights,
        weights_sha256=info.sha256, runtime=info.runtime, decoding=chosen.decoding, resize=chosen.resize,
        samples=chosen.samples, seed=chosen.seed, reference=chosen.reference,
    )  # fmt: skip
