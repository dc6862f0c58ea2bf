"""Export a dataset version: ``python -m curation.export NAME --out DIR``, or bring one back with ``--import``.

A frozen version of the library (``python -m curation.freeze NAME`` makes one) is written as a folder to train on (or
to load with Hugging Face's ``datasets``), with a dataset card; DIR is replaced at once or not at all. Photos of one
person share a split as far as their faces tell, or with ``--no-faces`` are not compared. ``--annotations coco yolo
voc`` adds boxes and landmarks for other tools. ``python -m curation.export --import DIR`` enters the version of an
export, folder or zip, into this library.

It prints a sentence and the command to go on with, or with ``--json`` one line of JSON. Exit code: 0 done,
1 stopped (disk, library), 2 wrong arguments, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from core.cli import command
from core.processes.progress import follow_progress, progress_writer
from curation.export.annotations import FORMATS
from curation.export.dataset import ExportError, ExportSummary, export_version
from curation.export.importing import import_export
from curation.export.splits import Fractions
from curation.export.summary import KINDS
from curation.library.records import LibraryError


@command(ExportError, LibraryError, OSError, stopped="Stopped. What was exported before is untouched.")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module for exit codes."""
    from tqdm import tqdm

    from curation.library.library import Library

    options = _parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    report = progress_writer(options.progress_file)
    bar = tqdm(unit="image", file=sys.stderr, dynamic_ncols=True)
    show = follow_progress(bar, report)

    with bar, Library.open(options.library) as library:
        if options.source:
            bar.set_description("importing")
            version = import_export(library, options.source, progress=show)
            answer = f"Version {version.name} is here now: {len(version.ids)} images, hash {version.hash}."
            found: dict[str, object] = {"version": version.name, "hash": version.hash}
        else:
            bar.set_description("exporting")
            fractions = Fractions(*options.fractions)
            summary = export_version(
                library, options.name, options.out,
                kind=options.kind, zip=options.zip, annotations=options.annotations, seed=options.seed,
                fractions=fractions, compare_faces=options.faces, progress=show,
            )  # fmt: skip
            answer, found = _words(summary), asdict(summary)
    print(json.dumps(found) if options.json else answer)
    return 0


def _words(summary: ExportSummary) -> str:
    lines = [summary.sentence(), *summary.people, *(f"Note: {warning}" for warning in summary.warnings)]
    return "\n".join([*lines, *(f"{what}: {how}" for what, how in summary.commands.items())])


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    usual = Fractions()
    parser = argparse.ArgumentParser(
        prog="python -m curation.export", description="Export a dataset version, or import an export."
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="name of the frozen version")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write (its place is taken at once)"
    )
    parser.add_argument("--library", type=Path, metavar="DIR", help="the library's folder")
    parser.add_argument("--kind", choices=KINDS, default="pairs", help="layout (default %(default)s)")
    parser.add_argument("--zip", action="store_true", help="write DIR.zip as well")
    parser.add_argument(
        "--annotations", nargs="+", choices=FORMATS, default=(), metavar="FORMAT",
        help=f"also write boxes and landmarks for other tools: {', '.join(FORMATS)}",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the splits (default %(default)s)")
    parser.add_argument(
        "--fractions", type=float, nargs=3, metavar=("TRAIN", "VAL", "TEST"),
        default=(usual.train, usual.val, usual.test), help="parts of the splits (default 0.8 0.1 0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--no-faces", dest="faces", action="store_false",
        help="do not compare faces: photos of one person may then lie in several splits",
    )  # fmt: skip
    parser.add_argument(
        "--import", dest="source", type=Path, metavar="DIR", help="enter the version of an export instead"
    )
    parser.add_argument("--progress-file", type=Path, metavar="PATH", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args(arguments)
    if options.source and (options.name or options.out):
        parser.error("--import takes neither NAME nor --out")
    if not options.source and not (options.name and options.out):
        parser.error("NAME and --out are needed, or --import")
    return options


if __name__ == "__main__":
    sys.exit(main())
