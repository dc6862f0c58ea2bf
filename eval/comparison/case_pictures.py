"""Keep the pictures of a comparison: those of its cases, and drawings that a generator is asked to paint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from core.errors import UnsafeImage
from core.generate import read_sketch
from core.image_child import decode_in_child
from eval.comparison.cases import best, disagreements, worst
from eval.comparison.pictures import Kind, keep_picture, picture_path
from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.result import Comparison
from eval.comparison.sources import Material
from eval.comparison.stages import MOST_PICTURES, Stages
from eval.decoding import decode_as_seen
from eval.sets.contents import Item
from eval.sets.generated import Pipeline, refined_of


def keep_case_pictures(folder: Path, comparison: Comparison, material: Material, stages: Stages) -> None:
    """Keep truth, drawing, refined drawing, outputs and nearest training photos of up to 240 cases.

    Where there are more, the worst, the best and the most disputed of every column are among them, and the rest
    is spread evenly.
    """
    names = shown_cases(comparison)
    sets: list[tuple[Kind, str, Mapping[str, Item]]] = [("real", "", material.real.by_name)]
    if material.sketches is not None:
        sets.append(("sketch", "", material.sketches.by_name))
    for model, images in material.fakes.items():
        sets.append(("model", model, images.by_name))
        if (refined := refined_of(images)) is not None:
            sets.append(("refined", model, refined.by_name))
    jobs = [(kind, model, items[name]) for kind, model, items in sets for name in names if name in items]
    if material.training is not None:
        training = material.training.by_name
        near = _near(comparison, set(names))
        jobs += [("training", "", training[name]) for name in sorted(near) if name in training]
    for done, (kind, model, item) in enumerate(jobs, start=1):
        stages("keeping pictures", done, len(jobs))
        path = picture_path(folder, kind, item.name, model)
        if path.is_file():
            continue
        try:
            pixels = decode_in_child(decode_as_seen, item.read())
        except (UnsafeImage, OSError):
            continue
        keep_picture(path, np.asarray(pixels, np.uint8))


def shown_cases(comparison: Comparison) -> tuple[str, ...]:
    """Which cases the page has pictures of, in their order."""
    names = [case.name for case in comparison.cases]
    if len(names) <= MOST_PICTURES:
        return tuple(names)
    chosen: set[str] = set()
    for column in (one.key for one in comparison.columns if one.per_case):
        for model in comparison.models:
            ranked = worst(comparison, model.name, column, 4) + best(comparison, model.name, column, 2)
            chosen.update(one.name for one in ranked)
        chosen.update(one.name for one in disagreements(comparison, column, 4))
    spread = np.linspace(0, len(names) - 1, max(MOST_PICTURES - len(chosen), 2)).round().astype(int)
    chosen.update(names[i] for i in spread)
    return tuple(name for name in names if name in chosen)


def _near(comparison: Comparison, names: set[str]) -> set[str]:
    found = set()
    for nearest in (
        comparison.real_nearest_training,
        *(model.nearest_training for model in comparison.models),
    ):
        for case, one in zip(comparison.cases, nearest, strict=False):
            if one is not None and case.name in names:
                found.add(one[0])
    return found


EXTENSIONS = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def keep_drawings(
    request: ComparisonRequest, folder: Path, stages: Stages, load: Callable[[], Pipeline]
) -> tuple[str, ...]:
    """Have every generator of a request draw its drawings, and keep the pictures as those of cases.

    Parameters
    ----------
    load
        Gives the pipeline; called only if there is something to draw.

    Returns
    -------
    names
        Of the drawings; none without drawings or generators.
    """
    sources = {name: one for name, one in request.fakes.items() if isinstance(one, GeneratorSource)}
    if request.drawings is None or not sources:
        return ()
    files = sorted(path for path in request.drawings.iterdir() if path.suffix.lower() in EXTENSIONS)
    pipeline = load()
    sketches = {path.stem: read_sketch(path) for path in files}
    for done, (name, sketch) in enumerate(sketches.items(), start=1):
        keep_picture(picture_path(folder, "sketch", name), sketch)
        for model, source in sources.items():
            stages("drawing the drawings", done, len(sketches))
            result = pipeline(sketch, **source.settings.arguments())
            for kind, picture in (("model", result.photo), ("refined", result.refined_sketch)):
                if picture is not None:
                    keep_picture(picture_path(folder, kind, name, model), picture)  # type: ignore[arg-type]
    return tuple(sketches)
