"""Show the way from one's own photos to a model on Draw: what is done, and a button for what comes next.

It leads through Collect, Rules, Review, Export, Train and Draw and starts what their buttons start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from curation.library.records import LibraryError
from dashboard.shared import audit
from dashboard.shared.flash_message import FlashMessage
from dashboard.shared.formatting import free_name
from dashboard.shared.jobs import show_jobs
from dashboard.shared.plain_text import as_text
from dashboard.shared.shared_library import shared_library
from dashboard.shared.texts import N_, _, ngettext
from dashboard.views.collect import page as collect
from dashboard.views.export import page as export
from dashboard.views.models import page as models
from dashboard.views.review import page as review
from dashboard.views.rules import page as rules
from dashboard.views.train import page as train
from dashboard.views.train.form import FEW_PAIRS, fine_tuning, start_training
from dashboard.views.train.formatting import duration
from dashboard.views.train.run import follow_run, show_next, show_progress
from dashboard.views.train.sources import describe
from dashboard.views.yourself.state import (
    TRIAL_STEPS,
    GuidedPath,
    Seconds,
    pace_of,
    read_path,
    steps_within,
    time_left,
)

if TYPE_CHECKING:
    from core.training.runs import Run
    from curation.library.library import Library

BUDGETS = {N_("30 minutes"): 1800.0, N_("2 hours"): 7200.0, N_("8 hours"): 28800.0}
USUAL_BUDGET = "2 hours"
USUAL_PHOTOS = 300
PROBLEM = FlashMessage("yourself_problem")
RUN_NAME = "yourself-"
RULES_NAMED = 4
UPLOADS = FILES, FOLDER = "yourself_files", "yourself_folder"


@dataclass(frozen=True)
class Step:
    """One step of the way.

    Attributes
    ----------
    said
        How it stands.
    show
        What can be done about it now; nothing as long as an earlier step is open.
    link
        Page where it can be done otherwise: its title, and what shows it.
    """

    title: str
    said: str
    is_done: bool
    show: Callable[[], None] | None
    link: tuple[str, Callable[[], None]]
    is_optional: bool = False


def show_page() -> None:
    """The estimate above, the steps below; all of it read anew every time."""
    with st.spinner(_("Loading …"), show_time=False):  # PyTorch, for the first visitor after a start
        from core.training.runs import runs, runs_folder
    try:
        library, found = shared_library(), runs(runs_folder())
        path = read_path(library, found)
    except LibraryError as error:
        st.error(as_text(error), icon=":material/database_off:")
        return
    except OSError as error:
        st.error(
            as_text(_("{root} cannot be read: {error}", root=runs_folder(), error=error)),
            icon=":material/folder_off:",
        )
        return
    st.markdown("#### " + _("From your photos to a model on Draw"))
    PROBLEM.show_error()
    pace = pace_of(found)
    budget = _show_estimate(library, path, pace)
    steps = _steps(library, path, found, steps_within(budget, pace) if pace else 0)
    following = next((one for one in steps if not (one.is_done or one.is_optional)), steps[-1])
    for number, one in enumerate(steps, start=1):
        _show_step(number, one, is_next=one is following)


def _show_step(number: int, step: Step, *, is_next: bool) -> None:
    with st.container(border=True, key=f"yourself_{number}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            icon = ":material/check_circle:" if step.is_done else f"{number}\\."  # no list of Markdown
            title = f"**{icon} {step.title}**" if is_next or step.is_done else f"{icon} {step.title}"
            st.markdown(f"{title} · {step.said}" if step.said else title, width="stretch")
            label, show = step.link
            path = show.__module__.split(".")[-2]
            st.page_link(st.Page(show, url_path=path), label=label, icon=":material/arrow_forward:")
        if step.show is not None:
            step.show()


def _show_estimate(library: Library, path: GuidedPath, pace: float) -> float:
    """Ask how long it may train, and say how long everything that is left takes; gives the former in seconds."""
    photos, chosen = path.images + collect.count_chosen(UPLOADS), USUAL_BUDGET
    with st.container(horizontal=True, gap="medium"):
        if path.is_training_open:
            chosen = st.segmented_control(
                _("How long may it train?"), list(BUDGETS), default=USUAL_BUDGET, required=True, format_func=_,
                key="yourself_budget",
            ) or USUAL_BUDGET  # fmt: skip
        if not photos:
            photos = int(
                st.number_input(
                    _("How many photos?"), 10, 100_000, USUAL_PHOTOS, step=50, key="yourself_count", width=180
                )
            )
    budget = BUDGETS[chosen]
    low, high = time_left(path, photos, library.root, budget_s=budget, pace=pace)
    if high:
        st.markdown(":material/schedule: " + _time_text(path, photos, (low, high), budget, pace))
    if photos < FEW_PAIRS and not path.has_weights:
        _warn_of_few()
    return budget


def _warn_of_few() -> None:
    few = _("With fewer than {n} photos it learns these faces by heart; more are better.", n=FEW_PAIRS)
    st.caption(f":material/warning: {few}")


def _time_text(path: GuidedPath, photos: int, left: Seconds, budget: float, pace: float) -> str:
    low, high = map(duration, left)
    if path.is_training_open and not pace:
        said = _("**At most about {high}** for {photos:,} photos", high=high, photos=photos)
        said += " · " + _("the first {n} steps measure how many fit", n=TRIAL_STEPS)
    else:
        said = _("**About {low} to {high}** for {photos:,} photos", low=low, high=high, photos=photos)
    if path.is_training_open and pace:
        steps = steps_within(budget, pace)
        said += " · " + _("{steps:,} steps at {pace:.1f} s, as measured here", steps=steps, pace=pace)
    return said + " · " + _("you may close the page meanwhile")


def _steps(library: Library, path: GuidedPath, runs: Sequence[Run], train_steps: int) -> list[Step]:
    run, images, version = path.run, path.images, path.version
    is_judged = 0 < images <= path.examined and not path.busy
    may_set = is_judged or "export" in path.busy
    return [
        Step(
            _("Photos"),
            ngettext("{n:,} photo is here", "{n:,} photos are here", images) if images else "",
            images > 0 and "add" not in path.busy,
            lambda: _show_photos(library, path),
            (_("Collect"), collect.show_page),
        ),
        Step(
            _("Judging"),
            _("{examined:,} judged, {kept:,} kept", examined=path.examined, kept=path.kept) if images else "",
            is_judged or may_set,
            None if not images or "add" in path.busy else lambda: _show_judging(library, path),
            (_("Rules"), rules.show_page),
        ),
        Step(
            _("A look of your own"),
            _("{n:,} decided by people, the rules decide the others", n=path.decided)
            if path.decided
            else _("if you like; without it the rules decide"),
            path.decided > 0,
            None,
            (_("Review"), review.show_page),
            is_optional=True,
        ),
        Step(
            _("Training set"),
            _("{name} holds {n:,} photos", name=as_text(version.name), n=len(version.ids)) if version else "",
            path.pairs is not None and (run is not None or not path.changed),
            (lambda: _show_set(library, path)) if may_set else None,
            (_("Export"), export.show_page),
        ),
        Step(
            _("Training"),
            as_text(run.name) if run else "",
            path.has_weights and run is not None and run.state == "done",
            None if path.pairs is None else lambda: _show_training(path, runs, train_steps),
            (_("Train"), train.show_page),
        ),
        Step(
            _("Draw"),
            _("the model is called {name}", name=as_text(path.model)) if path.model else "",
            bool(path.model),
            (lambda: _show_drawing(run)) if run is not None and path.has_weights else None,
            (_("Models"), models.show_page),
        ),
    ]


def _show_photos(library: Library, path: GuidedPath) -> None:
    show_jobs(library.root, ("add",), most=1)
    if "add" in path.busy:
        return
    with st.expander(_("Add more")) if path.images else st.container():
        files, folder = st.tabs([_("Files or a zip"), _("A folder")])
        with files:
            label = _("Photos with one face, or zip files of them")
            collect.show_upload(library, [], FILES, label, several=True)
        with folder:
            collect.show_upload(library, [], FOLDER, _("A folder of photos"), several="directory")
        st.caption(
            _("Collect also takes addresses, and notes whose photos they are and under which licence.")
        )


def _show_judging(library: Library, path: GuidedPath) -> None:
    """Judge what is not judged yet; of the rest, say which rules leave photos out."""
    if path.left_out:
        named = [f"{_(title)} {count:,}" for title, count in list(path.left_out.items())[:RULES_NAMED]]
        if others := sum(list(path.left_out.values())[RULES_NAMED:]):
            named.append(_("others {n:,}", n=others))
        st.caption(_("Left out by the rules: {named}", named=as_text(" · ".join(named))))
    if path.examined >= path.images and not path.busy:
        return
    show_jobs(library.root, ("judge", "split"), most=1)
    if not path.busy:
        text = _("Judge {n:,}", n=path.images - path.examined)
        _button(text, lambda: collect.start_job(library.root, "judge", ["--json"]), key="judge")


def _show_set(library: Library, path: GuidedPath) -> None:
    if "export" in path.busy or path.pairs is None:
        show_jobs(library.root, ("export",), most=1)
    if "export" in path.busy or (path.pairs is not None and not path.changed):
        return
    if not path.kept:
        st.warning(_("No photo is kept. See which rule leaves them out on Rules, or keep some on Review."))
        return
    if path.pairs is not None:
        changed = ngettext("{n:,} photo has changed since.", "{n:,} photos have changed since.", path.changed)
        st.caption(changed)
    text = ngettext("Make the set of {n:,} photo", "Make the set of {n:,} photos", path.kept)
    _button(text, lambda: _make_set(library, path), key="set", is_next=path.run is None)


def _make_set(library: Library, path: GuidedPath) -> None:
    version = path.frozen or export.freeze(
        library, export.next_version({version.name for version in library.versions()})
    )
    export.start_export(library.root, version.name)


def _show_training(path: GuidedPath, runs: Sequence[Run], steps: int) -> None:
    """Start it, follow it, or go on with it; without ``steps`` the pace is not known yet."""
    from core.training.runs import runs_folder

    run, root = path.run, runs_folder()
    if run is None:
        _show_beginning(path, runs, steps)
    elif run.is_alive:
        follow_run(root, run, show_progress)
        if run.state == "running":
            _button(_("Stop"), lambda: _stop(root, run.name), key="stop", is_next=False)
    elif path.is_trial and run.state == "done" and steps:
        st.markdown(_("A step takes {pace:.1f} s here.", pace=run.seconds_each))
        _button(_train_text(steps, run.seconds_each), lambda: _train_on(root, run.name, steps), key="train")
    else:
        show_progress(run)
        if run.can_go_on:
            _button(_("Resume"), lambda: _train_on(root, run.name), key="resume")


def _stop(root: Path, name: str) -> None:
    from core.training.run_control import ask_to_stop

    ask_to_stop(root, name)
    audit.record("stop training", name)


def _show_drawing(run: Run) -> None:
    with st.container(horizontal=True):
        show_next(run)


def _train_on(root: Path, name: str, steps: int = 0) -> None:
    from core.training.run_control import go_on, start

    if steps:
        go_on(root, name, {"loop.steps": steps})
    else:
        start(root, name)
    audit.record("train on", name, f"loop.steps {steps}" if steps else "")


def _show_beginning(path: GuidedPath, runs: Sequence[Run], steps: int) -> None:
    from core.training.runs import runs_folder

    assert path.pairs is not None
    data = describe(path.pairs)
    if data.problem:
        st.error(as_text(data.problem), icon=":material/error:")
        return
    st.caption(as_text(data.words))
    if data.train < FEW_PAIRS <= path.images:  # fewer photos are told above
        _warn_of_few()
    text = _("Begin with {n} steps, which measure the pace", n=TRIAL_STEPS)
    _button(
        _train_text(steps, pace_of(runs)) if steps else text,
        lambda: start_training(
            runs_folder(),
            fine_tuning(
                data, runs, name=free_name(RUN_NAME, {run.name for run in runs}), steps=steps or TRIAL_STEPS
            ),
        ),
        key="train",
    )
    if not steps:
        st.caption(_("Then it says how long the rest takes, and waits here for your word."))


def _train_text(steps: int, pace: float) -> str:
    return _("Train {steps:,} steps, about {time}", steps=steps, time=duration(steps * pace))


def _button(text: str, action: Callable[[], object], *, key: str, is_next: bool = True) -> None:
    """A button that does something and shows the page anew; what goes wrong is said at its head."""
    from core.training.runs import RunError

    if st.button(text, key=f"yourself_{key}", type="primary" if is_next else "secondary"):
        with PROBLEM.keeping(LibraryError, RunError, ValueError, OSError), st.spinner(_("Starting …")):
            action()
        st.rerun()
