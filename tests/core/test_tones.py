"""Skin and hair tones: the chosen colour arrives, everything else stays."""

import cv2
import numpy as np
import pytest

from core.conversion.settings import HAIR_TONES, SKIN_TONES, HairTone, SkinTone
from core.tones import HAIR_TONES as HAIR
from core.tones import SKIN_TONES as SKIN
from core.tones import with_tones

GROUND, FACE, TRESSES, SHIRT = (192, 190, 188), (200, 150, 125), (40, 28, 22), (70, 80, 150)
INSIDE, TOP, EYE, LIP, TOOTH = (300, 200), (256, 80), (186, 244), (256, 396), (256, 385)  # x, y


def lab_at(photo: np.ndarray, x: int, y: int, reach: int = 4) -> np.ndarray:
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab[y - reach : y + reach, x - reach : x + reach].reshape(-1, 3).mean(axis=0)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A face of flat colours, lit from the left: skin, hair above it, a shirt, eyes, lips and a tooth."""
    page = np.full((512, 512, 3), GROUND, np.uint8)
    cv2.rectangle(page, (110, 470), (402, 512), SHIRT, -1)
    cv2.ellipse(page, (256, 230), (160, 200), 0, 0, 360, TRESSES, -1)
    cv2.ellipse(page, (256, 290), (130, 180), 0, 0, 360, FACE, -1)
    for centre in (EYE, (326, 244)):
        cv2.ellipse(page, centre, (26, 14), 0, 0, 360, (235, 235, 235), -1)
        cv2.circle(page, centre, 11, (30, 25, 25), -1)
    cv2.ellipse(page, (256, 392), (44, 20), 0, 0, 360, (190, 70, 85), -1)
    cv2.rectangle(page, (236, 380), (276, 390), (240, 238, 230), -1)
    shade = np.linspace(1.04, 0.8, 512)[None, :, None]
    return np.clip(page * shade, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("tone", SKIN_TONES)
def test_the_skin_takes_on_the_tone_and_keeps_its_shading(photo: np.ndarray, tone: SkinTone):
    changed = with_tones(photo, skin=tone)
    middle = np.mean([lab_at(changed, x, 190) for x in (200, 312)], axis=0)
    assert np.linalg.norm(middle - SKIN[tone]) < 6
    assert (
        lab_at(changed, 190, 330)[0] > lab_at(changed, 320, 330)[0] + 1
    )  # the light still comes from the left


@pytest.mark.parametrize("tone", HAIR_TONES)
def test_the_hair_takes_on_the_tone(photo: np.ndarray, tone: HairTone):
    assert np.linalg.norm(lab_at(with_tones(photo, hair=tone), *TOP) - HAIR[tone]) < 6


@pytest.mark.parametrize("tones", [{"skin": "dark"}, {"hair": "blond"}], ids=str)
def test_what_is_neither_stays_as_it_was(photo: np.ndarray, tones: dict[str, str]):
    away = np.abs(with_tones(photo, **tones).astype(int) - photo)
    for x, y in ((20, 20), (490, 300), (256, 500), EYE, TOOTH, LIP):
        assert away[y - 2 : y + 3, x - 2 : x + 3].max() < 10, (x, y)  # of 80 on the skin
    other = TOP if "skin" in tones else INSIDE
    assert away[other[1] - 3 : other[1] + 3, other[0] - 3 : other[0] + 3].max() <= 3


@pytest.mark.parametrize("colour", [192, 12, 255])
def test_a_picture_without_skin_and_hair_is_left_alone(colour: int):
    page = np.full((64, 64, 3), colour, np.uint8)
    changed = with_tones(page, skin="dark", hair="red")
    assert np.abs(changed.astype(int) - page).max() <= 1


def test_without_a_tone_nothing_is_computed(photo: np.ndarray):
    assert with_tones(photo) is photo
