"""Which models are compared: generators that draw their sets, and outputs that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.compare.sources import Dataset, free_name, generators_here, model_name
from dashboard.compare.state import add_own_set, drop_own_set, own_sets
from dashboard.components.compare_source import ask_source
from dashboard.plain_text import as_text
from dashboard.server_paths import server_path
from eval.comparison.request import Stage1

if TYPE_CHECKING:
    from eval.comparison.request import ComparisonRequest

STAGES: dict[Stage1, str] = {"whole": "Whole face", "parts": "By parts"}


def show_models(
    root: Path, repeated: ComparisonRequest | None, real: Dataset | None, *, key: str
) -> tuple[dict[str, Any], dict[str, dict[int, Path]]]:
    """The sets by model's name, and of some models further sets by training step."""
    fakes: dict[str, Any] = {}
    checkpoints = dict(repeated.checkpoints) if repeated else {}
    if real is None or not real.is_pairs:
        st.caption("Generators draw on pairs: choose a dataset version above, and they are offered here.")
    else:
        fakes |= _ask_generators(repeated, real, key=key)
    if repeated is not None:
        fakes |= _ask_kept(repeated, key=key)
    for number in list(own_sets()):
        with st.container(border=True, key=f"compare_own_{number}"):
            name = st.text_input(
                "Name in the table", key=f"compare_own_name_{number}", placeholder="my model", max_chars=60
            )
            path = ask_source(root, f"compare_own_source_{number}")
            steps = _ask_checkpoints(number)
            st.button("Remove this row", key=f"compare_own_drop_{number}", on_click=drop_own_set, args=(number,),
                      type="tertiary", icon=":material/close:")  # fmt: skip
        if path is not None:
            called = free_name(name or path.stem, list(fakes))
            fakes[called] = path
            checkpoints |= {called: steps} if steps else {}
    st.button("Add outputs of your own", icon=":material/add:", key="compare_own_add", on_click=add_own_set)
    return fakes, {name: steps for name, steps in checkpoints.items() if name in fakes}


def _ask_checkpoints(number: int) -> dict[int, Path]:
    """Samples of earlier checkpoints of the same run, for the curve over its steps."""
    from eval.comparison.sources import checkpoints_of

    text = st.text_input(
        "Samples of its checkpoints", key=f"compare_own_steps_{number}", placeholder="empty: none",
        help="A folder on the server with a folder of pictures for each step, such as step_002000.",
    ).strip()  # fmt: skip
    if not text:
        return {}
    try:
        found = checkpoints_of(server_path(text))
    except (ValueError, OSError) as error:
        st.error(as_text(error), icon=":material/folder_off:")
        return {}
    st.caption(f"{len(found)} checkpoints: {', '.join(f'{step:,}' for step in sorted(found))}")
    return found


def _ask_generators(repeated: ComparisonRequest | None, real: Dataset, *, key: str) -> dict[str, Any]:
    from eval.comparison.request import GeneratorSource

    found = generators_here()
    if not found:
        st.caption("No generator is here. Import one on the Models page.")
        return {}
    before = (
        [source for source in repeated.fakes.values() if isinstance(source, GeneratorSource)]
        if repeated
        else []
    )
    names = [one.name for one in found]
    usual = [name for name in names if not repeated or name in {source.generator for source in before}]
    picked = st.pills(
        "Generators", names, default=usual, selection_mode="multi", format_func=as_text,
        key=f"compare_generators_{key}", help="Each draws a photo from every sketch of the split.",
    )  # fmt: skip
    offered: list[Stage1] = sorted({stage for one in found for stage in one.stages}, reverse=True)
    wanted: list[Stage1] = ["whole"]
    if len(offered) > 1:
        was = [stage for stage in offered if stage in {source.stage1 for source in before}]
        wanted = st.pills(
            "Refine the sketch", offered, default=was or ["whole"], selection_mode="multi",
            format_func=STAGES.__getitem__, key=f"compare_stages_{key}",
            help="With both, every generator is compared twice.",
        )  # fmt: skip
    kept = {(source.generator, source.stage1): source for source in before}
    sources: dict[str, Any] = {}
    for name in picked:
        for stage in wanted:
            old = kept.get((name, stage))
            fields = {"generator": name, "stage1": stage, "data": real.path, "split": real.split}
            source = old.model_copy(update=fields) if old else GeneratorSource(**fields)
            sources[_old_name(repeated, old) or model_name(name, stage)] = source
    return sources


def _old_name(repeated: ComparisonRequest | None, source: Any) -> str:
    """What the repeated comparison called it."""
    if repeated is None or source is None:
        return ""
    return next((name for name, one in repeated.fakes.items() if one is source), "")


def _ask_kept(repeated: ComparisonRequest, *, key: str) -> dict[str, Any]:
    """Folders of the repeated comparison, each with a tick."""
    folders = {name: source for name, source in repeated.fakes.items() if isinstance(source, Path)}
    if not folders:
        return {}
    picked = st.pills(
        "Outputs of the repeated comparison", list(folders), default=list(folders), selection_mode="multi",
        format_func=as_text,
        key=f"compare_folders_{key}",
    )  # fmt: skip
    gone = [name for name in picked if not folders[name].exists()]
    if gone:
        st.warning(
            f"No longer there: {as_text(', '.join(str(folders[name]) for name in gone))}.",
            icon=":material/folder_off:",
        )
    return {name: folders[name] for name in picked if name not in gone}
