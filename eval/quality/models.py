"""The quality check over several models: every generator after every kind of stage 1, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from eval.quality.report import Look, Quality, Setting, report

STAGE1 = ("whole", "parts")
ALL = "all"
HEADLINE = Setting("hybrid", 0.5)


class Models(Protocol):
    """What of a `core.pipeline.SketchToFacePipeline` is used to choose models."""

    @property
    def generators(self) -> list[str]: ...
    @property
    def has_parts(self) -> bool: ...
    def __call__(self, *arguments: Any, **how: Any) -> Any: ...


@dataclass(frozen=True)
class Model:
    """A generator after one kind of stage 1: ``whole`` (one autoencoder) or ``parts`` (five)."""

    generator: str
    stage1: str

    @property
    def label(self) -> str:
        return self.generator if self.stage1 == "whole" else f"{self.generator}, {self.stage1}"

    def file(self, path: Path) -> Path:
        """This model's own name for a file: ``sheet.png`` becomes ``sheet-cyclegan-parts.png``."""
        return path.with_name(f"{path.stem}-{self.generator}-{self.stage1}{path.suffix}")


@dataclass(frozen=True)
class ModelQuality:
    """All figures of one model; see `eval.quality.measure.measure` and `measure_drawings`."""

    model: Model
    qualities: Sequence[Quality]
    true_look: Look
    drawings: Mapping[str, Mapping[str, bool]]


def choose_models(pipeline: Models, generators: Sequence[str], stage1: Sequence[str]) -> list[Model]:
    """The models that were asked for; ``all`` stands for every generator that is there.

    Raises
    ------
    ValueError
        If a generator is not there, or the part autoencoders were asked for and are missing.
    """
    there = pipeline.generators
    names = there if ALL in generators else list(dict.fromkeys(generators))
    if unknown := [name for name in names if name not in there]:
        raise ValueError(f"no generator {', '.join(unknown)}; there are: {', '.join(there) or 'none'}.")
    if unknown := [kind for kind in stage1 if kind not in STAGE1]:
        raise ValueError(f"stage 1 must be of {', '.join(STAGE1)}, got {', '.join(unknown)}.")
    if "parts" in stage1 and not pipeline.has_parts:
        raise ValueError(
            "the five part autoencoders are missing. Restore weights/part_autoencoders.safetensors with git, "
            "train them with python -m core.training.parts, or leave --stage1 parts out."
        )
    return [Model(name, kind) for name in names for kind in dict.fromkeys(stage1)]


def bind(pipeline: Models, model: Model) -> Callable[..., Any]:
    """The pipeline with its model fixed; what is left to choose is t and mode."""
    return partial(pipeline, generator=model.generator, stage1=model.stage1)


def settings_of(settings: Sequence[Setting], model: Model, models: Sequence[Model]) -> tuple[Setting, ...]:
    """The settings in which a model differs from those before it: without stage 1 its kind says nothing."""
    first = next(other for other in models if other.generator == model.generator)
    return tuple(setting for setting in settings if setting.mode != "none" or model == first)


def models_report(measured: Sequence[ModelQuality], **facts: Any) -> dict[str, Any]:
    """Everything as one JSON object: a report of `eval.quality.report.report` for each model."""
    models = [{**asdict(one.model), **report(one.qualities, one.true_look, one.drawings)} for one in measured]
    return {**facts, "models": models}


def summary_table(measured: Sequence[ModelQuality]) -> str:
    """One line a model: the face refined at t = .5, the mode that the Draw page starts with."""
    lines = [
        f"{'model, ' + HEADLINE.label:<34}{'n':>5}{'face':>8}{'mean %':>9}{'p95 %':>8}{'L1':>7}{'PSNR':>7}"
        f"{'grid dB':>9}{'blotch':>8}{'drawings':>10}"
    ]
    for one in measured:
        quality = next((q for q in one.qualities if q.setting == HEADLINE), None)
        if quality is None:
            continue
        score, look = quality.faithfulness, quality.look
        faces = sum(found.get(HEADLINE.label, False) for found in one.drawings.values())
        lines.append(
            f"{one.model.label:<34}{score.n:>5}{score.face_found:>8.1%}{score.mean:>9.2f}{score.p95:>8.2f}"
            f"{look.l1:>7.1f}{look.psnr_db:>7.1f}{look.checkerboard_db:>9.2f}{look.blotchiness:>8.2f}"
            f"{f'{faces}/{len(one.drawings)}':>10}"
        )
    return "\n".join(lines)


def card_table(one: ModelQuality) -> str:
    """The figures in Markdown, for the model's card."""
    lines = [
        "| setting | face found | landmark distance, mean / p95 | L1 | PSNR | grid | blotchiness |",
        "|---|---|---|---|---|---|---|",
    ]
    for quality in one.qualities:
        score, look = quality.faithfulness, quality.look
        lines.append(
            f"| {quality.setting.label} | {score.face_found:.1%} | {score.mean:.2f} / {score.p95:.2f} % | "
            f"{look.l1:.1f} | {look.psnr_db:.1f} dB | {look.checkerboard_db:.1f} dB | {look.blotchiness:.2f} |"
        )
    true = one.true_look
    lines.append(f"| true photos | | | | | {true.checkerboard_db:.1f} dB | {true.blotchiness:.2f} |")
    return "\n".join(lines)
