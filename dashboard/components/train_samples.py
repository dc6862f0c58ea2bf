"""The pictures that a run painted on its way: the newest, or any before."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import streamlit as st
from PIL import Image, UnidentifiedImageError

from dashboard.train.state import SAMPLE, keep_sample, kept_sample

MAX_SIDE = 1600


def show_samples(run: Path, name: str) -> None:
    """A slider through time above a large picture; at its right end it follows the newest."""
    from core.training.run_files import samples

    found = samples(run)
    if not found:
        st.html(
            '<div class="studio-blank train-blank"><p>The first picture appears with the first samples.</p></div>'
        )
        return
    steps = list(found)
    step = _chosen(steps, name)
    picture = _picture(found[step])
    if picture is None:
        st.caption(f":material/broken_image: The picture of step {step:,} is damaged.")
        return
    with st.container(key="train_picture"):
        st.image(picture, width="stretch")


def _chosen(steps: list[int], name: str) -> int:
    if len(steps) == 1:
        st.html(f'<p class="studio-label studio-tall">Samples of step {steps[0]:,}</p>')
        return steps[0]
    kept = kept_sample(name)
    st.session_state[f"{SAMPLE}_{name}"] = kept if kept in steps else steps[-1]
    step = st.select_slider(
        "Samples of step", steps, key=f"{SAMPLE}_{name}", format_func=lambda step: f"{step:,}"
    )
    keep_sample(name, None if step == steps[-1] else step)
    return step


def _picture(path: Path) -> bytes | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return _shrunk(path, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _shrunk(path: Path, _changed: int) -> bytes | None:
    """What a screen needs of it, as WebP: a tenth of the PNG."""
    try:
        image = Image.open(path).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError):
        return None
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=90)
    return buffer.getvalue()
