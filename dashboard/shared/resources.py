"""Share with all visitors, read-only: the example drawings, the guide, the style sheets, small pictures."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st
from PIL import Image

from core.config import ROOT
from dashboard.shared.texts import language, translate_asset
from dashboard.views.draw.drawing import data_url, fabric_from_strokes, tile_url
from dashboard.views.draw.state import Drawing, drawing_from

GHOST_INK = (86, 70, 214)
HEAT_OPACITY = 0.62


def thumbnail(source: Path | np.ndarray, side: int = 128) -> str:
    """A small PNG of a picture, ready for HTML."""
    image = Image.open(source).convert("RGB") if isinstance(source, Path) else Image.fromarray(source)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_url(np.asarray(image))


def ghost_url(ghost: np.ndarray) -> str:
    """A sketch (S, S) uint8, black on white, as coloured lines on nothing, to lie under the pen."""
    rgba = np.empty((*ghost.shape, 4), np.uint8)
    rgba[..., :3] = GHOST_INK
    rgba[..., 3] = 255 - ghost
    return data_url(rgba)


def heat_url(attention: np.ndarray) -> str:
    """An attention map (S, S) uint8 as colours to lie over the photo, clear where there is little of it."""
    rgba = np.empty((*attention.shape, 4), np.uint8)
    rgba[..., :3] = cv2.applyColorMap(attention, cv2.COLORMAP_INFERNO)[..., ::-1]
    rgba[..., 3] = np.sqrt(attention / 255) * 255 * HEAT_OPACITY
    return data_url(rgba)


DEMO = ROOT / "data" / "demo"
DASHBOARD = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Example:
    """A drawing that a visitor may start from."""

    name: str
    title: str
    drawing: Drawing
    thumbnail: str


@st.cache_resource(show_spinner=False)
def examples() -> tuple[Example, ...]:
    """The drawings of ``data/demo/drawings``, each with a small picture of itself."""
    found = []
    for path in sorted((DEMO / "drawings").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        picture = path.with_suffix(".png")
        if picture.is_file():
            drawing = drawing_from(fabric_from_strokes(content["strokes"]))
            found.append(Example(content["name"], content["title"], drawing, thumbnail(picture)))
    return tuple(found)


@st.cache_resource(show_spinner=False)
def guide_url() -> str:
    """The face to trace, ready for HTML; empty where the demo material is not there."""
    path = DEMO / "guide.png"
    if not path.is_file():
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def asset_text(*names: str) -> str:
    """Read markup, style sheets or scripts, one after the other, in the visitor's language.

    Names are paths below ``dashboard``.
    """
    return _asset_text(language(), names)


@cache
def _asset_text(_language: str, names: tuple[str, ...]) -> str:
    return "\n".join(
        translate_asset((DASHBOARD / name).read_text("utf-8"), Path(name).suffix) for name in names
    )


SHARED_SCRIPTS = ("assets/keys.js", "assets/texts.js", "assets/mount.js", "assets/send.js")


def component(path: str, *scripts: str) -> Any:
    """Register a component, once for each language that its texts come in, and return what mounts it.

    Parameters
    ----------
    path
        Of its script below ``dashboard``, without ``.js``; markup and style sheet lie beside it.
    scripts
        Others of the same page that it needs, besides those that all components share.
    """
    return _component(path, scripts, language())


@cache
def _component(path: str, scripts: tuple[str, ...], wanted: str) -> Any:
    html, css = (
        asset_text(path + ending) if (DASHBOARD / (path + ending)).is_file() else None
        for ending in (".html", ".css")
    )
    name = f"{path.replace('/', '_')}_{wanted}"
    return st.components.v2.component(
        name, html=html, css=css, js=asset_text(*SHARED_SCRIPTS, *scripts, f"{path}.js")
    )


@st.cache_resource(show_spinner=False)
def sample_sketch() -> np.ndarray | None:
    """The first example's pixels, (512, 512) uint8; None where the demo material is not there."""
    found = next((path for path in sorted((DEMO / "drawings").glob("*.png"))), None)
    return None if found is None else np.asarray(Image.open(found).convert("L"))


@st.cache_data(show_spinner=False, max_entries=64)
def drawing_url(sketch: np.ndarray | None) -> str:
    """A whole drawing in few bytes; empty where there is none yet."""
    return "" if sketch is None else tile_url(sketch)


def _digest(picture: np.ndarray) -> bytes:
    """One hash of all bytes, where Streamlit takes many steps, for each of ten pictures at every run."""
    return sha256(repr(picture.shape).encode() + picture.tobytes()).digest()


@st.cache_data(show_spinner=False, max_entries=4096, hash_funcs={np.ndarray: _digest})
def face_url(sketch: np.ndarray) -> str:
    """A training face's sketch, small; the same few come back stroke after stroke."""
    return thumbnail(sketch, 96)
