"""Ask for the settings of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
import torch

from core.checkpoints import read_info
from core.config import settings
from core.errors import AssetMissing
from core.models.folder import models_folder
from core.training import run_control
from core.training.kinds import KINDS, Kind, Preset, dig, presets
from core.training.recipe import CHECKPOINT_FILE, WEIGHTS_FILE
from core.training.request import RunRequest, read_config
from core.training.runs import Run, RunError
from dashboard import access
from dashboard.shared import audit
from dashboard.shared.formatting import free_name
from dashboard.shared.plain_text import as_code, as_text
from dashboard.shared.server_paths import PathRefused, ask_path
from dashboard.shared.texts import N_, _
from dashboard.views.models.formatting import model_title
from dashboard.views.train.formatting import duration
from dashboard.views.train.sources import Dataset, describe, exported
from dashboard.views.train.state import PROBLEM, choose_run, wanted_data

RESOLUTIONS = (64, 128, 256, 512)
AUTOENCODER = "sketch_autoencoder"
SHIPPED, FINE_TUNING = (
    "pix2pixhd",
    "pix2pixhd_refined",
)  # the best of the shipped weights, a preset that fits them
FEW_PAIRS = 200


def begin_options(kind: Kind, runs: Sequence[Run]) -> dict[str, Path]:
    """Weights that a training of this kind can begin with, by what people read."""
    # Parts begin with what is served; the others with everything that was trained, judges included.
    file = WEIGHTS_FILE if kind.name == "parts" else CHECKPOINT_FILE
    return _of_runs(runs, kind.begins_from, file) | _models(kind.begins_from)


def refiner_options(runs: Sequence[Run]) -> dict[str, Path]:
    """Trained autoencoders, the shipped one first."""
    return _models((AUTOENCODER,)) | _of_runs(runs, (AUTOENCODER,), WEIGHTS_FILE)


def accelerators() -> list[str]:
    """Name every accelerator of this machine as PyTorch does."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def pace_of_earlier(kind: str, image_size: int, batch_size: int, runs: Sequence[Run]) -> float:
    """Seconds a step of the latest run of that kind, size and batch; 0 where there was none."""
    for run in runs:
        if run.kind != kind or not run.seconds_each:
            continue
        config = read_config(run.folder)
        if (dig(config, "data.image_size"), dig(config, "loop.batch_size")) == (image_size, batch_size):
            return run.seconds_each
    return 0.0


def _of_runs(runs: Sequence[Run], families: tuple[str, ...], file: str) -> dict[str, Path]:
    return {
        _("run {name} (step {saved:,})", name=run.name, saved=run.saved): run.folder / file
        for run in runs
        if run.saved and _family(run.folder / WEIGHTS_FILE) in families
    }


def _models(families: tuple[str, ...]) -> dict[str, Path]:
    return {
        file.stem: file
        for folder in (settings().weights, models_folder())
        for file in sorted(folder.glob("*.safetensors"))
        if _family(file) in families
    }


def _family(file: Path) -> str:
    try:
        return read_info(file).family
    except (AssetMissing, ValueError, KeyError):  # a damaged file is the Models page's to show
        return ""


ANOTHER = N_("Another folder …")
NOTHING = N_("Nothing: from scratch")
NO_REFINER = N_("Nothing: sketches as they are")


def _option_title(option: str) -> str:
    """Translate the options that are texts and call shipped models by their titles; other names stay as they are."""
    return _(option) if option in (ANOTHER, NOTHING, NO_REFINER) else model_title(option)


PRESETS = {
    "": N_("Standard"), "raw": N_("Raw sketches"), "refined": N_("Refined sketches"), "gpu": N_("On a GPU"),
}  # fmt: skip


def _preset_title(kind: Kind, preset: str) -> str:
    """What sets a preset apart from the others of its kind, which its name adds to the kind's."""
    what = preset.removeprefix(kind.name).strip("_")
    return _("{side} px", side=what) if what.isdecimal() else _(PRESETS.get(what, what.replace("_", " ")))


def show_form(root: Path, runs: Sequence[Run]) -> None:
    """Kind, data, settings, start."""
    PROBLEM.show_error()
    if wanted := wanted_data():
        _fill_in(wanted, runs)
    name = st.segmented_control(
        _("What to train"), list(KINDS), format_func=lambda name: _(KINDS[name].title), default="pix2pixhd",
        required=True, key="train_kind",
    ) or "pix2pixhd"  # fmt: skip
    kind = KINDS[name]
    st.caption(_(kind.says))
    data_place = st.container()
    preset, asked = _show_settings(kind, runs)
    with data_place:
        data = _show_data()
    asked |= _show_beginning(kind, preset, runs) | _show_more()
    _show_cost(kind, preset, data, asked, runs)
    problem_place = st.container()
    pressed = st.button(
        _("Start training"), icon=":material/play_arrow:", type="primary", key="train_start",
        disabled=data is None or bool(data.problem) or isinstance(asked.get("photos"), PathRefused),
    )  # fmt: skip
    if pressed and data is not None:
        with problem_place:
            _start(root, {**asked, "kind": kind.name, "preset": preset.name, "data": data.path,
                      "validation": data.validation})  # fmt: skip


