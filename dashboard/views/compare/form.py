"""Ask what is to be compared: reference, models, weights and settings."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.config import settings
from core.conversion.settings import DEFAULT_GENERATOR, STAGE1_KINDS, Stage1
from dashboard.shared import audit
from dashboard.shared.plain_text import as_code, as_text
from dashboard.shared.server_paths import PathRefused, ask_path, ask_server_path, server_path
from dashboard.shared.texts import N_, _
from dashboard.shared.uploads import drop_staged, keep_in_folder, take_staged
from dashboard.views.compare.feature_weights import show_protocol
from dashboard.views.compare.sources import (
    UPLOAD_LIMIT_MB,
    UPLOADS,
    Dataset,
    datasets,
    free_model_name,
    model_name,
    source_path,
    sweep_uploads,
)
from dashboard.views.compare.state import (
    MODEL,
    REPEATED,
    add_own_set,
    choose_nothing,
    choose_result,
    drop_own_set,
    own_sets,
)
from dashboard.views.draw.settings import STAGE1_TITLES
from dashboard.views.models.formatting import model_title

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry
    from eval.comparison.request import ComparisonRequest

WAYS = (N_("On the server"), N_("Upload a zip"))
_KEPT = "compare_kept_upload"


def ask_source(root: Path, key: str, *, value: str = "") -> Path | None:
    """A folder or zip that is there, or None with the reason shown."""
    way = st.segmented_control(
        _("From"),
        WAYS,
        default=WAYS[0],
        required=True,
        key=f"{key}_way",
        label_visibility="collapsed",
        format_func=_,
    )
    if way == WAYS[1]:
        return _ask_upload(root, key)
    text = ask_server_path(
        _("Folder, zip or Hugging Face ImageFolder"), value=value, key=f"{key}_path",
        placeholder="/full/path/on/the/server", endings=(".zip", ".npz"),
    )  # fmt: skip
    if not text:
        return None
    try:
        return source_path(text)
    except ValueError as error:
        st.error(as_text(error), icon=":material/folder_off:")
        return None


def _ask_upload(root: Path, key: str) -> Path | None:
    uploaded = st.file_uploader(
        _("Zip of images, folders in it are searched; up to {gb:g} GB", gb=UPLOAD_LIMIT_MB / 1000),
        type=["zip"], max_upload_size=UPLOAD_LIMIT_MB, key=f"{key}_file",
    )  # fmt: skip
    if uploaded is None:
        return None
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    if (path := kept.get(uploaded.file_id)) and Path(path).is_file():
        return Path(path)
    files = take_staged(uploaded, limit_mb=UPLOAD_LIMIT_MB)
    if not files:
        return None
    try:
        with st.spinner(_("Keeping it …")):
            found = keep_in_folder(root / UPLOADS / secrets.token_hex(8), files[0])
    except OSError as error:
        st.error(
            _("The upload cannot be kept: {error}.", error=error.strerror or error), icon=":material/error:"
        )
        return None
    drop_staged([uploaded])
    kept[uploaded.file_id] = str(found)
    return found


def show_models(
    root: Path, repeated: ComparisonRequest | None, real: Dataset | None, *, key: str
) -> tuple[dict[str, Any], dict[str, dict[int, Path]]]:
    """The sets by model's name, and of some models further sets by training step."""
    fakes: dict[str, Any] = {}
    checkpoints = dict(repeated.checkpoints) if repeated else {}
    if real is None or not real.is_pairs:
        st.caption(_("Generators draw on pairs: choose a dataset version above, and they are offered here."))
    else:
        fakes |= _ask_generators(repeated, real, key=key)
    if repeated is not None:
        fakes |= _ask_kept(repeated, key=key)
    for number in list(own_sets()):
        with st.container(border=True, key=f"compare_own_{number}"):
            name = st.text_input(
                _("Name in the table"),
                key=f"compare_own_name_{number}",
                placeholder=_("my model"),
                max_chars=60,
            )
            path = ask_source(root, f"compare_own_source_{number}")
            steps = _ask_checkpoints(number)
            st.button(_("Remove this row"), key=f"compare_own_drop_{number}", on_click=drop_own_set, args=(number,),
                      type="tertiary", icon=":material/close:")  # fmt: skip
        if path is not None:
            called = free_model_name(name or path.stem, list(fakes))
            fakes[called] = path
            checkpoints |= {called: steps} if steps else {}
    st.button(
        _("Add outputs of your own"), icon=":material/add:", key="compare_own_add", on_click=add_own_set
    )
    return fakes, {name: steps for name, steps in checkpoints.items() if name in fakes}


