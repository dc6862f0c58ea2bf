"""Part of `tests.benchmarks.judging_validity`: are light and dark skin rejected equally often?

Groups follow the individual typology angle (Chardon 1991) of the skin in the aligned crop, twice: as it
stands in the picture, and after exposing the picture for the whites of the eyes. The first calls light
skin dark where the light is poor or comes from the side (most of its darkest group are light people in
harsh light, whom the rules are meant to find); the second comes much closer to the skin itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from scipy.stats import fisher_exact

from core import face_mesh
from curation.analysis.measure import AlignedFace

EYE_WHITE = 0.55  # reflectance that the brightest pixels of the eyes are exposed to
PICTURE_GROUPS = {"dark": -30.0, "brown": 10.0, "tan": 28.0, "intermediate": 41.0, "light": 91.0}
EYES_GROUPS = {"dark and brown": 22.0, "tan": 40.0, "intermediate": 55.0, "light": 91.0}  # upper ends


def skin_tone(face: AlignedFace, *, by_eyes: bool) -> float:
    """Individual typology angle in degrees, -90 to 90: arctan of (L* - 50) over b*, medians of the skin."""
    linear = (face.pixels / 255.0) ** 2.2
    skin = np.median(linear[face.skin], axis=0)
    if by_eyes:
        eyes = face.inside(face_mesh.EYE_LEFT, face_mesh.EYE_RIGHT)
        luma = face.luma[eyes]
        whites = linear[eyes][luma >= np.percentile(luma, 85)].mean(axis=0)
        skin = skin * EYE_WHITE / (whites @ (0.2126, 0.7152, 0.0722))
    colour = (np.clip(skin, 0, 1) ** (1 / 2.2)).astype(np.float32)
    lightness, _, yellow = cv2.cvtColor(colour[None, None], cv2.COLOR_RGB2LAB)[0, 0]
    return float(np.degrees(np.arctan2(lightness - 50, max(float(yellow), 1e-3))))


def compare_skin_tones(
    tones: Sequence[float], rejected: dict[str, np.ndarray], groups: dict[str, float]
) -> dict[str, Any]:
    """Share of each group that each rule rejects.

    Parameters
    ----------
    tones
        Angle of each face.
    rejected
        Rule to (N,) bool.
    groups
        Name to upper end, darkest first.

    Returns
    -------
    comparison
        Per group its size and rates; under ``p`` Fisher's exact test of the darkest group (with the
        second, where the first is tiny) against the lightest.
    """
    which = np.searchsorted(list(groups.values()), np.array(tones), side="right")
    rates: dict[str, Any] = {}
    for number, name in enumerate(groups):
        who = which == number
        shares = {rule: round(float(is_out[who].mean()), 3) for rule, is_out in rejected.items() if who.any()}
        rates[name] = {"photos": int(who.sum())} | shares
    darker = which <= (1 if np.sum(which == 0) < 40 else 0)
    lighter = which == len(groups) - 1
    rates["p"] = {
        rule: round(float(fisher_exact(_table(is_out, darker, lighter)).pvalue), 3)
        for rule, is_out in rejected.items()
    }
    return rates


def _table(is_out: np.ndarray, one: np.ndarray, other: np.ndarray) -> list[list[int]]:
    return [[int((is_out & who).sum()), int((~is_out & who).sum())] for who in (one, other)]
