"""The pictures of a comparison's cases as the page carries them: small, in place, read once."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from eval.comparison.pictures import find_picture, picture_path
from eval.comparison.result import Comparison, ModelResult
from eval.comparison.wording import number_text

MAX_BYTES = 400_000  # a picture larger than this was not written by a comparison


@dataclass(frozen=True)
class Place:
    """A place in a case's row of pictures: which kind of picture, of which model."""

    kind: str
    model: str
    title: str

    @property
    def is_output(self) -> bool:
        """Whether it is a model's photo, which may be held against the truth."""
        return self.kind == "model"


def places_of(comparison: Comparison, folder: Path, names: Sequence[str]) -> list[Place]:
    """The columns of the grid: sketch, refined, each model, truth; those without a single picture are left out.

    What stage 1 made is shown once for all models that were given the same, and by model where they differ.
    """
    refined = [model for model in comparison.models if _has(folder, "refined", names, model.name)]
    places = [Place("sketch", "", "Sketch")] if _has(folder, "sketch", names) else []
    for stage1 in dict.fromkeys(model.stage1 for model in refined):
        first = next(model for model in refined if model.stage1 == stage1)
        places.append(Place("refined", first.name, "Refined by parts" if stage1 == "parts" else "Refined"))
    places += [
        Place("model", model.name, model.name)
        for model in comparison.models
        if _has(folder, "model", names, model.name)
    ]
    return [*places, Place("real", "", "Truth")] if _has(folder, "real", names) else places


def picture_url(folder: Path, kind: str, name: str, model: str = "") -> str:
    """A kept picture ready for HTML; empty where there is none."""
    path = find_picture(folder, kind, name, model)  # type: ignore[arg-type]
    if path is None:
        return ""
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns) if stat.st_size <= MAX_BYTES else ""
    except OSError:
        return ""


def case_row(
    comparison: Comparison, folder: Path, name: str, places: Sequence[Place], *, column: str
) -> dict[str, Any]:
    """What the browser is told of a case: its pictures, and what each output scored in the column."""
    index = next((i for i, case in enumerate(comparison.cases) if case.name == name), None)
    models = {model.name: model for model in comparison.models}
    labels = comparison.cases[index].labels if index is not None else {}
    tiles = []
    for place in places:
        tile: dict[str, Any] = {
            "src": picture_url(folder, place.kind, name, place.model),
            "score": "",
            "near": None,
        }
        if place.is_output and index is not None:
            tile["score"] = score_text(models[place.model], column, index)
            tile["scores"] = _all_scores(comparison, models[place.model], index)
            tile["near"] = _nearest(models[place.model], index, folder)
        tiles.append(tile)
    return {"name": name, "labels": [f"{key}: {value}" for key, value in labels.items()], "tiles": tiles}


def score_text(model: ModelResult, column: str, index: int) -> str:
    """What a case scored; says so where it has no score, such as a face that was not found."""
    scores = model.case_scores.get(column)
    if scores is None or index >= len(scores):
        return ""
    value = scores[index]
    return "no score" if value is None else number_text(value)


def _all_scores(comparison: Comparison, model: ModelResult, index: int) -> list[list[str]]:
    return [
        [column.title, score_text(model, column.key, index)]
        for column in comparison.columns
        if column.per_case and score_text(model, column.key, index)
    ]


def _nearest(model: ModelResult, index: int, folder: Path) -> dict[str, str] | None:
    found = model.nearest_training[index] if index < len(model.nearest_training) else None
    if found is None:
        return None
    name, distance = found
    return {"name": name, "distance": number_text(distance), "src": picture_url(folder, "training", name)}


def _has(folder: Path, kind: str, names: Sequence[str], model: str = "") -> bool:
    if not names or not picture_path(folder, kind, names[0], model).parent.is_dir():  # type: ignore[arg-type]
        return False
    return any(find_picture(folder, kind, name, model) for name in names)  # type: ignore[arg-type]


@lru_cache(maxsize=2048)
def _read(path: Path, _changed: int) -> str:
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
