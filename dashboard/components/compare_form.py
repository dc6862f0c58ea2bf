"""The form of a new comparison; every field has a default that works where there is anything to compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.compare.sources import Dataset, datasets, sweep_uploads
from dashboard.compare.state import choose_nothing, choose_result, repeated_result
from dashboard.components.compare_form_models import show_models
from dashboard.components.compare_source import ask_source
from dashboard.components.compare_weights import show_protocol
from dashboard.plain_text import as_code, as_text
from dashboard.server_paths import PathRefused, server_path

if TYPE_CHECKING:
    from eval.comparison.request import ComparisonRequest
    from eval.comparison.shelf import Entry

ANOTHER = "Other photos …"
PERMUTATIONS = 1000
UNFINISHED = ("failed", "cancelled", "interrupted")
SPLITS = {"val": "held out (val)", "test": "test", "train": "train: seen in training"}


def show_form(root: Path, found: Sequence[Entry]) -> None:
    """True photos, models, protocol, start."""
    sweep_uploads(root, found)
    of = next((entry for entry in found if entry.id == repeated_result() and entry.request), None)

    @st.fragment
    def show() -> None:
        _show(root, found, of, key=of.id if of else "new")

    show()


def _show(root: Path, found: Sequence[Entry], of: Entry | None, *, key: str) -> None:
    repeated = of.request if of else None
    goes_on = of is not None and of.state in UNFINISHED
    if goes_on:
        st.info(
            "Change what you like: it goes on with what it has made, as far as that is still asked for.",
            icon=":material/info:",
        )
    title = st.text_input(
        "Name of the comparison", value=repeated.title if repeated else "", key=f"compare_title_{key}", max_chars=80,
        placeholder="Comparison",
    )  # fmt: skip
    st.markdown("##### True photos")
    real = _ask_real(root, repeated, key=key)
    st.markdown("##### Models")
    fakes, checkpoints = show_models(root, repeated, real, key=key)
    st.markdown("##### How to measure")
    protocol, weights = show_protocol(repeated, key=key)
    more = _ask_more(repeated, real, key=key)
    missing = _what_is_missing(real, fakes, protocol) or _refused(more)
    if missing:
        st.caption(f":material/info: {missing}")
    busy = [entry.title for entry in found if entry.state == "running"]
    if busy:
        st.caption(f":material/warning: {as_text(', '.join(busy))} runs too: both will be slower.")
    with st.container(horizontal=True):
        pressed = st.button(
            "Go on" if goes_on else "Start", icon=":material/play_arrow:", type="primary", key="compare_start",
            disabled=bool(missing),
        )  # fmt: skip
        st.button("Back", type="tertiary", key="compare_back", on_click=choose_nothing, disabled=not found)
    if st.session_state.get("compare_back"):
        st.rerun()
    if pressed and real is not None:
        asked: dict[str, Any] = {
            "title": title.strip() or "Comparison", "real": real.path, "fakes": fakes, "protocol": protocol,
            "weights": weights, "split": real.split, "checkpoints": checkpoints, **_kept(repeated), **more,
        }  # fmt: skip
        _start(root, asked, goes_on_with=of.id if of and goes_on else "")


def _kept(repeated: ComparisonRequest | None) -> dict[str, Any]:
    """What the form does not ask for, as the repeated comparison had it."""
    return (
        {name: getattr(repeated, name) for name in ("lpips", "drawings", "pictures", "resamples")}
        if repeated
        else {}
    )


def _ask_real(root: Path, repeated: ComparisonRequest | None, *, key: str) -> Dataset | None:
    offered = datasets(repeated)
    options = [*offered, ANOTHER]
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    picked = left.selectbox(
        "Dataset version", options, key=f"compare_real_{key}",
        help="Made by the Export page. Its held-out photos are what the outputs are compared with.",
    )  # fmt: skip
    if picked in offered:
        return _described(
            Dataset(offered[picked], True, _ask_split(right, offered[picked], repeated, key=key))
        )
    path = ask_source(root, f"compare_real_source_{key}", value=_absolute(repeated))
    if path is None:
        if not offered:
            st.caption(
                "No dataset version is here yet: export one on the Export page, or name your own photos. A folder of "
                "pairs (photos, sketches, manifest.jsonl) lets the generators draw their sets."
            )
        return None
    is_pairs = (path / "manifest.jsonl").is_file() if path.is_dir() else False
    split = _ask_split(right, path, repeated, key=key) if is_pairs else "val"
    return _described(Dataset(path, is_pairs, split))


def _absolute(repeated: ComparisonRequest | None) -> str:
    """The true photos of the repeated comparison; empty where it names a placeholder, as the shipped one does."""
    return str(repeated.real) if repeated is not None and repeated.real.is_absolute() else ""


def _described(real: Dataset) -> Dataset | None:
    problem, words = real.facts()
    if problem:
        st.error(as_text(problem), icon=":material/error:")
        return None
    st.caption(f"{as_text(words)} · {as_code(real.path)}")
    return real


def _ask_split(place: Any, path: Path, repeated: ComparisonRequest | None, *, key: str) -> str:
    """One of the splits that the pairs have; all of them where nothing can be read of them."""
    counts = Dataset(path, is_pairs=True).splits()
    splits = [split for split in SPLITS if not counts or split in counts]
    usual = splits.index(repeated.split) if repeated and repeated.split in splits else 0
    return str(
        place.selectbox(
            "Split", splits, index=usual, key=f"compare_split_{key}_{path}",
            format_func=lambda split: f"{SPLITS[split]} · {counts[split]:,}" if counts else SPLITS[split],
        )
    )  # fmt: skip


def _ask_more(repeated: ComparisonRequest | None, real: Dataset | None, *, key: str) -> dict[str, Any]:
    from eval.metrics.registry import metrics_of

    found: dict[str, Any] = {}
    with st.expander("Further settings"):
        if real is not None and real.is_pairs:
            can_look = real.split != "train" and bool(real.splits().get("train"))
            usual = bool(repeated.training) if repeated else True
            looks = st.toggle(
                "Look for memorised training photos", value=usual and can_look, disabled=not can_look,
                key=f"compare_memory_{key}_{real.path}_{real.split}",
                help="Holds every output against the dataset's training photos." if can_look
                else "This dataset has no training photos besides those that are judged.",
            )  # fmt: skip
            found["training"] = real.path if looks and can_look else None
        else:
            for name, label in (
                ("training", "Folder of training photos"),
                ("sketches", "Folder of sketches"),
            ):
                given = getattr(repeated, name) if repeated else None
                text = st.text_input(
                    label, value=str(given or ""), key=f"compare_{name}_{key}", placeholder="empty: not known",
                    help="Full path on the server; names must match the outputs'.",
                ).strip()  # fmt: skip
                found[name] = _typed(text, label)
        labels = st.text_input(
            "Table of labels", value=str((repeated.labels if repeated else None) or ""), key=f"compare_labels_{key}",
            placeholder="/path/to/metadata.csv", help="A file_name column, and a column for each label to filter by.",
        ).strip()  # fmt: skip
        found["labels"] = _typed(labels, "Table of labels")
        columns = st.columns(3, vertical_alignment="bottom")
        permutations = columns[0].number_input(
            "Permutations", 0, 100_000, repeated.permutations if repeated else PERMUTATIONS, step=100,
            key=f"compare_permutations_{key}", help="Of every test; 0 tests nothing.",
        )  # fmt: skip
        seed = columns[1].number_input(
            "Seed", 0, 10**6, repeated.seed if repeated else 0, key=f"compare_seed_{key}"
        )
        was_per_case = not repeated or not repeated.metrics or "l1" in repeated.metrics
        per_case = columns[2].toggle(
            "Score single cases", value=was_per_case, key=f"compare_per_case_{key}",
            help="Likeness to the photo and to the sketch; several minutes for a hundred faces.",
        )  # fmt: skip
    metrics = () if per_case else tuple(metric.name for metric in metrics_of("features"))
    if per_case and repeated and "l1" in repeated.metrics:
        metrics = repeated.metrics
    return {**found, "permutations": int(permutations), "seed": int(seed), "metrics": metrics}


def _typed(text: str, label: str) -> Path | PathRefused | None:
    """A path, why it is not taken (shown here too), or None where nothing was typed."""
    if not text:
        return None
    try:
        return server_path(text)
    except PathRefused as error:
        st.error(as_text(f"{label}: {error}"), icon=":material/folder_off:")
        return error


def _refused(more: dict[str, Any]) -> str:
    is_refused = any(isinstance(value, PathRefused) for value in more.values())
    return "Correct or empty the path under Further settings." if is_refused else ""


def _what_is_missing(real: Dataset | None, fakes: dict[str, Any], protocol: str) -> str:
    if real is None:
        return "Choose the true photos."
    if not fakes:
        return "Choose at least one generator, or add outputs of your own."
    return "" if protocol else "This protocol needs its weights."


def _start(root: Path, asked: dict[str, Any], *, goes_on_with: str) -> None:
    from eval.comparison.request import ComparisonRequest
    from eval.comparison.shelf import restart, start

    try:
        with st.spinner("Starting …"):
            request = ComparisonRequest(**asked)
            entry = restart(root, goes_on_with, request) if goes_on_with else start(root, request)
    except (ValueError, OSError) as error:
        st.error(as_text(error), icon=":material/error:")
        return
    choose_result(entry.id)
    st.rerun()
