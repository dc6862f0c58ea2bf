"""The quality check's figures for one model: sketches in, photos out, compared with the true ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.face_frame import FRAME
from eval.metrics.faithfulness import faithfulness
from eval.metrics.paired import mean_absolute_error, psnr
from eval.quality.artifacts import checkerboard_energy, colour_blotchiness
from eval.quality.cases import Case
from eval.quality.report import Look, Quality, Setting

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
