"""Rank and read the cases of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import TracebackType
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import AssetMissing, UnsafeImage
from core.face_frame import FRAME
from core.image_child import decode_in_child
from eval.comparison.formatting import column_of
from eval.comparison.result import Comparison, ModelResult
from eval.decoding import decode_as_seen
from eval.metrics.sketch_agreement import Lines, lines_of, own_sketch
from eval.sets.contents import Item

if TYPE_CHECKING:
    from core.landmarks import FaceLandmarker, FaceLandmarks


@dataclass(frozen=True)
class RankedCase:
    """A case at its place in an order."""

    index: int  # position in ``Comparison.cases``
    name: str  # of the case
    value: float  # what it is ranked by: the score, or between models the distance from best to worst
    values: dict[str, float]  # score of each model that has one


def model_of(comparison: Comparison, name: str) -> ModelResult:
    """Look up the model of a name. ValueError if there is none."""
    for model in comparison.models:
        if model.name == name:
            return model
    raise ValueError(f"no model {name!r}; there are: {', '.join(one.name for one in comparison.models)}.")


def worst(comparison: Comparison, model: str, column: str, count: int = 8) -> tuple[RankedCase, ...]:
    """List the cases a model scored worst in, worst first; cases without a score (no face) are left out."""
    return _ranked(comparison, model, column)[:count]


def best(comparison: Comparison, model: str, column: str, count: int = 8) -> tuple[RankedCase, ...]:
    """List the cases a model scored best in, best first."""
    return tuple(reversed(_ranked(comparison, model, column)))[:count]


def disagreements(comparison: Comparison, column: str, count: int = 8) -> tuple[RankedCase, ...]:
    """List the cases that the models' scores lie furthest apart in, furthest first; at least two must have one."""
    column_of(comparison, column)
    found = []
    for index, case in enumerate(comparison.cases):
        values = _values(comparison, column, index)
        if len(values) > 1:
            spread = max(values.values()) - min(values.values())
            found.append(RankedCase(index, case.name, spread, values))
    return tuple(sorted(found, key=lambda one: (-one.value, one.index))[:count])


def labels_of(comparison: Comparison) -> dict[str, Counter[str]]:
    """List what the cases can be filtered by: of each label its values, and how many cases have each."""
    found: dict[str, Counter[str]] = {}
    for case in comparison.cases:
        for label, value in case.labels.items():
            found.setdefault(label, Counter())[value] += 1
    return {label: found[label] for label in sorted(found)}


def cases_with(comparison: Comparison, wanted: Mapping[str, str]) -> tuple[int, ...]:
    """Positions of the cases that have all wanted labels."""
    return tuple(
        index
        for index, case in enumerate(comparison.cases)
        if all(case.labels.get(label) == value for label, value in wanted.items())
    )


def _ranked(comparison: Comparison, model: str, column: str) -> tuple[RankedCase, ...]:
    sign = 1 if column_of(comparison, column).higher_is_better else -1
    scores = model_of(comparison, model).case_scores.get(column, ())
    found = [
        RankedCase(index, case.name, value, _values(comparison, column, index))
        for index, (case, value) in enumerate(zip(comparison.cases, scores, strict=False))
        if value is not None
    ]
    return tuple(sorted(found, key=lambda one: (sign * one.value, one.index)))


def _values(comparison: Comparison, column: str, index: int) -> dict[str, float]:
    values = {model.name: model.case_scores.get(column, ()) for model in comparison.models}
    return {
        name: value
        for name, scores in values.items()
        if index < len(scores) and (value := scores[index]) is not None
    }


Photo = NDArray[np.uint8]
Points = NDArray[np.float64]
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's mode L
_PHOTOS = 64  # decoded pictures kept in memory


class CaseReader:
    """Reads pictures by their content, as far as they are asked for.

    Parameters
    ----------
    detector
        Makes the face detector; called when the first landmarks are asked for. It may raise `AssetMissing`:
        there are no landmarks then, and ``missing`` says why.
    """

    def __init__(self, detector: Callable[[], FaceLandmarker]) -> None:
        self._make = detector
        self._detector: FaceLandmarker | None = None
        self.missing = ""
        # Of decoded pictures a few are kept, of what is made of them everything.
        self.photo = lru_cache(_PHOTOS)(self._decode)
        self.points = cache(self._find_points)
        self.lines = cache(self._draw_lines)
        self.own_lines = cache(self._draw_own_lines)
        self._measured = cache(self._measure)

    def __enter__(self) -> CaseReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._detector is not None:
            self._detector.__exit__(kind, error, trace)

    def _decode(self, picture: Item) -> Photo | None:
        """Pixels (H, W, 3) uint8, None for a file that is no picture."""
        try:
            return decode_in_child(decode_as_seen, picture.read())
        except (UnsafeImage, OSError):
            return None

    def _find_points(self, picture: Item) -> Points | None:
        """Landmarks (478, 2) in the 512 px face frame, None where no face is found."""
        photo = self.photo(picture)
        found = self._detect(photo) if photo is not None else None
        if photo is None or found is None:
            return None
        return np.asarray(found.points, np.float64)[:, :2] * (FRAME / np.array(photo.shape[1::-1]))

    def _draw_lines(self, sketch: Item) -> Lines | None:
        """Lines of a drawing: (256, 256) bool."""
        photo = self.photo(sketch)
        return None if photo is None else lines_of((photo @ _LUMA + 0.5).astype(np.uint8))

    def _draw_own_lines(self, output: Item) -> Lines | None:
        """Lines of the sketch that an output itself would give; None for one that is not square."""
        photo = self.photo(output)
        if photo is None or photo.shape[0] != photo.shape[1]:
            return None
        points = self.points(output)
        return lines_of(own_sketch(photo, None if points is None else points * (len(photo) / FRAME)))

    def alone(self, picture: Item, like: Item, compute: Callable[[Photo], float]) -> float | None:
        """A measure of one picture, shrunk to the size of another; None where it has no value."""
        photo, other = self.photo(picture), self.photo(like)
        if photo is None or other is None:
            return None
        return self._measured(picture, _smaller(photo, other), compute)

    def _measure(
        self, picture: Item, size: tuple[int, ...], compute: Callable[[Photo], float]
    ) -> float | None:
        photo = self.photo(picture)
        try:
            return None if photo is None else compute(_fit(photo, size))
        except ValueError:  # too small, or not square
            return None

    def _detect(self, photo: Photo) -> FaceLandmarks | None:
        if self._detector is None and not self.missing:
            try:
                self._detector = self._make().__enter__()
            except AssetMissing as error:
                self.missing = str(error)
        return self._detector.detect(photo) if self._detector is not None else None


def same_size(output: Photo, true: Photo) -> tuple[Photo, Photo]:
    """Both at the size of the smaller one, which is shrunk to by area."""
    size = _smaller(output, true)
    return _fit(output, size), _fit(true, size)


def _smaller(output: Photo, true: Photo) -> tuple[int, ...]:
    return min(output.shape[:2], true.shape[:2], key=lambda shape: shape[0] * shape[1])


def _fit(photo: Photo, size: tuple[int, ...]) -> Photo:
    if photo.shape[:2] == size:
        return photo
    return np.asarray(cv2.resize(photo, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8)
