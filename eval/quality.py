"""How good are the faces? Both stages on the validation sketches and on the demo drawings.

``python -m eval.quality --data DIR --out report.json``, where DIR was made by ``python -m curation.run``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import FRAME
from core.images import save_png
from eval.artifacts import checkerboard_energy, colour_blotchiness
from eval.cases import Case, load_cases, load_drawings
from eval.contact_sheet import contact_sheet
from eval.faithfulness import faithfulness
from eval.paired import mean_absolute_error, psnr
from eval.quality_report import Look, Quality, Setting, drawings_table, report, save_report, table

DRAWINGS = Path(__file__).resolve().parent.parent / "data" / "demo" / "drawings"
Photo = NDArray[np.uint8]
Progress = Callable[[int, int], None]


class Result(Protocol):
    """What of a `core.pipeline.FaceResult` is looked at."""

    @property
    def photo(self) -> Photo | None: ...
    @property
    def refined_sketch(self) -> NDArray[np.uint8] | None: ...


class Found(Protocol):
    """Landmarks (478, 2 or 3) in pixels of the photo."""

    @property
    def points(self) -> np.ndarray: ...


class Detector(Protocol):
    def detect(self, photo: Photo) -> Found | None: ...


Pipeline = Callable[..., Result]


SETTINGS = (
    *(Setting(mode, t) for mode in ("hybrid", "whole") for t in (1.0, 0.5, 0.0)),
    Setting("none", 1.0),
)
REFINED = Setting("hybrid", 0.5)


def measure(
    pipeline: Pipeline,
    detector: Detector,
    cases: Sequence[Case],
    *,
    settings: Sequence[Setting] = SETTINGS,
    progress: Progress | None = None,
) -> tuple[list[Quality], Look]:
    """Run every setting on every sketch and compare with the true photos.

    Returns
    -------
    qualities
        One a setting, in order.
    true_look
        The true photos' own figures at the outputs' size, for comparison (``l1`` 0).

    Raises
    ------
    ValueError
        If no true photo shows a face.
    """
    truths = [(case, points) for case in cases if (points := _landmarks(detector, case.photo)) is not None]
    if not truths:
        raise ValueError("no face was found in any true photo; is this the folder of aligned photos?")
    qualities, size, done = [], FRAME, 0
    for setting in settings:
        found, photos, not_found = [], [], []
        for case, _ in truths:
            photo = pipeline(case.sketch, t=setting.t, mode=setting.mode).photo
            points = _landmarks(detector, photo)
            found.append(points)
            if points is None:
                not_found.append(case.name)
            if photo is not None:
                photos.append((photo, _shrink(case.photo, photo.shape[0])))
                size = photo.shape[0]
            done += 1
            if progress:
                progress(done, len(truths) * len(settings))
        score = faithfulness(found, [points for _, points in truths])
        qualities.append(Quality(setting, score, _look(photos), tuple(not_found)))
    true_photos = [_shrink(case.photo, size) for case, _ in truths]
    return qualities, _look([(photo, photo) for photo in true_photos])


def measure_drawings(
    pipeline: Pipeline,
    detector: Detector,
    drawings: Sequence[Case],
    *,
    settings: Sequence[Setting] = SETTINGS,
) -> dict[str, dict[str, bool]]:
    """For each drawing and setting, whether the photo shows a face."""
    return {
        case.name: {
            setting.label: _landmarks(detector, pipeline(case.sketch, t=setting.t, mode=setting.mode).photo)
            is not None
            for setting in settings
        }
        for case in drawings
    }


def _look(pairs: Sequence[tuple[Photo, Photo]]) -> Look:
    if not pairs:
        return Look(*[float("nan")] * 5)
    grids = [checkerboard_energy(photo) for photo, _ in pairs]
    return Look(
        l1=float(np.mean([mean_absolute_error(photo, true) for photo, true in pairs])),
        psnr_db=float(np.mean([psnr(photo, true) for photo, true in pairs])),
        checkerboard_db=float(np.mean(grids)),
        checkerboard_db_max=float(np.max(grids)),
        blotchiness=float(np.mean([colour_blotchiness(photo) for photo, _ in pairs])),
    )


def _landmarks(detector: Detector, photo: Photo | None) -> NDArray[np.float64] | None:
    """Landmarks of a square photo in the 512 px frame, None where there is no photo or no face."""
    found = detector.detect(photo) if photo is not None else None
    if photo is None or found is None:
        return None
    frame: NDArray[np.float64] = np.asarray(found.points, dtype=np.float64)[:, :2] * (FRAME / photo.shape[0])
    return frame


def _shrink(photo: Photo | None, size: int) -> Photo:
    if photo is None:
        raise ValueError("a validation sketch needs its true photo.")
    return cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)


def sheet_of(pipeline: Pipeline, cases: Sequence[Case], *, side: int = 256) -> Photo:
    """A contact sheet: sketch, refined sketch, the photos at every setting, and the true one."""
    headings = ["sketch", f"refined, {REFINED.label}", *(setting.label for setting in SETTINGS)]
    has_truth = any(case.photo is not None for case in cases)
    rows = []
    for case in cases:
        results = [pipeline(case.sketch, t=setting.t, mode=setting.mode) for setting in SETTINGS]
        row = [
            case.sketch,
            results[SETTINGS.index(REFINED)].refined_sketch,
            *(result.photo for result in results),
        ]
        rows.append([*row, case.photo] if has_truth else row)
    headings += ["true photo"] if has_truth else []
    return contact_sheet(rows, headings, names=[case.name for case in cases], side=side)


def remembering(pipeline: Pipeline, cases: Sequence[Case]) -> Pipeline:
    """The same pipeline, which runs each of these sketches only once a setting; for sheets after figures."""
    own = {id(case.sketch) for case in cases}
    results: dict[tuple[int, float, str], Result] = {}

    def run(sketch: NDArray[np.uint8], *, t: float, mode: str) -> Result:
        if id(sketch) not in own:
            return pipeline(sketch, t=t, mode=mode)
        key = (id(sketch), t, mode)
        if key not in results:
            results[key] = pipeline(sketch, t=t, mode=mode)
        return results[key]

    return run


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m eval.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by python -m curation.run")
    parser.add_argument("--split", choices=("val", "train"), default="val")
    parser.add_argument("--limit", type=int, help="at most so many sketches, spread over the split")
    parser.add_argument("--drawings", type=Path, help="folder of drawings (default: data/demo/drawings)")
    parser.add_argument("--weights", type=Path, help="folder of the trained networks")
    parser.add_argument("--generator", default="pix2pixhd")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, help="JSON report to write")
    parser.add_argument("--sheet", type=Path, help="PNG of the first results to write")
    parser.add_argument("--sheet-rows", type=int, default=12, help="sketches on the sheet")
    parser.add_argument("--drawings-sheet", type=Path, help="PNG of the drawings' results to write")
    options = parser.parse_args(arguments)

    from tqdm import tqdm

    from core.assets import fetch
    from core.landmarks import FaceLandmarker
    from core.pipeline import SketchToFacePipeline

    cases = load_cases(options.data, options.split, limit=options.limit)
    drawings = load_drawings(options.drawings or DRAWINGS)
    networks = SketchToFacePipeline.load(options.weights, device=options.device, generator=options.generator)
    shown = cases[: options.sheet_rows]
    pipeline = remembering(networks, [*shown, *drawings])
    with FaceLandmarker(fetch("face_landmarker.task")) as detector, tqdm(unit="photo", smoothing=0) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        qualities, true_look = measure(pipeline, detector, cases, progress=show)
        faces = measure_drawings(pipeline, detector, drawings)
    facts = {"split": options.split, "generator": options.generator, "runtimes": networks.runtimes}
    save_report(options.out, report(qualities, true_look, faces, **facts))
    for path, pictured in ((options.sheet, shown), (options.drawings_sheet, drawings)):
        if path and pictured:
            save_png(path, sheet_of(pipeline, pictured))
    print(table(qualities, true_look))
    print(drawings_table(faces))


if __name__ == "__main__":
    main()
