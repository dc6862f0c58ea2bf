"""What all visitors share, read-only: the example drawings, the guide, the style sheet."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from core.config import ROOT
from dashboard.drawing import fabric_from_strokes
from dashboard.face_pictures import thumbnail, tile_url
from dashboard.state import Drawing, drawing_from

DEMO = ROOT / "data" / "demo"
ASSETS = Path(__file__).resolve().parent / "assets"


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


@st.cache_resource(show_spinner=False)
def asset_text(*names: str) -> str:
    """Read style sheets or scripts of ``dashboard/assets``, one after the other."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


@st.cache_resource(show_spinner=False)
def sample_sketch() -> np.ndarray | None:
    """The first example's pixels, (512, 512) uint8; None where the demo material is not there."""
    found = next((path for path in sorted((DEMO / "drawings").glob("*.png"))), None)
    return None if found is None else np.asarray(Image.open(found).convert("L"))


@st.cache_data(show_spinner=False, max_entries=64)
def drawing_url(sketch: np.ndarray | None) -> str:
    """A whole drawing in few bytes; empty where there is none yet."""
    return "" if sketch is None else tile_url(sketch)


@st.cache_data(show_spinner=False, max_entries=4096)
def face_url(sketch: np.ndarray) -> str:
    """A training face's sketch, small; the same few come back stroke after stroke."""
    return thumbnail(sketch, 96)
