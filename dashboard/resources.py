"""What all visitors share, read-only: the networks, the example drawings, the guide, the style sheet."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from core.config import ROOT, settings
from dashboard.drawing import data_url, fabric_from_strokes
from dashboard.state import Drawing, Look, drawing_from

if TYPE_CHECKING:
    from core.pipeline import FaceResult

DEMO = ROOT / "data" / "demo"
ASSETS = Path(__file__).resolve().parent / "assets"
Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Example:
    """A drawing that a visitor may start from."""

    name: str
    title: str
    drawing: Drawing
    thumbnail: str


def weights_fingerprint(folder: Path) -> Fingerprint:
    """Names, sizes and times of the weights: what the loaded networks depend on."""
    if not folder.is_dir():
        return ()
    files = sorted(folder.glob("*.safetensors"))
    return tuple((file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files)


@st.cache_resource(show_spinner=False, max_entries=1)
def _load_pipeline(
    weights: Path, fingerprint: Fingerprint, device: str, runtime: str
) -> Callable[..., FaceResult]:
    """One pipeline for all visitors; loaded again when weights or settings change."""
    from core.pipeline import SketchToFacePipeline

    return SketchToFacePipeline.load(weights, device=device, runtime=runtime)


@st.cache_resource(show_spinner=False)
def _turnstile() -> threading.Lock:
    """One face at a time: two at once would only make both late on the same cores."""
    return threading.Lock()


def pipeline() -> Callable[..., FaceResult]:
    """The networks, loaded once.

    Raises
    ------
    AssetMissing
        If the weights are not there.
    """
    chosen = settings()
    return _load_pipeline(chosen.weights, weights_fingerprint(chosen.weights), chosen.device, chosen.runtime)


@st.cache_resource(show_spinner=False)
def _loader() -> ThreadPoolExecutor:
    """One thread that loads, whoever asks; what is loaded already it hands out at once."""
    return ThreadPoolExecutor(1, thread_name_prefix="load-networks")


def until_ready(pause_s: float = 0.2) -> Iterator[None]:
    """Load the networks beside the page, coming back to the caller every ``pause_s`` until they are there.

    The first load takes seconds. A page that waited for it in one piece could not take a stroke meanwhile.

    Raises
    ------
    AssetMissing
        If the weights are not there.
    """
    loading = _loader().submit(pipeline)
    while not wait([loading], timeout=pause_s).done:
        yield
    loading.result()


def generate(sketch: np.ndarray, look: Look) -> FaceResult:
    """A face for a sketch (512, 512) uint8.

    Raises
    ------
    AssetMissing
        If the weights are not there.
    """
    networks = pipeline()
    with _turnstile():
        return networks(sketch, t=look.keep_lines, k=look.neighbour_count, mode=look.mode)


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
def asset_text(name: str) -> str:
    """A style sheet or script of ``dashboard/assets``."""
    return (ASSETS / name).read_text(encoding="utf-8")


def thumbnail(source: Path | np.ndarray, side: int = 128) -> str:
    """A small PNG of a picture, ready for HTML."""
    image = Image.open(source).convert("RGB") if isinstance(source, Path) else Image.fromarray(source)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return data_url(np.asarray(image))


@st.cache_data(show_spinner=False, max_entries=4096)
def face_url(sketch: np.ndarray) -> str:
    """A training face's sketch, small; the same few come back stroke after stroke."""
    return thumbnail(sketch, 96)
