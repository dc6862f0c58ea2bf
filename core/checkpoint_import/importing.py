"""Import a checkpoint of a reference project as a model of the studio, from Python and from the command line.

``python -m core.checkpoints import FILE --family F --out X.safetensors``.

Prints one line of JSON on stdout. A file that cannot be imported ends with one sentence on stderr, exit
code 2, and nothing written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import nn

from core.checkpoint_import.architecture import PROJECTS, build, work_out
from core.checkpoint_import.reading import CheckpointRefused, read_checkpoint
from core.checkpoints import load_generator, read_info, save_model
from core.cli import fail
from core.models.conventions import (
    BORDERS,
    COLOURS,
    POLARITIES,
    RANGES,
    STATISTICS,
    Conventions,
    default_conventions,
)

LICENCE_UNKNOWN = "unknown"
SKETCH_CHANNELS = (1, 3)


@dataclass(frozen=True)
class Candidate:
    """A checkpoint whose architecture has been worked out, not yet written anywhere."""

    network: nn.Module  # in eval mode, with its weights
    # family, config: as in `core.models.families.ModelInfo`; ``config`` as the family's own class.
    family: str
    config: Any
    conventions: Conventions  # what to assume until a person says otherwise
    licence: str = LICENCE_UNKNOWN  # what the file says, else ``unknown``
    # Where the weights come from, and ``notes`` on how they were read.
    provenance: dict[str, Any] = field(default_factory=dict)
    networks: tuple[str, ...] = ()  # all networks of the file, where it holds several

    @property
    def notes(self) -> tuple[str, ...]:
        """How the file was read, in words."""
        return tuple(self.provenance.get("notes", ()))

    @property
    def parameters(self) -> int:
        """How many numbers were learnt."""
        return sum(value.numel() for value in self.network.parameters())


def inspect_checkpoint(
    path: str | Path,
    project: str | None = None,
    *,
    network: str | None = None,
    image_size: int | None = None,
    name: str | None = None,
) -> Candidate:
    """Read a checkpoint and work out which network it belongs to.

    Parameters
    ----------
    path
        A reference project's ``.pth``, or a model file of ours.
    project
        ``pix2pixhd``, ``cyclegan`` or ``ugatit``; by default what the weights look like.
    network
        Which one of a file that holds several.
    image_size
        Side of the images, where the weights do not tell it.
    name
        What to call the file, where ``path`` is a temporary one.

    Raises
    ------
    CheckpointRefused
        If the file cannot be imported; one sentence with the way out.
    """
    path = Path(path)
    try:
        return _inspect(path, project, network, image_size, name or path.name)
    except CheckpointRefused as error:
        if name is None or name == path.name:
            raise
        raise CheckpointRefused(str(error).replace(path.name, name), error.networks) from error


def _inspect(
    path: Path, project: str | None, network: str | None, image_size: int | None, name: str
) -> Candidate:
    if (ours := _our_own(path)) is not None:
        return ours
    checkpoint = read_checkpoint(path, network)
    architecture = work_out(checkpoint.tensors, project, image_size=image_size)
    if architecture.config.output_nc not in (1, 3):
        raise CheckpointRefused(
            f"{name} gives {architecture.config.output_nc} channels, where a photo has 3 (or 1, grey)."
        )
    if architecture.config.input_nc not in SKETCH_CHANNELS:
        raise CheckpointRefused(
            f"{name} takes {architecture.config.input_nc} input channels, where a sketch has 1 or 3: it was trained on "
            "something else, such as label maps, and would paint noise of a sketch."
        )
    if architecture.family == "cyclegan_unet" and image_size is None:
        image_size = max(256, architecture.config.multiple)
    provenance = {
        "imported_from": name,
        "sha256": _sha256(path),
        "imported": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": [*checkpoint.notes, *architecture.notes],
    }
    if checkpoint.network:
        provenance["network"] = checkpoint.network
    return Candidate(
        network=build(architecture),
        family=architecture.family,
        config=architecture.config,
        conventions=default_conventions(architecture.config, image_size=image_size),
        provenance=provenance,
        networks=checkpoint.networks,
    )


def _our_own(path: Path) -> Candidate | None:
    """A model file of ours as it is, None for any other file."""
    try:
        info = read_info(path)
    except (ValueError, OSError, RuntimeError):
        return None
    try:
        network = load_generator(path)
    except ValueError as error:
        raise CheckpointRefused(str(error)) from error
    assert info.conventions is not None  # generators have them
    return Candidate(
        network, info.family, network.config, info.conventions, info.licence, dict(info.provenance)
    )


def write_candidate(
    candidate: Candidate,
    out: str | Path,
    *,
    licence: str = "",
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a candidate as a model file, atomically.

    Parameters
    ----------
    licence
        By default the candidate's.
    notes
        What else to keep in the file's provenance.

    Raises
    ------
    ValueError
        If the conventions do not fit the network, or a weight is not finite.
    OSError
        If there is no room.
    """
    save_model(
        out,
        candidate.network,
        provenance={**candidate.provenance, **(notes or {})},
        licence=licence.strip() or candidate.licence,
        conventions=candidate.conventions,
    )


def describe(candidate: Candidate) -> dict[str, Any]:
    """Give what was worked out, for a program to read."""
    return {
        "family": candidate.family,
        "config": asdict(candidate.config),
        "parameters": candidate.parameters,
        "conventions": asdict(candidate.conventions),
        "licence": candidate.licence,
        "notes": list(candidate.notes),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_CONVENTIONS = ("polarity", "colour", "input_range", "output_range", "image_size", "statistics", "border")


def run(arguments: list[str]) -> int:
    """Parse and run; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        print(json.dumps(import_file(parsed)))
    except (ValueError, OSError) as error:
        return fail(error)
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
