"""How good are the faces? Both stages on the validation sketches and on the demo drawings.

``python -m eval.quality --data DIR --out report.json``, where DIR was made by ``python -m curation.run``, looks at
the default model; ``--generators all --stage1 whole parts`` at every one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.images import save_png
from eval.quality.cases import Case, load_cases, load_drawings
from eval.quality.measure import (
    SETTINGS,
    Detector,
    Pipeline,
    Progress,
    measure,
    measure_drawings,
    remembering,
)
from eval.quality.models import (
    STAGE1,
    Model,
    ModelQuality,
    Models,
    bind,
    card_table,
    choose_models,
    models_report,
    settings_of,
    summary_table,
)
from eval.quality.report import drawings_table, save_report, table
from eval.quality.sheets import compare_sheet, sheet_of

DRAWINGS = Path(__file__).resolve().parent.parent / "data" / "demo" / "drawings"


@dataclass(frozen=True)
class Material:
    """What the models are shown: held-out sketches, drawings, and those of them that go on sheets."""

    cases: Sequence[Case]
    drawings: Sequence[Case]
    shown: Sequence[Case]


def measure_models(
    pipeline: Models,
    detector: Detector,
    material: Material,
    models: Sequence[Model],
    *,
    progress: Progress | None = None,
    done: Callable[[ModelQuality, Pipeline], None] | None = None,
) -> list[ModelQuality]:
    """`measure` and `measure_drawings` for each model.

    Parameters
    ----------
    done
        Called after each model with its figures and its pipeline, which remembers what goes on sheets.
    """
    measured = []
    plan = {model: settings_of(SETTINGS, model, models) for model in models}
    total, before = sum(map(len, plan.values())), 0
    for model, settings in plan.items():
        run = remembering(bind(pipeline, model), [*material.shown, *material.drawings])
        qualities, true_look = measure(
            run,
            detector,
            material.cases,
            settings=settings,
            progress=_part_of(progress, before, len(settings), total),
        )
        before += len(settings)
        faces = measure_drawings(run, detector, material.drawings, settings=settings)
        measured.append(ModelQuality(model, qualities, true_look, faces))
        if done:
            done(measured[-1], run)
    return measured


def _part_of(progress: Progress | None, before: int, settings: int, total: int) -> Progress | None:
    """Progress of one model as progress of all: so many settings were done before it."""
    if progress is None:
        return None

    def show(done: int, of: int) -> None:
        progress(of // settings * before + done, of // settings * total)

    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by python -m curation.run")
    parser.add_argument("--split", choices=("val", "train"), default="val")
    parser.add_argument("--limit", type=int, help="at most so many sketches, spread over the split")
    parser.add_argument("--drawings", type=Path, help="folder of drawings (default: data/demo/drawings)")
    parser.add_argument("--weights", type=Path, help="folder of the trained networks")
    parser.add_argument("--generators", "--generator", nargs="+", default=["pix2pixhd"], metavar="NAME",
                        help="generators to look at, or all")  # fmt: skip
    parser.add_argument("--stage1", nargs="+", choices=STAGE1, default=["whole"],
                        help="one autoencoder for the face, five for its parts, or both kinds")  # fmt: skip
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, help="JSON report to write")
    parser.add_argument("--markdown", action="store_true", help="print the tables for the models' cards")
    parser.add_argument("--sheet", type=Path, help="PNG of the first results to write, one a model")
    parser.add_argument("--sheet-rows", type=int, default=12, help="sketches on the sheet")
    parser.add_argument("--drawings-sheet", type=Path, help="PNG of the drawings' results, one a model")
    parser.add_argument("--compare-sheet", type=Path, help="PNG of all models side by side")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)

    from tqdm import tqdm

    from core.assets import fetch
    from core.landmarks import FaceLandmarker
    from core.pipeline import SketchToFacePipeline

    cases = load_cases(options.data, options.split, limit=options.limit)
    drawings = load_drawings(options.drawings or DRAWINGS)
    material = Material(cases, drawings, cases[: options.sheet_rows])
    networks = SketchToFacePipeline.load(options.weights, device=options.device, upscale=False)
    models = choose_models(networks, options.generators, options.stage1)
    runs: dict[str, Pipeline] = {}
    measured: list[ModelQuality] = []

    def finish(one: ModelQuality, run: Pipeline) -> None:
        measured.append(one)
        runs[one.model.label] = run
        facts = {"split": options.split, "runtimes": networks.runtimes}
        save_report(options.out, models_report(measured, **facts))  # what is known so far survives a kill
        settings = [quality.setting for quality in one.qualities]
        for path, pictured in ((options.sheet, material.shown), (options.drawings_sheet, drawings)):
            if path and pictured:
                file = one.model.file(path) if len(models) > 1 else path
                save_png(file, sheet_of(run, pictured, settings=settings))
        print(f"\n{one.model.label}\n{table(one.qualities, one.true_look)}\n{drawings_table(one.drawings)}")
        if options.markdown:
            print(card_table(one))

    with FaceLandmarker(fetch("face_landmarker.task")) as detector, tqdm(unit="photo", smoothing=0) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        measure_models(networks, detector, material, models, progress=show, done=finish)
    if options.compare_sheet:
        save_png(options.compare_sheet, compare_sheet(runs, [*material.shown]))
    print(f"\n{summary_table(measured)}")
