"""The form that asks how a network was trained to read sketches and to write photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.models.conventions import (
    BORDERS,
    COLOURS,
    MAX_IMAGE_SIZE,
    POLARITIES,
    RANGES,
    STATISTICS,
    Conventions,
)
from core.models.families import ModelInfo, build_config
from dashboard.models.words import POLARITY_WORDS, RANGE_WORDS, STATISTICS_WORDS


def ask_conventions(current: Conventions, family: str, config: Mapping[str, Any], *, key: str) -> Conventions:
    """Widgets for all that the weights do not tell; gives what they say now."""
    multiple = build_config(ModelInfo(family, dict(config), {}, "")).multiple
    is_fixed = family == "ugatit" and not config.get("light")
    polarity = st.segmented_control(
        "Lines of the sketches", POLARITIES, default=current.polarity, key=f"{key}_polarity", required=True,
        format_func=lambda value: POLARITY_WORDS[value].capitalize(),
    )  # fmt: skip
    left, right = st.columns(2)
    size = left.number_input(
        "Side in pixels", multiple, MAX_IMAGE_SIZE - MAX_IMAGE_SIZE % multiple, current.image_size, multiple,
        key=f"{key}_size", disabled=is_fixed,
        help="This network works at this size only." if is_fixed else "What it was trained at; other sizes "
        f"work, but look worse. Multiples of {multiple}.",
    )  # fmt: skip
    colour = right.segmented_control(
        "Colours of the photo", COLOURS, default=current.colour, key=f"{key}_colour", required=True,
        format_func=lambda value: value.upper(), help="BGR where the project wrote its photos with OpenCV.",
    )  # fmt: skip
    statistics, border = current.statistics, current.border
    if config.get("norm") == "batch":
        statistics = st.segmented_control(
            "BatchNorm goes by", STATISTICS, default=statistics, key=f"{key}_statistics", required=True,
            format_func=STATISTICS_WORDS.__getitem__,
            help="The projects' test scripts go by each picture unless they are given --eval; take what looks better.",
        )  # fmt: skip
    if config.get("padding") == "reflect" and not config.get("patch", 1) > 1:
        border = st.segmented_control(
            "Borders of its blocks", BORDERS, default=border, key=f"{key}_border", required=True,
            help="replicate where it was trained with --padding_type replicate: its weights do not tell.",
        )  # fmt: skip
    with st.expander("Ranges of values"):
        sides = st.columns(2)
        ranges = {}
        for side, name, label in zip(
            sides, ("input_range", "output_range"), ("Sketch", "Photo"), strict=True
        ):
            ranges[name] = side.selectbox(
                label, RANGES, RANGES.index(getattr(current, name)), key=f"{key}_{name}",
                format_func=RANGE_WORDS.__getitem__,
            )  # fmt: skip
        st.caption(f"Channels of the sketch: {current.input_channels}, from the weights.")
    return Conventions(
        image_size=max(multiple, int(size) - int(size) % multiple),
        input_channels=current.input_channels,
        polarity=polarity,
        colour=colour,
        statistics=statistics,
        border=border,
        **ranges,
    )