def _ask_checkpoints(number: int) -> dict[int, Path]:
    """Samples of earlier checkpoints of the same run, for the curve over its steps."""
    from eval.comparison.sources import checkpoints_of

    text = ask_server_path(
        _("Samples of its checkpoints"), key=f"compare_own_steps_{number}", placeholder=_("empty: none"),
        help=_("A folder on the server with a folder of images for each step, such as step_002000."),
    )  # fmt: skip
    if not text:
        return {}
    try:
        found = checkpoints_of(server_path(text))
    except (ValueError, OSError) as error:
        st.error(as_text(error), icon=":material/folder_off:")
        return {}
    steps = ", ".join(f"{step:,}" for step in sorted(found))
    st.caption(_("{n} checkpoints: {steps}", n=len(found), steps=steps))
    return found


def _ask_generators(repeated: ComparisonRequest | None, real: Dataset, *, key: str) -> dict[str, Any]:
    from core.face_parts.refinement import has_parts
    from core.models.folder import generators
    from eval.comparison.request import GeneratorSource

    weights = settings().weights
    names = list(generators(weights))
    if not names:
        st.caption(_("No generator is here. Import one on the Models page."))
        return {}
    before = (
        [source for source in repeated.fakes.values() if isinstance(source, GeneratorSource)]
        if repeated
        else []
    )
    usual = [name for name in names if not repeated or name in {source.generator for source in before}]
    if (wanted_name := st.query_params.get(MODEL)) in names:
        usual = [name for name in names if name in (wanted_name, DEFAULT_GENERATOR)]
    picked = st.pills(
        _("Generators"), names, default=usual, selection_mode="multi",
        format_func=lambda name: as_text(model_title(name)), key=f"compare_generators_{key}",
        help=_("Each draws a photo from every sketch of the split."),
    )  # fmt: skip
    wanted: list[Stage1] = ["whole"]
    if has_parts(weights):
        was = [stage for stage in STAGE1_KINDS if stage in {source.stage1 for source in before}]
        wanted = st.pills(
            _("Refine the sketch"), STAGE1_KINDS, default=was or ["whole"], selection_mode="multi",
            format_func=lambda stage: _(STAGE1_TITLES[stage]), key=f"compare_stages_{key}",
            help=_("With both, every generator is compared twice."),
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
        _("Outputs of the repeated comparison"), list(folders), default=list(folders), selection_mode="multi",
        format_func=as_text,
        key=f"compare_folders_{key}",
    )  # fmt: skip
    gone = [name for name in picked if not folders[name].exists()]
    if gone:
        st.warning(
            _("No longer there: {names}.", names=as_text(", ".join(str(folders[name]) for name in gone))),
            icon=":material/folder_off:",
        )
    return {name: folders[name] for name in picked if name not in gone}


ANOTHER = N_("Other photos …")
PERMUTATIONS = 1000
UNFINISHED = ("failed", "cancelled", "interrupted")
SPLITS = {"val": N_("held out (val)"), "test": N_("test"), "train": N_("train: seen in training")}


def show_form(root: Path, found: Sequence[Entry]) -> None:
    """True photos, models, protocol, start."""
    sweep_uploads(root, found)
    of = next((entry for entry in found if entry.id == st.query_params.get(REPEATED) and entry.request), None)

    @st.fragment
    def show() -> None:
        _show(root, found, of, key=of.id if of else "new")

    show()


def _show(root: Path, found: Sequence[Entry], of: Entry | None, *, key: str) -> None:
    repeated = of.request if of else None
    goes_on = of is not None and of.state in UNFINISHED
    if goes_on:
        st.info(
            _("Change what you like: it goes on with what it has made, as far as that is still asked for."),
            icon=":material/info:",
        )
    title = st.text_input(
        _("Name of the comparison"), value=repeated.title if repeated else "", key=f"compare_title_{key}",
        max_chars=80, placeholder=_("Comparison"),
    )  # fmt: skip
    st.markdown("##### " + _("True photos"))
    real = _ask_real(root, repeated, key=key)
    st.markdown("##### " + _("Models"))
    fakes, checkpoints = show_models(root, repeated, real, key=key)
    st.markdown("##### " + _("How to measure"))
    protocol, weights = show_protocol(repeated, key=key)
    more = _ask_more(repeated, real, key=key)
    missing = _what_is_missing(real, fakes, protocol)
    if not missing and any(isinstance(value, PathRefused) for value in more.values()):
        missing = _("Correct or empty the path under Further settings.")
    if missing:
        st.caption(f":material/info: {missing}")
    busy = [entry.title for entry in found if entry.state == "running"]
    if busy:
        st.caption(
            ":material/warning: "
            + _("{names} runs too: both will be slower.", names=as_text(", ".join(busy)))
        )
    with st.container(horizontal=True):
        pressed = st.button(
            _("Go on") if goes_on else _("Start"), icon=":material/play_arrow:", type="primary", key="compare_start",
            disabled=bool(missing),
        )  # fmt: skip
        st.button(_("Back"), type="tertiary", key="compare_back", on_click=choose_nothing, disabled=not found)
    if st.session_state.get("compare_back"):
        st.rerun()
    if pressed and real is not None:
        asked: dict[str, Any] = {
            "title": title.strip() or _("Comparison"), "real": real.path, "fakes": fakes, "protocol": protocol,
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
        _("Dataset version"), options, key=f"compare_real_{key}",
        format_func=lambda name: _(name) if name == ANOTHER else name,
        help=_("Made by the Export page. Its held-out photos are what the outputs are compared with."),
    )  # fmt: skip
    if picked in offered:
        return _described(
            Dataset(offered[picked], True, _ask_split(right, offered[picked], repeated, key=key))
        )
    # The shipped comparison names a placeholder.
    known = str(repeated.real) if repeated is not None and repeated.real.is_absolute() else ""
    path = ask_source(root, f"compare_real_source_{key}", value=known)
    if path is None:
        if not offered:
            st.caption(
                _(
                    "No dataset version is here yet: export one on the Export page, or name your own photos. A folder "
                    "of pairs (photos, sketches, manifest.jsonl) lets the generators draw their sets."
                )
            )
        return None
    is_pairs = (path / "manifest.jsonl").is_file() if path.is_dir() else False
    split = _ask_split(right, path, repeated, key=key) if is_pairs else "val"
    return _described(Dataset(path, is_pairs, split))


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
            _("Split"), splits, index=usual, key=f"compare_split_{key}_{path}",
            format_func=lambda split: _(SPLITS[split]) + (f" · {counts[split]:,}" if counts else ""),
        )
    )  # fmt: skip


