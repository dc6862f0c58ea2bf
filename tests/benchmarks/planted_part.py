"""Part of `tests.benchmarks.judging_validity`: readings of photos as they are and with faults, and thresholds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.align import find_alignment, move_points, warp_photo
from curation.analysis import measure
from curation.analysis.faces import find_face
from curation.analysis.measure import AlignedFace, measure_face
from curation.library.records import Measurements
from tests.benchmarks import planted_faults
from tests.benchmarks.skin_tones import skin_tone

BLUR_SIGMAS = (2, 4, 8)
MARGIN = 0.02  # thresholds must find this share more of the first part's faults than is asked for


@dataclass(frozen=True)
class Goal:
    """What a measurement must find, at how many false rejects, and from which end it rejects."""

    column: str
    found: dict[str, float]
    false_rejects: float
    low_is_bad: bool = False


GOALS = (
    Goal("sharpness", {"blur_2": 0.60, "blur_4": 0.95, "blur_8": 0.99}, 0.02, low_is_bad=True),
    Goal("shadow", {"half_shadow": 0.95}, 0.03),
    Goal("backlight", {"back_light": 0.95}, 0.03),
    Goal("colour_cast", {"colour_cast": 0.95}, 0.03),
)


@dataclass
class Part:
    """Readings of one part of the photos: as they are, and with each fault planted."""

    natural: list[Measurements] = field(default_factory=list)
    planted: dict[str, list[Measurements | None]] = field(default_factory=dict)
    tones: list[tuple[float, float]] = field(default_factory=list)  # in the picture, by the eyes
    readings: list[np.ndarray] = field(default_factory=list)
    crops: list[np.ndarray] = field(default_factory=list)
    planted_crops: dict[str, list[np.ndarray]] = field(default_factory=dict)
    find_s: list[float] = field(default_factory=list)
    measure_s: list[float] = field(default_factory=list)


def analyse(photo: np.ndarray, landmarker: FaceLandmarker, part: Part) -> tuple[Any, ...] | None:
    """``(measurements, aligned, points, face)`` of one photo, timed."""
    begin = time.process_time()
    found = find_face(photo, landmarker)
    part.find_s.append(time.process_time() - begin)
    if found is None:
        return None
    alignment = find_alignment(found.points, (photo.shape[1], photo.shape[0]))
    aligned = warp_photo(photo, alignment.matrix)
    begin = time.process_time()
    measured = measure_face(photo, found, aligned, alignment)
    part.measure_s.append(time.process_time() - begin)
    return (
        measured,
        aligned,
        found.points,
        AlignedFace.of(aligned, move_points(found.points, alignment.matrix)),
    )


def read_part(files: Sequence[Path], photos: int, landmarker: FaceLandmarker, *, seed: int) -> Part:
    """Measure all files as they are, and ``photos`` of them with every fault."""
    part, rng = Part(), np.random.default_rng(seed)
    step = max(len(files) // photos, 1)
    for number, path in enumerate(files):
        photo = read_photo(path)
        result = analyse(photo, landmarker, part)
        if result is None:
            continue
        measured, aligned, points, face = result
        part.natural.append(measured)
        part.tones.append((skin_tone(face, by_eyes=False), skin_tone(face, by_eyes=True)))
        part.crops.append(cv2.resize(aligned, (128, 128), interpolation=cv2.INTER_AREA))
        readings = measure.colour_readings(face)
        if readings is not None:
            part.readings.append(readings)
        if number % step == 0:
            for name, faulty in plant_all(photo, points, rng):
                again = analyse(faulty, landmarker, part)
                part.planted.setdefault(name, []).append(None if again is None else again[0])
                crop = photo if again is None else again[1]
                part.planted_crops.setdefault(name, []).append(
                    cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)
                )
    return part


def plant_all(
    photo: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> list[tuple[str, np.ndarray]]:
    """Every fault once. Blur is planted at 1024 px, to which the photo is enlarged."""
    large = cv2.resize(photo, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    return [
        *((f"blur_{sigma}", planted_faults.blur(large, sigma)) for sigma in BLUR_SIGMAS),
        ("half_shadow", planted_faults.half_shadow(photo, points, rng)),
        ("back_light", planted_faults.back_light(photo, points, rng)),
        ("colour_cast", planted_faults.colour_cast(photo, rng)),
    ]


def choose_threshold(part: Part, goal: Goal) -> float:
    """Half-way between what finds a little more than asked for and what false rejects allow."""
    natural = badness(part.natural, goal)
    asked = [
        np.quantile(badness(part.planted[name], goal), max(1 - share - MARGIN, 0.0))
        for name, share in goal.found.items()
    ]
    allowed = np.quantile(natural, 1 - goal.false_rejects * 0.75)
    limit = (max(min(asked), allowed) + allowed) / 2
    return float(-limit if goal.low_is_bad else limit)


def badness(measured: Sequence[Measurements | None], goal: Goal) -> np.ndarray:
    """Values, larger is worse; no face at all is worst."""
    sign = -1 if goal.low_is_bad else 1
    values = [None if m is None else getattr(m, goal.column) for m in measured]
    return np.array([1e9 if value is None else sign * value for value in values])


def is_rejected(measured: Sequence[Measurements | None], goal: Goal, threshold: float) -> np.ndarray:
    """(N,) bool."""
    return badness(measured, goal) > (-threshold if goal.low_is_bad else threshold)


def report_goal(part: Part, goal: Goal, threshold: float) -> dict[str, Any]:
    """What a threshold finds in a part, and what it rejects wrongly."""
    found = {name: float(is_rejected(part.planted[name], goal, threshold).mean()) for name in goal.found}
    return {
        "threshold": round(threshold, 4),
        "found": {name: round(share, 3) for name, share in found.items()},
        "asked": goal.found,
        "false_rejects": round(float(is_rejected(part.natural, goal, threshold).mean()), 4),
        "allowed": goal.false_rejects,
    }
