"""``python -m core.checkpoints import FILE --family F --out X.safetensors``.

Prints one line of JSON on stdout. A file that cannot be imported ends with one sentence on stderr, exit
code 2, and nothing written.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.checkpoint_import.architecture import PROJECTS
from core.checkpoint_import.importing import describe, inspect_checkpoint, write_candidate
from core.models.conventions import BORDERS, COLOURS, POLARITIES, RANGES, STATISTICS

_CONVENTIONS = ("polarity", "colour", "input_range", "output_range", "image_size", "statistics", "border")


def run(arguments: list[str]) -> int:
    """Parse and run; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        print(json.dumps(import_file(parsed)))
    except (ValueError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


def import_file(parsed: argparse.Namespace) -> dict[str, Any]:
    """Import a checkpoint as the parsed arguments say; what came of it.

    Raises
    ------
    ValueError, OSError
        If it cannot be imported or written; nothing was written then.
    """
    out: Path = parsed.out
    if out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors, got {out.name}.")
    if not out.absolute().parent.is_dir():
        raise ValueError(f"The folder of {out} does not exist. Make it first.")
    if out.exists() and not parsed.replace:
        raise ValueError(f"{out} exists already. Take another name, or add --replace.")
    candidate = inspect_checkpoint(
        parsed.file, parsed.family, network=parsed.network, image_size=parsed.image_size
    )
    given = {name: value for name in _CONVENTIONS if (value := getattr(parsed, name)) is not None}
    candidate = replace(candidate, conventions=replace(candidate.conventions, **given))
    notes = {"note": parsed.note} if parsed.note else None
    write_candidate(candidate, out, licence=parsed.licence, notes=notes)
    return {"out": str(out), **describe(candidate), "conventions": asdict(candidate.conventions)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core.checkpoints", description="Model files of this project."
    )
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "import", help="make a model file of a Pix2PixHD, CycleGAN or U-GAT-IT checkpoint"
    )
    command.add_argument("file", type=Path, help="the project's .pth (weights only), or a .safetensors")
    command.add_argument("--family", choices=PROJECTS, help="default: what the weights look like")
    command.add_argument("--out", type=Path, required=True, help="model file to write, X.safetensors")
    command.add_argument("--network", help="which one of a file with several, such as genB2A")
    command.add_argument("--image-size", type=int, help="side in pixels that it was trained at")
    command.add_argument("--polarity", choices=POLARITIES, help="of the sketches; default black_on_white")
    command.add_argument("--colour", choices=COLOURS, help="order of the photo's channels; default rgb")
    for side in ("input", "output"):
        command.add_argument(
            f"--{side}-range", choices=RANGES, help="signed [-1, 1] (default), unit [0, 1], byte [0, 255]"
        )
    command.add_argument(
        "--statistics", choices=STATISTICS, help="what BatchNorm goes by: averages of its training (default), or "
        "each picture, as the projects' own test scripts do without --eval",
    )  # fmt: skip
    command.add_argument("--border", choices=BORDERS, help="padding of residual blocks; default reflect")
    command.add_argument("--licence", default="", help="of the weights; default unknown")
    command.add_argument("--note", default="", help="kept in the file")
    command.add_argument("--replace", action="store_true", help="write over an existing file")
    return parser
