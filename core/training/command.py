"""Run any training from the command line: a config file, overrides, a progress bar."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from core.cli import STOPPED, fail, one_line
from core.errors import AssetMissing
from core.processes.lock import Held, hold
from core.training.kinds import KINDS, Kind
from core.training.recipe import STOP_FILE
from core.training.request import check_training
from core.untrusted_files import has_aliases

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

LOCK = "lock"  # in a run's folder; held by whoever trains it
USER_ERRORS = (ValueError, OSError, AssetMissing, FloatingPointError, Held, torch.OutOfMemoryError)
HELD = "is in training already, by another process. Stop that one first, or choose another --loop.out."


def read_settings(train: Callable[..., Path], arguments: Sequence[str]) -> dict[str, Any]:
    """Turn a command line into what ``train`` takes; what is wrong is printed and ends the process.

    Parameters
    ----------
    train
        A training function; its typed parameters become options.
    arguments
        ``--config FILE`` and overrides such as ``--loop.steps 100``.
    """
    parser = _parser(train)
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
    settings: dict[str, Any] = parser.instantiate(parser.parse_args(list(arguments))).as_dict()
    settings.pop("config")
    return settings


def check_settings(train: Callable[..., Path], config: dict[str, Any]) -> dict[str, Any]:
    """Turn a configuration into what ``train`` takes, in a process with other threads.

    A configuration *file* is read by jsonargparse with the working directory moved to the file's
    folder, for all threads of the process; two that do so at once may leave it there.

    Raises
    ------
    ValueError
        If a setting is unknown or wrong.
    """
    from jsonargparse import ArgumentError

    if _has_aliases(config):
        raise ValueError(
            "A setting holds YAML with aliases (*name), which are not read; write the value out."
        )
    parser = _parser(train, exit_on_error=False)
    try:
        settings: dict[str, Any] = parser.instantiate(parser.parse_object(config)).as_dict()
    except ArgumentError as error:
        raise ValueError(str(error)) from error
    return settings


def _has_aliases(settings: Any) -> bool:
    """Whether one of the texts among settings has: jsonargparse reads each of them as YAML of its own."""
    if isinstance(settings, Mapping):
        return any(_has_aliases(part) for pair in settings.items() for part in pair)
    if isinstance(settings, list | tuple):
        return any(map(_has_aliases, settings))
    return isinstance(settings, str) and has_aliases(settings)


def _parser(train: Callable[..., Path], *, exit_on_error: bool = True) -> ArgumentParser:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(
        description=(train.__doc__ or "").partition("\n")[0], exit_on_error=exit_on_error, allow_abbrev=False
    )
    parser.add_function_arguments(train, skip={"progress"}, as_positional=False)
    return parser


def main(train: Callable[..., Path]) -> None:
    """Parse the command line, train, print the weights' path as JSON.

    Ctrl-C saves after the present step and ends with exit code 130, a second one ends at once. A mistake of
    whoever calls it ends with one line on stderr and exit code 2.
    """
    from tqdm import tqdm

    logging.basicConfig(level=logging.INFO)
    is_main = os.environ.get("RANK", "0") == "0"
    try:
        settings = read_settings(train, sys.argv[1:])
        out = settings["loop"].out if "loop" in settings else None
        if out is not None:
            check_training(_kind_of(train), settings)
            out.mkdir(parents=True, exist_ok=True)
        with hold(out / LOCK, f"{out} {HELD}") if out is not None and is_main else nullcontext():
            path, was_stopped = _train(train, settings, out, tqdm(disable=not is_main))
    except USER_ERRORS as error:
        sys.exit(fail(reason_of(error)))
    except KeyboardInterrupt:
        sys.exit(fail("Ended at once; what was saved last is kept.", STOPPED))
    if is_main and path.is_file():
        print(json.dumps({"weights": str(path)}))
    if was_stopped:
        sys.exit(STOPPED)


def _train(
    train: Callable[..., Path], settings: dict[str, Any], out: Path | None, bar: Any
) -> tuple[Path, bool]:
    """Train behind a progress bar; gives the weights' path, and whether a person stopped it."""
    with stopping_on(signal.SIGINT, out) as asked, bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n if bar.n else 0)
            bar.n = done

        return train(**settings, progress=show), bool(asked)


@contextmanager
def stopping_on(number: signal.Signals, out: Path | None) -> Iterator[list[int]]:
    """Save and end a training on a signal; a second one ends it at once, as one does without a run's folder.

    Yields
    ------
    asked
        Empty until the signal came.
    """
    asked: list[int] = []

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if out is None or asked or (out / STOP_FILE).exists():
            raise KeyboardInterrupt
        asked.append(_signal)
        print("Saving after the present step; once more ends it at once.", file=sys.stderr)
        (out / STOP_FILE).touch()

    before = signal.signal(number, ask)
    try:
        yield asked
    finally:
        signal.signal(number, before)
        if asked and out is not None:
            (out / STOP_FILE).unlink(missing_ok=True)


def reason_of(error: BaseException) -> str:
    """An error as a sentence, without Python's name for it."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full; what was saved before is kept. Make room, then start again: it goes on from there."
    if isinstance(error, torch.OutOfMemoryError):
        return "The device has too little memory. Take a smaller loop.batch_size, or more loop.accumulate."
    return one_line(error)


def _kind_of(train: Callable[..., Path]) -> Kind | None:
    spec = getattr(sys.modules[train.__module__], "__spec__", None)
    module = spec.name if spec is not None else train.__module__
    return next((kind for kind in KINDS.values() if kind.module == module), None)
