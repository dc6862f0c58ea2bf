"""A generator tried on an example drawing: what goes in, what comes out."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import AssetMissing
from core.models.conventions import Conventions
from dashboard.components.pictures import Picture, show_pictures
from dashboard.models.painting import Painted, paint
from dashboard.models.state import ModelsSession
from dashboard.plain_text import as_text
from dashboard.resources import examples


def show_trial(
    path: Path, fingerprint: tuple[int, int], conventions: Conventions, session: ModelsSession, *, key: str
) -> None:
    """Sketch and photo side by side, and the examples to choose from."""
    place = st.container()
    found = {example.name: example for example in examples()}

    def pick(name: str) -> None:
        session.example = name

    show_pictures(
        [Picture(e.name, e.thumbnail, f"Try on: {e.title}") for e in found.values()],
        key=f"{key}_examples",
        on_pick=pick,
        selected=session.example,
    )
    with place:
        painted = try_painting(path, fingerprint, conventions, session.example)
        if painted is not None:
            _show(painted)


def try_painting(
    path: Path, fingerprint: tuple[int, int], conventions: Conventions, example: str
) -> Painted | None:
    """Paint, or say why that cannot be done."""
    try:
        with st.spinner("Painting …"):
            return paint(path, fingerprint, conventions, example)
    except (AssetMissing, ValueError) as error:
        st.error(as_text(error))
    except RuntimeError as error:
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        st.error(f"The network does not run with these settings: {as_text(first[:200])}. Try another size.")
    return None


def _show(painted: Painted) -> None:
    pictures = [("as the network sees it", painted.sketch), ("its photo", painted.photo)]
    if painted.heat:
        pictures.append(("where it looked", painted.heat))
    figures = "".join(
        f'<figure><img src="{url}" alt="{label}"><figcaption>{label}</figcaption></figure>'
        for label, url in pictures
    )
    st.html(f'<div class="model-trial" data-count="{len(pictures)}">{figures}</div>')