def _ask_more(repeated: ComparisonRequest | None, real: Dataset | None, *, key: str) -> dict[str, Any]:
    from eval.metrics.registry import metrics_of

    found: dict[str, Any] = {}
    with st.expander(_("Further settings")):
        if real is not None and real.is_pairs:
            can_look = real.split != "train" and bool(real.splits().get("train"))
            usual = bool(repeated.training) if repeated else True
            looks = st.toggle(
                _("Look for memorised training photos"), value=usual and can_look, disabled=not can_look,
                key=f"compare_memory_{key}_{real.path}_{real.split}",
                help=_("Holds every output against the dataset's training photos.") if can_look
                else _("This dataset has no training photos besides those that are judged."),
            )  # fmt: skip
            found["training"] = real.path if looks and can_look else None
        else:
            for name, label in (
                ("training", _("Folder of training photos")),
                ("sketches", _("Folder of sketches")),
            ):
                given = getattr(repeated, name) if repeated else None
                found[name] = ask_path(
                    label, value=str(given or ""), key=f"compare_{name}_{key}", placeholder=_("empty: not known"),
                    help=_("Full path on the server; names must match the outputs'."),
                )  # fmt: skip
        found["labels"] = ask_path(
            _("Table of labels"), value=str((repeated.labels if repeated else None) or ""), key=f"compare_labels_{key}",
            placeholder="/path/to/metadata.csv",
            help=_("A file_name column, and a column for each label to filter by."), endings=(".csv", ".jsonl"),
        )  # fmt: skip
        columns = st.columns(3, vertical_alignment="bottom")
        permutations = columns[0].number_input(
            _("Permutations"), 0, 100_000, repeated.permutations if repeated else PERMUTATIONS, step=100,
            key=f"compare_permutations_{key}", help=_("Of every test; 0 tests nothing."),
        )  # fmt: skip
        seed = columns[1].number_input(
            _("Seed"), 0, 10**6, repeated.seed if repeated else 0, key=f"compare_seed_{key}"
        )
        was_per_case = not repeated or not repeated.metrics or "l1" in repeated.metrics
        per_case = columns[2].toggle(
            _("Score single cases"), value=was_per_case, key=f"compare_per_case_{key}",
            help=_("Likeness to the photo and to the sketch; several minutes for a hundred faces."),
        )  # fmt: skip
    metrics = () if per_case else tuple(metric.name for metric in metrics_of("features"))
    if per_case and repeated and "l1" in repeated.metrics:
        metrics = repeated.metrics
    return {**found, "permutations": int(permutations), "seed": int(seed), "metrics": metrics}


def _what_is_missing(real: Dataset | None, fakes: dict[str, Any], protocol: str) -> str:
    if real is None:
        return _("Choose the true photos.")
    if not fakes:
        return _("Choose at least one generator, or add outputs of your own.")
    return "" if protocol else _("This protocol needs its weights.")


def _start(root: Path, asked: dict[str, Any], *, goes_on_with: str) -> None:
    from eval.comparison.comparison_store import restart, start
    from eval.comparison.request import ComparisonRequest

    try:
        with st.spinner(_("Starting …")):
            request = ComparisonRequest(**asked)
            entry = restart(root, goes_on_with, request) if goes_on_with else start(root, request)
    except (ValueError, OSError) as error:
        st.error(as_text(error), icon=":material/error:")
        return
    audit.record("compare", request.title, entry.id)
    choose_result(entry.id)
    st.rerun()