def _exports() -> dict[str, Path]:
    return {path.name: path for path in exported(settings().data / "library")}


def _fill_in(wanted: Path, runs: Sequence[Run]) -> None:
    """Fill in what *Train on this* asks for: these pairs, and the shipped weights to begin with."""
    known = next((name for name, path in _exports().items() if path.resolve() == wanted.resolve()), "")
    st.session_state["train_data"] = known or ANOTHER
    if not known:
        st.session_state["train_folder"] = str(wanted)
    if SHIPPED in begin_options(KINDS[SHIPPED], runs):
        st.session_state.pop("train_kind", None)  # its default is this kind
        st.session_state[f"train_preset_{SHIPPED}"] = FINE_TUNING
        st.session_state[f"train_begin_{FINE_TUNING}"] = SHIPPED


def fine_tuning_preset() -> Preset:
    """Give the preset that trains the shipped weights on."""
    return next(preset for preset in presets(SHIPPED) if preset.name == FINE_TUNING)


def fine_tuning(data: Dataset, runs: Sequence[Run], *, name: str, steps: int) -> dict[str, Any]:
    """Ask for what *Train on this* fills the form in with: the shipped weights, trained on.

    Raises
    ------
    ValueError
        If the shipped weights are not there.
    """
    begin = begin_options(KINDS[SHIPPED], runs).get(SHIPPED)
    if begin is None:
        raise ValueError(
            _(
                "{file} is missing, and a training from nothing takes days. Restore it from the repository.",
                file=settings().weights / f"{SHIPPED}.safetensors",
            )
        )
    preset = fine_tuning_preset()
    return {
        "name": name, "kind": SHIPPED, "preset": FINE_TUNING, "data": data.path, "validation": data.validation,
        "steps": steps, "batch_size": int(preset.get("loop.batch_size", 4)), "lr": float(preset.get("loop.lr", 2e-4)),
        "image_size": int(preset.get("data.image_size", 256)), "device": settings().device,
        "threads": settings().threads, "start_from": begin,
        "refiner": next(iter(refiner_options(runs).values()), None), "who": access.visitor().name,
    }  # fmt: skip


def _show_data() -> Dataset | None:
    folders = _exports()
    options = [*folders, ANOTHER]
    left, right = st.columns(2, vertical_alignment="bottom")
    picked = left.selectbox(_("Dataset version"), options, key="train_data", format_func=_option_title)
    if picked in folders:
        found = describe(folders[picked])
    else:
        with right:
            path = ask_path(
                _("Folder of pairs on this machine"), key="train_folder", placeholder="/path/to/pairs",
                help=_("Made by the Export page, by python -m curation.export or by python -m curation.run."),
            )  # fmt: skip
        if path is None:
            st.caption(_("Export a version on the Export page, or name a folder of pairs."))
        if not isinstance(path, Path):
            return None
        found = describe(path)
    if found.problem:
        st.error(as_text(found.problem), icon=":material/error:")
    else:
        st.caption(f"{as_text(found.words)} · {as_code(found.path)}")
    return found


def _show_settings(kind: Kind, runs: Sequence[Run]) -> tuple[Preset, dict[str, Any]]:
    found = {preset.name: preset for preset in presets(kind.name)}
    left, right = st.columns(2)
    picked = left.selectbox(
        _("Preset"), list(found), key=f"train_preset_{kind.name}",
        format_func=lambda name: _preset_title(kind, name),
    )  # fmt: skip
    preset = found[picked]
    if preset.says:
        left.caption(_(preset.says))
    name = right.text_input(
        _("Name of the run"), value=free_name(f"{preset.name}-", {run.name for run in runs}), max_chars=60,
        key=f"train_name_{preset.name}_{len(runs)}",
    )  # fmt: skip
    offered = (size for size in RESOLUTIONS if size >= kind.smallest)
    sizes = sorted({*offered, int(preset.get("data.image_size", 256))})
    columns = st.columns(4)
    key = preset.name
    steps = columns[0].number_input(
        _("Steps"), 1, 10_000_000, int(preset.get("loop.steps", 20_000)), step=100, key=f"train_steps_{key}"
    )
    batch = columns[1].number_input(
        _("Batch"), 1, 1024, int(preset.get("loop.batch_size", 4)), key=f"train_batch_{key}"
    )
    size = columns[2].selectbox(
        _("Resolution, px"), sizes, index=sizes.index(int(preset.get("data.image_size", 256))), key=f"train_size_{key}",
    )  # fmt: skip
    rate = columns[3].number_input(
        _("Learning rate"), 1e-7, 1.0, float(preset.get("loop.lr", 2e-4)), step=1e-5, format="%.1e",
        key=f"train_lr_{key}",
    )  # fmt: skip
    return preset, {
        "name": name.strip(), "steps": int(steps), "batch_size": int(batch), "image_size": int(size), "lr": float(rate),
    }  # fmt: skip


