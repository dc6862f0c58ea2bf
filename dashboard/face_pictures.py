"""Pictures of faces as the page carries them: small, in place, or laid over another. Nothing here knows Streamlit."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dashboard.drawing import data_url

GHOST_INK = (86, 70, 214)
HEAT_OPACITY = 0.62


def thumbnail(source: Path | np.ndarray, side: int = 128) -> str:
    """A small PNG of a picture, ready for HTML."""
    image = Image.open(source).convert("RGB") if isinstance(source, Path) else Image.fromarray(source)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_url(np.asarray(image))


def tile_url(image: np.ndarray, quality: int = 90) -> str:
    """A picture in few bytes, for many side by side: (S, S, 3) or (S, S) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(image).convert("RGB").save(buffer, "WEBP", quality=quality, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def ghost_url(ghost: np.ndarray) -> str:
    """A sketch (S, S) uint8, black on white, as coloured lines on nothing, to lie under the pen."""
    rgba = np.empty((*ghost.shape, 4), np.uint8)
    rgba[..., :3] = GHOST_INK
    rgba[..., 3] = 255 - ghost
    return data_url(rgba)


def heat_url(attention: np.ndarray) -> str:
    """An attention map (S, S) uint8 as colours to lie over the photo, clear where there is little of it."""
    rgba = np.empty((*attention.shape, 4), np.uint8)
    rgba[..., :3] = cv2.applyColorMap(attention, cv2.COLORMAP_TURBO)[..., ::-1]
    rgba[..., 3] = np.sqrt(attention / 255) * 255 * HEAT_OPACITY
    return data_url(rgba)
