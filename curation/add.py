"""Add pictures to the library: ``python -m curation.add SOURCE...``.

A SOURCE is a folder, a zip file, a list of addresses (CSV, JSON Lines or Parquet with ``url`` and, where
known, ``licence``, ``author``, ``page``), or a single picture; what a file is, its content tells. With
``--as`` a folder is read as a dataset, and its classes become labels. Every file gets an answer: added,
known already, deleted for good earlier, or refused with a code and a sentence; nothing that is refused is
kept. The command can be stopped at any time and started again.

It prints one line a refused file and a summary. With ``--json`` stdout gets one JSON object an answer, then
``{"summary": ...}``.

Exit code: 0 done (a refusal is an answer, not a failure), 1 stopped (disk, library), 2 wrong arguments,
130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli import command
from core.errors import AssetMissing
from core.processes.progress import follow_progress, progress_writer
from core.processes.workers import WorkerStartError
from curation.intake.ingestion import IntakeResult, IntakeSummary, summarise
from curation.intake.sources import IMPORTERS, Origin, Progress, add_demo, add_source
from curation.library.records import LibraryError

if TYPE_CHECKING:
    from curation.library.library import Library


@command(LibraryError, WorkerStartError, AssetMissing)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module for exit codes."""
    from tqdm import tqdm

    from curation.library.library import Library

    options = _parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    report = progress_writer(options.progress_file)
    bar = tqdm(desc="adding", unit="file", file=sys.stderr, dynamic_ncols=True)
    show = follow_progress(bar, report)

    with bar:
        library = Library.open(options.library)
        spools = [_spool_folder(source, library.root) for source in options.sources if options.remove_source]
        report.phase("adding")
        answers = _answers(library, options, show)
        _print_summary(summarise(_print_each(answers, options.json, bar.write)), options.json)
        if options.judge:
            bar.set_description("judging")
            from curation.judge import judge_new  # loads the whole machinery

            report.phase("judging")
            judge_new(library, workers=options.workers, as_json=options.json, progress=show)
    for folder in spools:  # after success only: a job that is stopped goes on from there
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _answers(library: Library, options: argparse.Namespace, progress: Progress) -> Iterator[IntakeResult]:
    origin = Origin(options.source, options.licence, options.author, options.page, options.uploader)
    if options.demo:
        yield from add_demo(library, progress=progress)
    for source in options.sources:
        yield from add_source(
            library, source, origin,
            kind=options.kind, progress=progress, workers=options.workers, remember=not options.remove_source,
            follow_links=options.follow_links,
        )  # fmt: skip


def _print_each(
    answers: Iterable[IntakeResult], as_json: bool, write: Callable[..., Any]
) -> Iterator[IntakeResult]:
    for answer in answers:
        if as_json:
            print(json.dumps(asdict(answer)), flush=True)
        elif answer.code:
            write(f"{answer.name}: {answer.sentence} [{answer.code}]", file=sys.stderr)
        yield answer


def _print_summary(summary: IntakeSummary, as_json: bool) -> None:
    print(json.dumps({"summary": asdict(summary)}) if as_json else summary.sentence(), flush=True)


def _spool_folder(source: Path, root: Path) -> Path:
    """The folder that is deleted with ``source``: one in the library's jobs folder, never a person's own.

    Raises
    ------
    ValueError
        If ``source`` is neither such a folder nor a file in one.
    """
    place = source.resolve()
    folder = place if place.is_dir() else place.parent
    if source.is_symlink() or folder.parent != (root / "jobs").resolve():
        raise ValueError(f"--remove-source is for folders in {root / 'jobs'}, not for {source}.")
    return folder


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m curation.add", description="Add pictures to the library."
    )
    parser.add_argument(
        "sources",
        type=Path,
        nargs="*",
        metavar="SOURCE",
        help="folder, zip file, list of addresses or picture",
    )
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: library/ in the data folder")
    parser.add_argument(
        "--as", dest="kind", choices=["auto", *IMPORTERS], default="auto", help="read folders as this dataset"
    )
    parser.add_argument("--licence", default="", metavar="TEXT", help="of all that is added")
    parser.add_argument("--author", default="", metavar="TEXT", help="of all that is added")
    parser.add_argument("--page", default="", metavar="URL", help="where the pictures are shown")
    parser.add_argument("--uploader", default="", metavar="NAME", help="who adds them")
    parser.add_argument(
        "--source", default="", metavar="NAME", help="in place of folder:NAME, archive:NAME ..."
    )
    parser.add_argument("--follow-links", action="store_true", help="take links to files wherever they lead")
    parser.add_argument("--demo", action="store_true", help="add the sample dataset")
    parser.add_argument("--judge", action="store_true", help="examine what is new right afterwards")
    parser.add_argument("--workers", type=int, metavar="N", help="child processes (default: all cores)")
    parser.add_argument("--progress-file", type=Path, metavar="FILE", help="keep done and total in this file")
    parser.add_argument(
        "--remove-source",
        action="store_true",
        help="delete SOURCE afterwards: a folder in the library's jobs/, or a file in one",
    )
    parser.add_argument("--json", action="store_true", help="print every answer as a line of JSON")
    options = parser.parse_args(arguments)
    if not options.sources and not options.demo:
        parser.error("name a SOURCE, or --demo")
    return options


if __name__ == "__main__":
    sys.exit(main())
