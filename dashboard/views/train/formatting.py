"""What a training is doing, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.training.runs import Run

MESSAGE_LENGTH = 600
STATES = {
    "new": "not started",
    "running": "in training",
    "stopping": "saving, then stopping",
    "done": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "interrupted": "interrupted",
    "foreign": "made on the command line",
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
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    if hours < 36:
        return f"{int(hours)} h {int(minutes % 60):02d} min"
    return f"{hours / 24:.1f} days"


def caption_of(run: Run) -> str:
    """One short line for the list."""
    if run.is_alive and run.phase != "training":
        return "reading the pairs" if run.phase == "loading" else "starting"
    if run.state == "running":
        left = run.seconds_left
        return f"{_steps(run)} · {duration(left)} left" if left is not None else _steps(run)
    if run.state == "done":
        return f"finished · {run.step:,} steps"
    return f"{STATES[run.state]} · {_steps(run)}" if run.step else STATES[run.state]


def sentence_of(run: Run) -> str:
    """What it is doing, or how it ended and what can be done."""
    if run.state == "stopping":
        return "It saves after the present step, and stops."
    if run.is_alive:
        return _while_alive(run)
    if run.state == "new":
        return "It was made and never started."
    if run.state == "failed":
        why = (run.message or "its log says no more")[:MESSAGE_LENGTH].rstrip(". ")
        why = re.sub(r"^step \d+: ", "", why)
        return f"It failed at step {run.step:,}: {why}. {_saved(run)}"
    if run.state == "interrupted":
        return (
            f"Its process is gone since step {run.step:,}: killed, out of memory, or the machine went down. "
            + _saved(run)
        )
    if run.state == "stopped":
        return f"Stopped at step {run.step:,} of {run.steps:,}. {_saved(run)}"
    if run.state == "foreign":
        return f"It was trained on the command line, as far as step {run.step:,}. {_saved(run)}"
    return f"Finished after {run.step:,} steps. *Go on* trains it longer."


def _while_alive(run: Run) -> str:
    if run.phase == "loading":
        return "It reads the pairs and makes their sketches …"
    if run.phase != "training":
        return "It is starting …" if run.job is not None else "It is in training on the command line."
    words = f"Step {_steps(run)}"
    if run.seconds_each:
        words += f" · {run.seconds_each:.2f} s a step"
    if run.seconds_left is not None:
        words += f" · about {duration(run.seconds_left)} left"
    return words


def _saved(run: Run) -> str:
    if not run.saved:
        return "Nothing was saved yet: it would begin again."
    if run.saved < run.step:
        return f"It was saved at step {run.saved:,} and goes on from there."
    return "Everything is saved."


def _steps(run: Run) -> str:
    return f"{run.step:,} of {run.steps:,}" if run.steps else f"{run.step:,}"
