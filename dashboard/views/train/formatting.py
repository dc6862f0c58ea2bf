"""What a training is doing, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dashboard.shared.texts import N_, _, translate_sentence

if TYPE_CHECKING:
    from core.training.runs import Run

MESSAGE_LENGTH = 600
STATES = {
    "new": N_("not started"),
    "running": N_("in training"),
    "stopping": N_("saving, then stopping"),
    "done": N_("finished"),
    "stopped": N_("stopped"),
    "failed": N_("failed"),
    "interrupted": N_("interrupted"),
    "foreign": N_("made on the command line"),
}
ICONS = {
    "new": ":material/schedule:",
    "running": ":material/play_arrow:",
    "stopping": ":material/hourglass_bottom:",
    "done": ":material/check:",
    "stopped": ":material/stop:",
    "failed": ":material/error:",
    "interrupted": ":material/warning:",
    "foreign": ":material/terminal:",
}


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return _("{seconds:.0f} s", seconds=seconds)
    minutes = seconds / 60
    if minutes < 90:
        return _("{minutes:.0f} min", minutes=minutes)
    hours = minutes / 60
    if hours < 36:
        return _("{hours} h {minutes:02d} min", hours=int(hours), minutes=int(minutes % 60))
    return _("{hours:.1f} days", hours=hours / 24)


def caption_of(run: Run) -> str:
    """One short line for the list."""
    if run.is_alive and run.phase != "training":
        return _("reading the pairs") if run.phase == "loading" else _("starting")
    if run.state == "running":
        left = run.seconds_left
        return _steps(run) + (f" · {_('{time} left', time=duration(left))}" if left is not None else "")
    if run.state == "done":
        return _("finished · {step:,} steps", step=run.step)
    return f"{_(STATES[run.state])} · {_steps(run)}" if run.step else _(STATES[run.state])


def sentence_of(run: Run) -> str:
    """What it is doing, or how it ended and what can be done."""
    if run.state == "stopping":
        return _("It saves after the present step, and stops.")
    if run.is_alive:
        return _while_alive(run)
    if run.state == "new":
        return _("It was made and never started.")
    if run.state == "failed":
        why = translate_sentence(run.message) or _("its log says no more")
        why = why[:MESSAGE_LENGTH].rstrip(". ")
        why = re.sub(r"^step \d+: ", "", why)
        return _("It failed at step {step:,}: {why}. {saved}", step=run.step, why=why, saved=_saved(run))
    if run.state == "interrupted":
        return _(
            "Its process is gone since step {step:,}: killed, out of memory, or the machine went down. {saved}",
            step=run.step,
            saved=_saved(run),
        )
    if run.state == "stopped":
        return _(
            "Stopped at step {step:,} of {steps:,}. {saved}",
            step=run.step,
            steps=run.steps,
            saved=_saved(run),
        )
    if run.state == "foreign":
        return _(
            "It was trained on the command line, as far as step {step:,}. {saved}",
            step=run.step,
            saved=_saved(run),
        )
    return _("Finished after {step:,} steps.", step=run.step)


def _while_alive(run: Run) -> str:
    if run.phase == "loading":
        return _("It reads the pairs and makes their sketches …")
    if run.phase != "training":
        return _("It is starting …") if run.job is not None else _("It is in training on the command line.")
    words = _("Step {steps}", steps=_steps(run))
    if run.seconds_each:
        words += " · " + _("{seconds:.2f} s a step", seconds=run.seconds_each)
    if run.seconds_left is not None:
        words += " · " + _("about {time} left", time=duration(run.seconds_left))
    return words


def _saved(run: Run) -> str:
    if not run.saved:
        return _("Nothing was saved yet: it would begin again.")
    if run.saved < run.step:
        return _("It was saved at step {saved:,} and goes on from there.", saved=run.saved)
    return _("Everything is saved.")


def _steps(run: Run) -> str:
    return _("{step:,} of {steps:,}", step=run.step, steps=run.steps) if run.steps else f"{run.step:,}"
