"""Trying a generator on an example, and measuring it; one at a time, whoever asks."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import streamlit as st
import torch

from core.checkpoints import load_generator
from core.config import pick_device, settings
from core.images import sketch_to_tensor, tensor_to_photo
from core.models.conventions import AdaptedGenerator, Conventions
from core.models.folder import ModelFile, models_folder
from core.models.speed import Speed, keep_speed, measure_speed
from core.runtime import one_torch_thread
from core.sketch_input import prepare_sketch
from dashboard.shared.resources import DEMO
from dashboard.views.draw.drawing import data_url

if TYPE_CHECKING:
    from torch import nn

INPUT_SIDE = 256  # what stage 1 hands over


@dataclass(frozen=True)
class Painted:
    """What a generator made of an example."""

    # Pictures as ``data:`` URLs: what went in as the network sees it, and what came out.
    sketch: str
    photo: str


@st.cache_resource(show_spinner=False)
def _turnstile() -> threading.Lock:
    return threading.Lock()


@st.cache_resource(show_spinner=False, max_entries=1, ttl=600)  # one: the largest takes 0.7 GB
def _network(path: str, fingerprint: str) -> nn.Module:
    return load_generator(Path(path))


@st.cache_data(show_spinner=False, max_entries=64)
def _paint(path: str, fingerprint: str, settings_key: tuple, example: str) -> Painted:
    conventions = Conventions(*settings_key)
    with _turnstile(), torch.inference_mode(), one_torch_thread():
        adapted = AdaptedGenerator(_network(path, fingerprint), conventions).eval()
        sketch = sketch_to_tensor(example_sketch(example))
        output = adapted(sketch)
        seen = adapted.as_trained(sketch)[:, :1]
    low, high = {"signed": (-1, 1), "unit": (0, 1), "byte": (0, 255)}[conventions.input_range]
    grey = ((seen[0, 0].numpy() - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    photo = tensor_to_photo(output[:, :3])
    return Painted(data_url(np.dstack([grey] * 3)), data_url(photo))


def paint(path: Path, fingerprint: tuple[int, int], conventions: Conventions, example: str) -> Painted:
    """What a generator makes of an example drawing; remembered.

    Raises
    ------
    AssetMissing, ValueError
        If the file is gone or damaged, or the conventions do not fit it.
    RuntimeError
        If the network cannot run at this size, or there is not enough memory.
    """
    key = dataclasses.astuple(conventions)
    return _paint(str(path), "-".join(map(str, fingerprint)), key, example)


def example_sketch(name: str) -> np.ndarray:
    """An example drawing as stage 1 would hand it over, (S, S) uint8."""
    picture = cv2.imread(str(DEMO / "drawings" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        picture = np.full((512, 512), 255, np.uint8)
    return prepare_sketch(picture, INPUT_SIDE)


def measure(model: ModelFile, example: str) -> Speed:
    """Measure a model on this machine, and keep the figure where that is possible.

    Raises
    ------
    AssetMissing, ValueError
        As for `core.models.speed.measure_speed`.
    """
    chosen = settings()
    with _turnstile():
        speed = measure_speed(
            model.path,
            example_sketch(example),
            threads=chosen.threads,
            runtime=chosen.runtime,
            device=str(pick_device(chosen.device)),
        )
    keep_speed(models_folder(), model.name, model.fingerprint, speed)
    return speed
