"""Give a finished photo another tone of skin or hair: a colour transfer in CIELAB within soft masks.

The masks come from the photo's own colours and from the face frame, which photos keep to: a landmarker would cost as
much as the networks. Lightness follows a power curve, so that light and shadow keep their order and the whites of a
face do not clip.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.conversion.settings import HairTone, SkinTone
from core.face_frame import FRAME, face_mask

Photo = NDArray[np.uint8]
Plane = NDArray[np.float32]
Lab = tuple[float, float, float]

# Skin: medians of the cheeks of aligned training photos lie between L* 50 and 80; hair: by eye on contact sheets.
SKIN_TONES: dict[SkinTone, Lab] = {
    "light": (77.0, 14.0, 18.0),
    "medium": (68.0, 17.5, 24.0),
    "brown": (55.0, 19.0, 26.0),
    "dark": (42.0, 16.0, 21.0),
}
HAIR_TONES: dict[HairTone, Lab] = {
    "black": (12.0, 2.0, 3.0),
    "brown": (28.0, 7.5, 11.5),
    "blond": (57.0, 8.0, 26.0),
    "red": (38.0, 24.0, 28.0),
    "grey": (57.0, 0.5, 4.0),
}
SIDE = 256  # px, of the masks
LEAST_SHARE = 0.005  # of the picture; less is no skin and no hair


def with_tones(photo: Photo, *, skin: SkinTone | None = None, hair: HairTone | None = None) -> Photo:
    """Move skin and hair to tones that were chosen; what is not found stays as it is.

    Parameters
    ----------
    photo : (H, W, 3) uint8
        A face on the template (`core.face_frame`).

    Returns
    -------
    (H, W, 3) uint8
        Eyes, teeth, clothes and a light background as they were; brows and lips go part of the way with the skin.
    """
    lab: Plane = np.asarray(cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    small = np.asarray(cv2.resize(lab, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    on_skin = skin_mask(small)
    if not on_skin.any():
        return photo  # no face, and so no hair
    changed = lab
    if skin is not None:
        changed = _moved(changed, small, on_skin, SKIN_TONES[skin])
    if hair is not None:
        changed = _moved(changed, small, hair_mask(small, on_skin), HAIR_TONES[hair], is_hair=True)
    if changed is lab:
        return photo
    rgb = cv2.cvtColor(changed, cv2.COLOR_LAB2RGB)
    return np.clip(rgb * 255 + 0.5, 0, 255).astype(np.uint8)


def skin_mask(lab: Plane) -> Plane:
    """Find what has the colour of the middle of the face, in light or in shadow.

    Parameters
    ----------
    lab : (SIDE, SIDE, 3) float32
        CIELAB, lightness in [0, 100].

    Returns
    -------
    (SIDE, SIDE) float32 in [0, 1]
        Zero where the middle of the picture shows no skin.
    """
    middle = lab[_px(150) : _px(420), _px(130) : _px(382)].reshape(-1, 3)
    warm = middle[(middle[:, 0] > 25) & (middle[:, 1] > 4) & (middle[:, 2] > 6)]
    if len(warm) < 0.3 * len(middle):
        return np.zeros(lab.shape[:2], np.float32)
    typical = np.median(warm[warm[:, 0] >= np.median(warm[:, 0])], axis=0)
    light, red, yellow = cv2.split(cv2.GaussianBlur(lab, (0, 0), 1))
    in_shadow = np.sqrt(np.clip(light / typical[0], 0.2, 1.3))
    away = np.sqrt(
        ((light - typical[0]) / np.where(light < typical[0], 20, 14)) ** 2
        + ((red - typical[1]) / 8) ** 2
        + ((yellow - typical[2] * in_shadow) / 9) ** 2
    )
    return _softened(np.clip((2.6 - away) / 1.2, 0, 1))


def hair_mask(lab: Plane, on_skin: Plane) -> Plane:
    """Find what is dark, and hangs together with the top of the head or with a beard.

    At its border hair is mixed with what lies behind it: there the mask is the hair's share of the mixture.

    Parameters
    ----------
    lab, on_skin
        As in `skin_mask`, and what that gave.

    Returns
    -------
    (SIDE, SIDE) float32 in [0, 1]
        Zero where no hair is seen.
    """
    light = cv2.GaussianBlur(lab[..., 0], (0, 0), 1)
    beyond = (1 - on_skin) * (1 - face_mask(SIDE))
    ys, xs = np.mgrid[0:SIDE, 0:SIDE] * (FRAME / SIDE)
    head = (((xs - 256) / 190) ** 2 + ((ys - 200) / 205) ** 2 < 1) & (ys < 250)
    seen = light[head & (beyond > 0.5) & (light < 45)]
    if len(seen) < LEAST_SHARE * SIDE**2:
        return np.zeros_like(light)
    own = float(np.median(seen))
    corners = np.concatenate([light[: _px(60), : _px(50)], light[: _px(60), -_px(50) :]])
    ground = max(float(np.median(corners)), own + 34)
    dark = np.clip((own + 24 - light) / 10, 0, 1) * beyond > 0.5
    dark = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _count, bodies = cv2.connectedComponents(dark)
    beard = (np.abs(xs - 256) < 60) & (ys > 425) & (ys < 450)
    found = np.unique(bodies[head | beard])
    hair = np.isin(bodies, found[found > 0]).astype(np.uint8)
    hair = cv2.dilate(hair, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    share = np.clip((ground - 4 - light) / (ground - own - 16), 0, 1) * beyond * hair
    return _softened(share)


def _px(template: float) -> int:
    return round(template * SIDE / FRAME)


def _softened(mask: NDArray[np.floating]) -> Plane:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.2), np.float32)


def _moved(lab: Plane, small: Plane, mask: Plane, target: Lab, *, is_hair: bool = False) -> Plane:
    """Move what is under the mask so that its mean becomes ``target``."""
    weights = mask**2
    if weights.mean() < LEAST_SHARE:
        return lab
    weights = weights / weights.sum()
    mean = np.einsum("yxc,yx->c", small, weights)
    shares = np.clip(small[..., 0] / np.float32(100), 1e-4, 1)
    power = float(np.log(target[0] / 100) / np.log(mean[0] / 100))
    for _ in range(4):  # the mean of powers is not the power of the mean
        power *= float(np.log(target[0] / 100) / np.log((cv2.pow(shares, power) * weights).sum()))
    light = 100 * cv2.pow(np.clip(lab[..., 0] / np.float32(100), 1e-4, 1), power)
    if is_hair:
        # One hue, paler in the dark; and a border that is half background does not shine.
        light = np.minimum(light, np.maximum(lab[..., 0], target[0] + 10))
        paler = np.clip(light / target[0], 0, 1.1)
        colours = [0.25 * (lab[..., c] - mean[c]) + target[c] * paler for c in (1, 2)]
    else:
        colours = [lab[..., c] + (target[c] - mean[c]) for c in (1, 2)]
    moved = cv2.merge([light, *colours]) - lab
    moved *= cv2.resize(mask, lab.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(lab + moved, np.float32)
