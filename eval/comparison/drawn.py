"""What the generators make of drawings that have no truth: pictures for the page, never a score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.generate import read_sketch
from eval.comparison.pictures import keep_picture, picture_path
from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.comparison.stages import Stages
from eval.sets.generated import Pipeline

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
            result = pipeline(
                sketch,
                generator=source.generator,
                stage1=source.stage1,
                mode=source.mode,
                t=source.t,
                k=source.k,
            )
            for kind, picture in (("model", result.photo), ("refined", result.refined_sketch)):
                if picture is not None:
                    keep_picture(picture_path(folder, kind, name, model), picture)  # type: ignore[arg-type]
    return tuple(sketches)
