"""Show one run: state, losses, samples."""

from __future__ import annotations

import html
import io
import shlex
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import streamlit as st
from PIL import Image, UnidentifiedImageError

from core.config import settings
from core.models.folder import is_generator, models_folder
from core.training import run_control
from core.training.kinds import KINDS, dig
from core.training.recipe import LOSSES_FILE, WEIGHTS_FILE
from core.training.request import CONFIG_FILE, MAX_STEPS, read_config
from core.training.runs import (
    Losses,
    Run,
    RunError,
    log_tail,
    read_losses,
    read_run,
    samples,
    size_on_disk,
)
from dashboard.shared import audit
from dashboard.shared.formatting import size_text
from dashboard.shared.links import compare_model, draw_with
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import N_, _
from dashboard.views.train.charts import losses_chart, losses_table, networks_of
from dashboard.views.train.formatting import STATES, sentence_of
from dashboard.views.train.sources import exported
from dashboard.views.train.state import (
    NETWORK,
    PROBLEM,
    SAMPLE,
    SMOOTHING,
    choose_nothing,
    choose_run,
)

SMOOTHINGS = {N_("off"): 0.0, N_("some"): 0.8, N_("more"): 0.95, N_("much"): 0.99}


def show_losses(run: Path) -> None:
    """The chart with its choices; a word where there is nothing yet."""
    losses = _losses(run)
    if not len(losses):
        st.html(
            f'<div class="studio-blank train-blank"><p>{_("Losses appear here after the first steps.")}</p></div>'
        )
        return
    networks = networks_of(losses)
    with st.container(horizontal=True, vertical_alignment="center", key="train_chart_head"):
        network = networks[0]
        if len(networks) > 1:
            network = st.segmented_control(
                _("Losses of"), networks, key=f"{NETWORK}_{'_'.join(networks)}", default=networks[0],
                required=True, label_visibility="collapsed", format_func=lambda name: as_text(name.replace("_", " ")),
            ) or networks[0]  # fmt: skip
        smoothing = st.select_slider(
            _("Smoothing"), list(SMOOTHINGS), value="some", key=SMOOTHING, width=190, format_func=_
        )
    table = losses_table(losses, network, SMOOTHINGS[smoothing])
    if table.empty:
        st.caption(_("No loss of it is above zero."))
        return
    names = list(dict.fromkeys(table["loss"]))
    st.altair_chart(losses_chart(table, names), width="stretch", theme="streamlit", key="train_chart")


