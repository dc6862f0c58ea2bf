"""The command line that every training shares: a config file, overrides, a progress bar."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path


def main(train: Callable[..., Path]) -> None:
    """Parse ``--config FILE`` and overrides such as ``--loop.steps 100``, train, print the weights' path as JSON.

    Parameters
    ----------
    train
        A training function; its typed parameters become options, ``progress`` is given the bar.
    """
    from jsonargparse import ArgumentParser
    from tqdm import tqdm

    logging.basicConfig(level=logging.INFO)
    parser = ArgumentParser(description=(train.__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
    parser.add_function_arguments(train, skip={"progress"}, as_positional=False)
    settings = parser.instantiate(parser.parse_args()).as_dict()
    settings.pop("config")

    is_main = os.environ.get("RANK", "0") == "0"
    with tqdm(disable=not is_main) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n if bar.n else 0)
            bar.n = done

        path = train(**settings, progress=show)
    if is_main:
        print(json.dumps({"weights": str(path)}))