def _show_beginning(kind: Kind, preset: Preset, runs: Sequence[Run]) -> dict[str, Any]:
    columns = st.columns(2, vertical_alignment="bottom")
    begin = begin_options(kind, runs)
    chosen = columns[0].selectbox(
        _("Begin with"), [NOTHING, *begin], key=f"train_begin_{preset.name}", format_func=_option_title
    )
    asked: dict[str, Any] = {"start_from": begin.get(chosen)}
    if kind.takes_refiner:
        refiners = refiner_options(runs)
        options = [NO_REFINER, *refiners]
        usual = 1 if refiners and preset.get("refiner", None) is not None else 0
        chosen = columns[1].selectbox(
            _("Refine the sketches with"), options, index=usual, format_func=_option_title,
            key=f"train_refiner_{preset.name}",
            help=_("As the Draw page does; the run keeps its own copy of these weights."),
        )  # fmt: skip
        asked["refiner"] = refiners.get(chosen)
    if kind.is_unpaired:
        asked["photos"] = ask_path(
            _("Photos from another folder"), key="train_photos", placeholder=_("empty: those of the dataset, shuffled"),
            help=_("Pairs, or any folder of aligned images: sketches of some faces, photos of others."),
        )  # fmt: skip
    return asked


def _show_more() -> dict[str, Any]:
    chosen = settings()
    devices = ["auto", "cpu", *accelerators()]
    columns = st.columns([2, 2, 4, 3])
    device = columns[0].selectbox(
        _("Device"), devices, index=devices.index(chosen.device) if chosen.device in devices else 0, key="train_device",
    )  # fmt: skip
    threads = columns[1].number_input(_("CPU threads"), 1, 256, chosen.threads, key="train_threads")
    licence = columns[2].text_input(
        _("Licence of the photos"), key="train_licence", placeholder=_("such as CC BY-NC-SA 4.0"), max_chars=200,
        help=_("It is written into the weights."),
    )  # fmt: skip
    who = columns[3].text_input(_("Your name"), key="train_who", max_chars=60)
    with st.expander(_("Further settings")):
        more = st.text_area(
            _("YAML, over the preset"), key="train_more", height=120,
            placeholder="loss: {l1: 10}\nloop: {save_every: 100, sample_every: 200}",
        )  # fmt: skip
    return {"device": device, "threads": int(threads), "licence": licence, "who": who.strip(), "more": more}


def _show_cost(
    kind: Kind, preset: Preset, data: Dataset | None, asked: dict[str, Any], runs: Sequence[Run]
) -> None:
    parts = []
    if data is not None and data.train:
        seen = asked["steps"] * asked["batch_size"]
        parts.append(_("{n:,} images, {times:,.1f} times the whole set", n=seen, times=seen / data.train))
    pace = pace_of_earlier(kind.name, asked["image_size"], asked["batch_size"], runs)
    if pace:
        parts.append(_("about {time} at the pace of the last such run", time=duration(pace * asked["steps"])))
    if preset.is_for_gpu and (asked["device"] == "cpu" or not accelerators()):
        slow = _(
            "This preset was made for a GPU; on a processor alone it takes days. "
            "Choose another preset, or fewer steps and a smaller batch."
        )
        parts.append(f":material/warning: {slow}")
    busy = [run.name for run in runs if run.is_alive]
    if busy:
        parts.append(
            ":material/warning: "
            + _("{names} is in training too: both will be slower", names=as_text(", ".join(busy)))
        )
    if data is not None and 0 < data.train < FEW_PAIRS:
        few = _(
            "Fewer than {n} pairs: these faces will be learned by heart. Begin with trained weights.",
            n=FEW_PAIRS,
        )
        parts.append(f":material/warning: {few}")
    st.caption(" · ".join(parts))


def start_training(root: Path, asked: dict[str, Any]) -> Run:
    """Make a run of what is asked for, and start it.

    Raises
    ------
    RunError, ValueError
        As `core.training.run_control.create`.
    """
    run = run_control.create(root, RunRequest(**asked))
    audit.record("train", run.name, str(asked["data"]))
    return run


def _start(root: Path, asked: dict[str, Any]) -> None:
    try:
        with st.spinner(_("Starting …")):
            run = start_training(root, asked)
    except (RunError, ValueError) as error:
        st.error(as_text(error), icon=":material/error:")
        return
    choose_run(run.name)
    st.rerun()
