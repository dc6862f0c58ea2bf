"""What does the heavy work of a comparison, in one place where tests put something small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import settings
from eval.comparison.case_reading import Detector
from eval.comparison.drawn import keep_drawings
from eval.comparison.known_extractors import LazyExtractor
from eval.comparison.model_facts import ModelFacts, model_facts
from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.sources import Material
from eval.comparison.stages import Stages
from eval.extractors import Extractor, file_sha256, load_extractor
from eval.feature_cache import FeatureCache
from eval.metrics.registry import Metric, with_lpips
from eval.protocols import EvaluationProtocol
from eval.sets.contents import ImageSet
from eval.sets.pipelines import weight_hashes

if TYPE_CHECKING:
    from core.pipeline import SketchToFacePipeline


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
        self._pipeline: SketchToFacePipeline | None = None
        self._lpips: tuple[Metric, str] | None = None

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
        """The set of a generator, drawn here or kept."""
        from eval.sets.generated import generate_set

        return generate_set(
            source.generator, source.stage1, source.data, self.cache / "generated",
            split=source.split, mode=source.mode, t=source.t, k=source.k, seed=seed, progress=progress,
            load=self.pipeline, seen=self.features.seen,
        )  # fmt: skip

    def load_extractor(self, protocol: EvaluationProtocol, *, weights: Path | None = None) -> Extractor:
        """The network of a protocol on the device of the settings."""
        return load_extractor(protocol, weights=weights, device=settings().device)

    def detector(self) -> Detector:
        """A face detector of its own. AssetMissing where its model is not on this machine."""
        from core.assets import fetch
        from core.landmarks import FaceLandmarker

        return FaceLandmarker(fetch("face_landmarker.task"))

    def lpips(self, path: Path) -> tuple[Metric, str]:
        """LPIPS from a TorchScript file, and the hash of that file."""
        from eval.metrics.paired_lpips import load_lpips

        if self._lpips is None:
            self._lpips = with_lpips(load_lpips(path)), file_sha256(path)
        return self._lpips

    def model_facts(self, material: Material) -> dict[str, ModelFacts]:
        """Size and speed of the generators."""
        return model_facts(material)

    def keep_drawings(self, request: ComparisonRequest, folder: Path, stages: Stages) -> tuple[str, ...]:
        """Pictures of what the generators make of drawings without a truth; gives the drawings' names."""
        return keep_drawings(request, folder, stages, self.pipeline)

    def pipeline(self) -> SketchToFacePipeline:
        """Both stages with all generators, loaded once."""
        if self._pipeline is None:
            from core.pipeline import SketchToFacePipeline

            chosen = settings()
            self._pipeline = SketchToFacePipeline.load(
                device=chosen.device, runtime=chosen.runtime, upscale=False
            )
        return self._pipeline