def _losses(run: Path) -> Losses:
    try:
        stat = (run / LOSSES_FILE).stat()
    except OSError:
        return _read(run, 0, 0)
    return _read(run, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _read(run: Path, _changed: int, _size: int) -> Losses:
    return read_losses(run)


MAX_SIDE = 1600
_CHOSEN_SAMPLES = "train_chosen_samples"


def show_samples(run: Path, name: str) -> None:
    """A slider through time above a large picture; at its right end it follows the newest."""
    found = samples(run)
    if not found:
        said = _("The first samples appear here.")
        st.html(f'<div class="studio-blank train-blank"><p>{said}</p></div>')
        return
    steps = list(found)
    step = _chosen(steps, name)
    picture = _picture(found[step])
    if picture is None:
        st.caption(":material/broken_image: " + _("The samples of step {step:,} are damaged.", step=step))
        return
    with st.container(key="train_picture"):
        st.image(picture, width="stretch", alt=_("Samples of step {step:,}", step=step))


def _chosen(steps: list[int], name: str) -> int:
    if len(steps) == 1:
        st.html(f'<p class="studio-label studio-tall">{_("Samples of step {step:,}", step=steps[0])}</p>')
        return steps[0]
    chosen: dict[str, int] = st.session_state.setdefault(_CHOSEN_SAMPLES, {})  # by run, where not the newest
    kept = chosen.pop(name, None)
    st.session_state[f"{SAMPLE}_{name}"] = kept if kept in steps else steps[-1]
    step = st.select_slider(
        _("Samples of step"), steps, key=f"{SAMPLE}_{name}", format_func=lambda step: f"{step:,}"
    )
    if step != steps[-1]:
        chosen[name] = step
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


POLL_ALIVE_S, POLL_S = 2.0, 8.0
LOG_LINES = 40


def show_run(root: Path, name: str) -> None:
    """The run as it stands; followed as long as the page is open."""
    try:
        run = read_run(root, name)
    except RunError as error:
        st.warning(as_text(error), icon=":material/delete:")
        return

    @st.fragment(run_every=2 * POLL_ALIVE_S if run.is_alive else None)
    def follow_files() -> None:
        left, right = st.columns([1, 1.1], gap="large")
        with left:
            show_losses(run.folder)
        with right:
            show_samples(run.folder, name)
        _show_log(run)

    PROBLEM.show_error()
    follow_run(root, run, _show_head)
    _show_actions(root, run)
    follow_files()
    _show_settings(run)


def follow_run(root: Path, run: Run, show: Callable[[Run], None]) -> None:
    """Show a run as it stands, again and again; the page is drawn anew once it is in another state."""

    @st.fragment(run_every=POLL_ALIVE_S if run.is_alive else POLL_S)
    def follow() -> None:
        try:
            now = read_run(root, run.name)
        except RunError:
            st.rerun()
        if now.state != run.state:
            st.rerun()  # other buttons, another pace
        show(now)

    follow()


def _show_head(run: Run) -> None:
    title = _(KINDS[run.kind].title) if run.kind else _("Training")
    when = run.created[:16].replace("T", " ")
    about = html.escape(" · ".join(part for part in (title, _(STATES[run.state]), run.who, when) if part))
    name = html.escape(run.name)
    st.html(f'<div class="train-head"><h2>{name}</h2><p class="studio-label">{about}</p></div>')
    show_progress(run)


def show_progress(run: Run) -> None:
    """Show how far a run is, or how it ended and what can be done."""
    if run.steps:
        st.progress(min(1.0, run.step / run.steps))
    if run.state == "failed":
        st.error(as_text(sentence_of(run)), icon=":material/error:")
    elif run.state == "interrupted":
        st.warning(as_text(sentence_of(run)), icon=":material/warning:")
    else:
        st.markdown(as_text(sentence_of(run)))


def _show_actions(root: Path, run: Run) -> None:
    with st.container(horizontal=True, key="train_actions"):
        if run.state == "running":
            st.button(_("Stop"), icon=":material/stop:", key="train_stop", on_click=_act,
                      args=(run_control.ask_to_stop, root, run.name, "stop training"),
                      help=_("It saves first, and can go on later."))  # fmt: skip
        if run.state == "stopping" and run.job is not None:
            st.button(_("Stop at once"), key="train_stop_now", on_click=_act,
                      args=(run_control.stop_now, root, run.name, "stop training", "at once"),
                      help=_("Without saving: step {saved:,} is kept.", saved=run.saved))  # fmt: skip
        if run.can_go_on and run.kind:
            label = _("Resume") if run.step else _("Start")
            st.button(label, icon=":material/play_arrow:", type="primary", key="train_resume", on_click=_act,
                      args=(run_control.start, root, run.name, "train on"))  # fmt: skip
        if not run.is_alive and run.kind and run.step:
            _show_go_on(root, run)
        if run.saved:
            show_next(run)
            _show_use(run)
        if not run.is_alive:
            _show_delete(root, run)


def _show_go_on(root: Path, run: Run) -> None:
    config = read_config(run.folder)
    with st.popover(_("Go on"), icon=":material/fast_forward:", key=f"train_go_on_{run.name}"):
        st.markdown(_("From step {saved:,}, with:", saved=run.saved))
        usual = run.steps if run.steps > run.saved else 2 * run.saved
        steps = st.number_input(
            _("Steps in all"),
            run.saved + 1,
            MAX_STEPS,
            max(run.saved + 1, usual),
            step=100,
            key="train_go_on_steps",
        )
        rate = st.number_input(
            _("Learning rate"), 1e-7, 1.0, float(dig(config, "loop.lr", 2e-4)), step=1e-5, format="%.1e",
            key="train_go_on_lr", help=_("After a loss that is not finite take a third of it."),
        )  # fmt: skip
        now = str(dig(config, "data.root", ""))
        others = [str(path) for path in exported(settings().data / "library") if str(path) != now]
        pairs = st.selectbox(
            _("Pairs"), [now, *others], key="train_go_on_root", format_func=lambda path: Path(path).name,
            help=_("Where they lie now, if they have moved; otherwise leave it."),
        )  # fmt: skip
        more = st.text_area(
            _("Further settings, YAML"), key="train_go_on_more", placeholder="loss: {l1: 10}", height=80,
            help=_("Weights of losses, loop.decay_from, loop.amp, loop.save_every …"),
        )  # fmt: skip
        changes = {"loop.steps": int(steps), "loop.lr": float(rate), "data.root": pairs}
        said = ", ".join(f"{key} {value}" for key, value in changes.items())
        go_on = partial(run_control.go_on, changes=changes, more=more)
        st.button(_("Go on"), type="primary", key="train_go_on", on_click=_act,
                  args=(go_on, root, run.name, "train on", said))  # fmt: skip


def show_next(run: Run) -> None:
    """What a trained generator is for: to draw with it, and to compare it."""
    if not is_generator(run.folder / WEIGHTS_FILE):
        return
    is_done = not (run.can_go_on or run.is_alive)
    draws = st.button(
        _("Draw with it"),
        icon=":material/draw:",
        type="primary" if is_done else "secondary",
        key="train_draw",
        help=_("Puts the weights of step {saved:,} among the models.", saved=run.saved),
    )
    compares = st.button(_("Compare it"), icon=":material/leaderboard:", key="train_compare")
    if (draws or compares) and (name := _in_use(run)):
        (draw_with if draws else compare_model)(name)


def model_of(run: Run) -> str:
    """Name the model that a run's latest weights are among the models; empty where they are not."""
    weights = run.folder / WEIGHTS_FILE
    for name in _model_names(run) if weights.is_file() else ():
        path = models_folder() / f"{name}.safetensors"
        card = path.with_suffix(".md")
        is_ours = path.is_file() and card.is_file() and f"run *{run.name}*" in card.read_text("utf-8")
        if is_ours and path.stat().st_mtime >= weights.stat().st_mtime:
            return name
    return ""


def _model_names(run: Run) -> tuple[str, str]:
    return run.name, f"{run.name}-{run.saved}"


def _in_use(run: Run) -> str:
    """The model of a run's latest weights, put among the models where it is not yet; empty where that failed."""
    if name := model_of(run):
        return name
    names = _model_names(run)
    free = (name for name in names if not (models_folder() / f"{name}.safetensors").exists())
    return _publish(run, next(free, names[-1]))


def _show_use(run: Run) -> None:
    with st.popover(_("Use it"), icon=":material/upgrade:", key=f"train_use_{run.name}"):
        if not is_generator(run.folder / WEIGHTS_FILE):
            st.markdown(
                _(
                    "These weights can refine the input of a Pix2PixHD, CycleGAN or U-GAT-IT training: choose "
                    "*run {name}* there. To draw with them as stage 1, put them with their bank into a "
                    "folder of weights and serve that one:",
                    name=as_text(run.name),
                )
            )
            st.code(_stage1_commands(run), language="bash", wrap_lines=True)
            return
        st.markdown(
            _("Puts the weights of step {saved:,} among the models of the Draw page.", saved=run.saved)
        )
        name = st.text_input(
            _("Name of the model"), value=run.name, max_chars=60, key=f"train_model_{run.name}"
        )
        is_asked = st.button(_("Put it there"), type="primary", key="train_publish")
        if is_asked and (stem := _publish(run, name.strip())):
            st.success(_("The Draw page offers it as **{stem}** now.", stem=as_text(stem)))


def _publish(run: Run, name: str) -> str:
    """Put a run's latest weights among the models; return their name, empty where that failed, which is said."""
    try:
        path = run_control.publish_run(run, name, weights=settings().weights, models=models_folder())
    except RunError as error:
        st.error(as_text(error))
        return ""
    audit.record("publish model", path.stem, f"of run {run.name}")
    return path.stem


def _show_delete(root: Path, run: Run) -> None:
    with st.popover(_("Delete"), icon=":material/delete:", key=f"train_delete_{run.name}"):
        st.markdown(
            _(
                "Deletes **{name}** with its checkpoint, samples and log ({size}). There is no way "
                "back; a model that was made of it stays.",
                name=as_text(run.name),
                size=size_text(size_on_disk(run.folder)),
            )
        )
        st.button(_("Delete it"), type="primary", key="train_delete", on_click=_act,
                  args=(run_control.remove, root, run.name, "delete training"))  # fmt: skip


def _show_settings(run: Run) -> None:
    file = run.folder / CONFIG_FILE
    if not file.is_file():
        return
    with st.expander(_("Settings")):
        st.code(file.read_text(encoding="utf-8", errors="replace"), language="yaml")
        st.caption(_("The same on the command line:"))
        module = KINDS[run.kind].module if run.kind else "core.training.pix2pixhd"
        command = (
            f"python -m {module} --config {shlex.quote(str(file))} --loop.out {shlex.quote(str(run.folder))}"
        )
        st.code(command, language="bash", wrap_lines=True)


def _show_log(run: Run) -> None:
    if run.job is None:
        return
    with st.expander(_("Log"), expanded=run.state == "failed"):
        st.code(
            log_tail(run.job.log, LOG_LINES) or _("Nothing was said yet."), language=None, wrap_lines=True
        )


def _stage1_commands(run: Run) -> str:
    data = read_config(run.folder).get("data")
    given = data if isinstance(data, dict) else {"root": "PAIRS"}
    options = " ".join(f"--data.{key} {shlex.quote(str(value))}" for key, value in given.items())
    folder = shlex.quote(str(run.folder.parent.parent / f"weights-{run.name}"))
    return (
        f"cp -r {shlex.quote(str(settings().weights))} {folder}\n"
        f"python -m core.training.publish --run {shlex.quote(str(run.folder))} {options} --weights {folder}\n"
        f"STUDIO_WEIGHTS={folder} make run"
    )


def _act(action: Callable[[Path, str], object], root: Path, name: str, said: str, detail: str = "") -> None:
    """Carry out what a button asks of a run, and note who did; what stops it is told above the run."""
    choose_run(name)
    with PROBLEM.keeping(RunError, ValueError):
        action(root, name)
        audit.record(said, name, detail)
        if action is run_control.remove:
            choose_nothing()
