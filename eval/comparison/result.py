"""Hold what a comparison of models says, and the file it is kept in.

The command line, the Compare page and its exports all read this, so they cannot disagree. One comparison is a
folder: ``result.json`` (this), and ``pictures/`` with what the page shows of single cases, which may be missing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from core.atomic_files import write_atomically

SCHEMA = 1
RESULT_FILE = "result.json"
EARLY_FILE = "distances.json"  # of a comparison that is being made: what is known of whole sets
PICTURES = "pictures"

Severity = Literal["misleads", "caution", "note"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class ProtocolUsed(_Part):
    """Everything that the numbers depend on. ``key`` must be equal for two comparisons to be ranked together."""

    name: str
    key: str
    extractor: str  # label for people
    weights: str  # "reference", "package" or "custom"
    weights_sha256: str
    runtime: str
    decoding: str
    resize: str
    samples: int | None
    seed: int
    reference: str


class LeftOut(_Part):
    name: str
    reason: str


class SetUsed(_Part):
    """A set of images as it was used."""

    name: str
    source: str  # for people: a folder's name, "model cyclegan on version 3"
    kind: Literal["folder", "zip", "imagefolder", "model", "memory"]
    digest: str  # of all contents
    count: int
    left_out: tuple[LeftOut, ...] = ()


class Estimate(_Part):
    """A number with its 95 % interval; None where it cannot be known."""

    value: float | None
    low: float | None = None
    high: float | None = None
    error: float | None = None  # standard error, where the metric has one


class Column(_Part):
    """A metric's column. Columns of several protocols are never ranked together."""

    key: str  # "fid_clean", "kid_clean", "landmarks"
    title: str
    unit: str
    higher_is_better: bool
    per_case: bool  # whether every single output has a value

    @field_validator("title")
    @classmethod
    def _spell_as_today(cls, title: str) -> str:
        return title.replace("Frechet", "Fréchet")  # in results of earlier versions


class ModelResult(_Part):
    """One model: its numbers, and per case (in the order of ``Comparison.cases``) what each output scored."""

    name: str
    set: SetUsed
    scores: dict[str, Estimate]  # by column key
    control: dict[str, float | None] = {}  # the same with shuffled partners, by column key
    ignores_input: bool | None = None
    face_found: float | None = None
    parameters: int | None = None
    ms_per_image: float | None = None
    case_scores: dict[str, tuple[float | None, ...]] = {}
    nearest_training: tuple[tuple[str, float] | None, ...] = ()  # name and distance, per case
    map_xy: tuple[tuple[float, float], ...] = ()  # 2-D map of features, per image of the set
    generator: str = ""  # where the set was drawn for this comparison
    stage1: str = ""


class PairResult(_Part):
    """Two models under one column: is the difference real?"""

    column: str
    first: str
    second: str
    difference: Estimate  # first minus second
    p: float | None
    p_adjusted: float | None  # Holm, over the pairs of the column
    is_separated: bool
    is_paired: bool  # whether the same inputs were compared
    needed: int | None  # images per model that would separate them; None: unknown, or beyond reach
    extrapolated: Estimate | None = (
        None  # the difference without the bias of few images, for metrics that have one
    )


class Standing(_Part):
    """A model's place under one column. ``is_best`` only where it is separated from every other."""

    column: str
    model: str
    rank: int  # ties share the smaller
    is_best: bool
    tied_with: tuple[str, ...] = ()


class CurvePoint(_Part):
    count: int
    estimate: Estimate


class Floor(_Part):
    """Real against real at the same number of images, or true photos by themselves: what a perfect model would get."""

    column: str
    estimate: Estimate
    count: int  # images on each side
    note: str = ""
    points: tuple[CurvePoint, ...] = ()  # at fewer images, where it was measured and not extended


class Curve(_Part):
    """A column against the number of images (``over="n"``) or against a run's checkpoints (``over="step"``)."""

    column: str
    model: str
    over: Literal["n", "step"]
    points: tuple[CurvePoint, ...]
    limit: Estimate | None = None  # where the curve goes with ever more images, for ``over="n"``


class Warned(_Part):
    """Something that makes a number mislead."""

    code: str  # of `eval.warnings`
    severity: Severity
    text: str  # one sentence with the figures, and what to do
    sets: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class Case(_Part):
    """One input that all models were given."""

    name: str
    labels: dict[str, str] = {}  # of the dataset: glasses, hair, pose


class Comparison(_Part):
    """A finished comparison. All but ``created`` and ``seconds`` is the same when it is repeated."""

    schema_version: int = SCHEMA
    title: str
    created: str  # UTC, ISO 8601
    seconds: dict[str, float]
    protocol: ProtocolUsed
    settings: dict[str, int | float | str | bool]
    versions: dict[str, str]
    real: SetUsed
    real_map_xy: tuple[tuple[float, float], ...] = ()
    real_nearest_training: tuple[tuple[str, float] | None, ...] = ()  # of the truths, per case
    columns: tuple[Column, ...]
    models: tuple[ModelResult, ...]
    pairs: tuple[PairResult, ...] = ()
    standings: tuple[Standing, ...] = ()
    floors: tuple[Floor, ...] = ()
    curves: tuple[Curve, ...] = ()
    cases: tuple[Case, ...] = ()
    drawings: tuple[str, ...] = ()  # inputs without a truth: shown, never scored; `eval.comparison.pictures`
    warnings: tuple[Warned, ...] = ()


def write_comparison(folder: Path, comparison: Comparison, name: str = RESULT_FILE) -> Path:
    """Keep a comparison in its folder; a reader never sees a part of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    text = json.dumps(comparison.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())
    return path


def read_comparison(path: Path) -> Comparison:
    """Read what `write_comparison` wrote: the file itself, or the folder that holds it.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged or of another version; says which.
    """
    path = path / RESULT_FILE if path.is_dir() else path
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict) or found.get("schema_version") != SCHEMA:
            version = found.get("schema_version") if isinstance(found, dict) else None
            raise ValueError(
                f"{path} is a comparison of version {version}, expected {SCHEMA}. Run the comparison again."
            )
        return Comparison.model_validate(found)
    except (UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise ValueError(f"{path} is damaged ({error}). Delete it, or run the comparison again.") from error
