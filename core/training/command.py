"""The command line that every training shares: a config file, overrides, a progress bar."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.processes.lock import Held, hold

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

LOCK = "lock"  # in a run's folder; held by whoever trains it
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

    parser = _parser(train, exit_on_error=False)
    try:
        settings: dict[str, Any] = parser.instantiate(parser.parse_object(config)).as_dict()
    except ArgumentError as error:
        raise ValueError(str(error)) from error
    return settings


def _parser(train: Callable[..., Path], *, exit_on_error: bool = True) -> ArgumentParser:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(description=(train.__doc__ or "").partition("\n")[0], exit_on_error=exit_on_error)
    parser.add_function_arguments(train, skip={"progress"}, as_positional=False)
    return parser


def main(train: Callable[..., Path]) -> None:
    """Parse the command line, train, print the weights' path as JSON."""
    from tqdm import tqdm

    logging.basicConfig(level=logging.INFO)
    settings = read_settings(train, sys.argv[1:])
    is_main = os.environ.get("RANK", "0") == "0"
    try:
        with _only_trainer(settings) if is_main else nullcontext(), tqdm(disable=not is_main) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n if bar.n else 0)
                bar.n = done

            path = train(**settings, progress=show)
    except Held as error:
        sys.exit(str(error))
    if is_main:
        print(json.dumps({"weights": str(path)}))


def _only_trainer(settings: dict[str, Any]) -> Any:
    """Two processes that train into one folder would overwrite each other's checkpoints."""
    loop = settings.get("loop")
    if loop is None:  # publishing, which trains nothing
        return nullcontext()
    loop.out.mkdir(parents=True, exist_ok=True)
    return hold(loop.out / LOCK, f"{loop.out} {HELD}")
