"""Size and speed of the generators that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.config import settings
from core.face_parts.layout import PARTS_FILE
from core.models.folder import AUTOENCODER_FILE, generator_file, list_models, models_folder
from eval.comparison.request import GeneratorSource
from eval.comparison.sources import Material
from eval.sets.generated import read_about


@dataclass(frozen=True)
class ModelFacts:
    """Numbers in the weights of both stages, and milliseconds from drawing to photo when they were drawn here."""

    parameters: int
    ms_per_image: float | None


def model_facts(material: Material) -> dict[str, ModelFacts]:
    """Facts of the models that drew their own set."""
    if not material.sources:
        return {}
    weights = settings().weights
    parameters = {file.path: file.parameters for file in list_models(weights, models_folder())}
    found = {}
    for name, source in material.sources.items():
        about = read_about(material.fakes[name])
        total = sum(parameters.get(path, 0) for path in _files(weights, source))
        found[name] = ModelFacts(total, about.ms_per_image if about else None)
    return found


def _files(weights: Path, source: GeneratorSource) -> list[Path]:
    generator = generator_file(weights, source.generator)
    if source.mode == "none":
        return [generator]
    return [weights / (PARTS_FILE if source.stage1 == "parts" else AUTOENCODER_FILE), generator]
