"""Sharpness: falls with blur, and asks neither light nor noise nor the number of pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.landmarks import FaceLandmarker
from curation.analysis.measure import SIDE, noise_variance
from tests.curation.analysis.measured_face import MeasuredFace, measure_photo


def sharpness(face: MeasuredFace, photo: np.ndarray) -> float:
    value = face.with_photo(photo).sharpness
    assert value is not None
    return value


def test_more_blur_is_less_sharp(face: MeasuredFace) -> None:
    values = [sharpness(face, face.photo)]
    values += [sharpness(face, cv2.GaussianBlur(face.photo, (0, 0), sigma)) for sigma in (1, 2, 4, 8)]
    assert values == sorted(values, reverse=True)
    assert values[2] < 0.75 * values[0]


@pytest.mark.parametrize("gain", [0.35, 0.6])
def test_a_darker_photo_is_as_sharp(face: MeasuredFace, gain: float) -> None:
    dark = (face.photo * gain).astype(np.uint8)
    assert sharpness(face, dark) == pytest.approx(sharpness(face, face.photo), rel=0.1)


def test_a_mirrored_photo_is_as_sharp(face: MeasuredFace, face_landmarker: FaceLandmarker) -> None:
    mirrored = measure_photo(np.ascontiguousarray(face.photo[:, ::-1]), face_landmarker)
    assert mirrored.measurements.sharpness == pytest.approx(face.measurements.sharpness, rel=0.1)


def test_noise_does_not_make_a_blurred_face_sharp(face: MeasuredFace) -> None:
    blurred = cv2.GaussianBlur(face.photo, (0, 0), 3)
    noise = np.random.default_rng(0).normal(0, 8, face.photo.shape)
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    assert sharpness(face, noisy) < 0.7 * sharpness(face, face.photo)


def test_enlarging_a_small_face_does_not_make_it_sharp(face: MeasuredFace) -> None:
    small = cv2.resize(face.photo, (100, 100), interpolation=cv2.INTER_AREA)
    enlarged = cv2.resize(small, (512, 512), interpolation=cv2.INTER_CUBIC)
    assert sharpness(face, enlarged) < 0.85 * sharpness(face, face.photo)


def test_more_pixels_than_needed_change_nothing(face: MeasuredFace, face_landmarker: FaceLandmarker) -> None:
    large = measure_photo(
        cv2.resize(face.photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), face_landmarker
    )
    assert large.measurements.sharpness == pytest.approx(face.measurements.sharpness, rel=0.1)


@pytest.mark.parametrize("sigma", [0.01, 0.05])
def test_the_strength_of_noise_is_read_back(sigma: float) -> None:
    grey = np.linspace(0.2, 0.8, SIDE, dtype=np.float32) * np.ones((SIDE, 1), np.float32)
    noisy = grey + np.random.default_rng(0).normal(0, sigma, grey.shape).astype(np.float32)
    where = np.ones(grey.shape, bool)
    assert noise_variance(noisy, where) == pytest.approx(sigma**2, rel=0.1)
    assert noise_variance(grey, where) == pytest.approx(0, abs=1e-8)
