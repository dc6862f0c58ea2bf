"""Compare models by their images: ``python -m eval.run --real DIR --fake NAME=DIR ... --json OUT``.

``--real`` and every set is a folder (searched to any depth), a zip, a Hugging Face ImageFolder, or a folder of
pairs as ``python -m curation.run`` and ``curation.export`` write it; ``--real`` may also be an ``.npz`` of statistics
(pytorch-fid's, TTUR's), which gives the Fréchet distance alone. ``--pairs PAIRS --generators all --stage1 whole
parts`` compares the generators of this machine on a split of pairs, and draws their images first. ``--fake
NAME@STEP=DIR``, or ``--run NAME=DIR`` with a folder per step, adds a curve over a run's checkpoints.

Prints a table; ``--json`` writes everything. A second run gives the same but for the times. Exit code: 0 done, 1
stopped (a set or weights are missing), 2 wrong arguments, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cli import FAILED, STOPPED, fail
from core.config import settings
from core.errors import AssetMissing
from eval.comparison.comparison_store import cache_of, root_of
from eval.comparison.request import ComparisonRequest, GeneratorSource, check_request
from eval.comparison.sources import checkpoints_of
from eval.inception import find_inception
from eval.protocols import DEFAULT, WITHOUT_WEIGHTS

ALL = "all"
STAGE1 = ("whole", "parts")


def request_of(options: argparse.Namespace) -> ComparisonRequest:
    """Build the request that the arguments make.

    Raises
    ------
    ValueError
        If they contradict one another or name what there is not.
    """
    asked = (options.html, options.json, options.csv, options.markdown, options.latex)
    named = [path for path in asked if path is not None]
    if options.pdf is not None or any(path.suffix.lower() == ".pdf" for path in named):
        raise ValueError(
            "No PDF is written: ask for --html FILE.html, open it in a browser, print it to PDF."
        )
    fakes: dict[str, Path | GeneratorSource] = {}
    checkpoints: dict[str, dict[int, Path]] = {}
    for text in options.fake:
        name, step, path = named_set(text)
        steps = checkpoints.setdefault(name, {}) if step is not None else {}
        if (name in fakes) if step is None else (step in steps):
            raise ValueError(f"two sets are called {text.partition('=')[0]}. Give each a name of its own.")
        if step is None:
            fakes[name] = path
        else:
            steps[step] = path
    for text in options.run:
        name, _, path = named_set(text)
        found = checkpoints_of(path)
        if twice_given := sorted(found.keys() & checkpoints.get(name, {}).keys()):
            raise ValueError(
                f"step {twice_given[0]} of {name} is given twice. Give each run a name of its own."
            )
        checkpoints.setdefault(name, {}).update(found)
    for name, steps in checkpoints.items():
        fakes.setdefault(name, steps[max(steps)])
    if options.generators:
        if options.pairs is None:
            raise ValueError("--generators draws the sketches of pairs: name their folder with --pairs DIR.")
        drawn = generators_of(options)
        if twice := fakes.keys() & drawn.keys():
            raise ValueError(
                f"a set and a generator are both called {', '.join(sorted(twice))}. Give each a name of its own."
            )
        fakes |= drawn
    real = options.real or options.pairs
    if real is None:
        raise ValueError("name the true photos with --real DIR, or pairs with --pairs DIR.")
    if not fakes:
        raise ValueError("nothing to compare: give --fake NAME=DIR, or --pairs DIR --generators all.")
    plain: dict[str, Any] = {
        key: getattr(options, key)
        for key in (
            "weights",
            "lpips",
            "training",
            "sketches",
            "labels",
            "drawings",
            "split",
            "seed",
            "permutations",
        )
    }
    protocol = options.protocol or (DEFAULT if options.weights or find_inception() else WITHOUT_WEIGHTS)
    request = ComparisonRequest(
        title=options.title, real=real, fakes=fakes, checkpoints=checkpoints, protocol=protocol,
        metrics=tuple(options.metrics), pictures=options.out is not None or options.html is not None,
        **plain,
    )  # fmt: skip
    check_request(request)
    return request


def named_set(text: str) -> tuple[str, int | None, Path]:
    """``NAME=DIR`` or ``NAME@STEP=DIR``.

    Raises
    ------
    ValueError
        If the text has another form.
    """
    name, found, path = text.partition("=")
    plain, at, step = name.rpartition("@")
    if not found or not name.strip() or not path:
        raise ValueError(f"a set is given as NAME=DIR, for instance cyclegan=samples/cyclegan; got {text!r}.")
    if at and step.isdecimal():
        return plain, int(step), Path(path)
    return name, None, Path(path)


def generators_of(options: argparse.Namespace) -> dict[str, Path | GeneratorSource]:
    """A source for each generator after each kind of stage 1."""
    from core.models.folder import generators

    there = generators(settings().weights)
    names = there if ALL in options.generators else list(dict.fromkeys(options.generators))
    if unknown := [name for name in names if name not in there]:
        raise ValueError(f"no generator {', '.join(unknown)}; there are: {', '.join(there) or 'none'}.")
    return {
        name if stage1 == "whole" else f"{name}, {stage1}": GeneratorSource(
            generator=name, stage1=stage1, data=options.pairs, split=options.split, mode=options.mode, t=options.t,
            k=options.k,
        )
        for stage1 in dict.fromkeys(options.stage1)
        for name in names
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    from tqdm import tqdm

    from eval.comparison.export_csv import write_files
    from eval.comparison.run import run_comparison
    from eval.comparison.table import table

    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        request = request_of(options)
    except ValueError as error:
        return fail(error)
    folder = options.out or Path(tempfile.mkdtemp(prefix="comparison-"))
    cache = options.cache or cache_of(root_of(settings().data))
    bar = tqdm(unit="", file=sys.stderr, dynamic_ncols=True, disable=None)

    def show(stage: str, done: int, total: int) -> None:
        bar.set_description(stage, refresh=False)
        bar.total, bar.n = total, done
        bar.refresh()

    try:
        with bar:
            comparison = run_comparison(request, folder, cache=cache, progress=show)
        files = {name: getattr(options, name) for name in ("json", "csv", "html", "markdown", "latex")}
        write_files(folder, **files)
    except (AssetMissing, FileNotFoundError, ValueError, OSError) as error:
        return fail(error, FAILED)
    except KeyboardInterrupt:
        return STOPPED
    finally:
        if options.out is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(table(comparison))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--real", type=Path, metavar="SET", help="true photos; default: the photos of --pairs")
    add(
        "--fake",
        action="append",
        default=[],
        metavar="NAME=SET",
        help="a model's images; NAME@STEP for a checkpoint",
    )
    add(
        "--run",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="a folder of images per step (step_002000)",
    )
    add("--pairs", type=Path, metavar="DIR", help="pairs, or an exported version, that generators draw from")
    add("--generators", nargs="+", default=[], metavar="NAME", help="generators of this machine, or all")
    add("--stage1", nargs="+", choices=STAGE1, default=["whole"], help="kinds of stage 1 (default: whole)")
    add("--split", default="val", help="of pairs (default: val)")
    add("--mode", default="hybrid", choices=("hybrid", "whole", "none"), help="as on the Draw page")
    add("--t", type=float, default=0.5)
    add("--k", type=int, default=10)
    add(
        "--protocol",
        help="such as fid_clean, fid_pytorch or fd_effnet_lite0 (default: the first that works here)",
    )
    add(
        "--weights",
        type=Path,
        metavar="FILE",
        help="of the Inception, or a network of your own (ONNX, safetensors; TorchScript where allowed)",
    )
    add("--lpips", type=Path, metavar="FILE", help="TorchScript of LPIPS, allowed by STUDIO_TORCHSCRIPT")
    add("--training", type=Path, metavar="SET", help="training photos, to find outputs that repeat one")
    add(
        "--sketches",
        type=Path,
        metavar="SET",
        help="the drawings behind the images; default: those of the pairs",
    )
    add("--labels", type=Path, metavar="FILE", help="metadata.csv or .jsonl, to filter by")
    add(
        "--drawings",
        type=Path,
        metavar="DIR",
        help="drawings without a truth that the generators draw as well",
    )
    add(
        "--metrics",
        nargs="+",
        default=[],
        metavar="NAME",
        help="such as fid landmarks chamfer (default: all)",
    )
    add("--title", default="Comparison")
    add("--seed", type=int, default=0)
    add(
        "--permutations",
        type=int,
        default=1000,
        help="of every test (more where many models are compared; 0 tests nothing)",
    )
    add("--cache", type=Path, metavar="DIR", help="default: comparisons/.cache in the data folder")
    add("--out", type=Path, metavar="DIR", help="folder to keep everything in, pictures included")
    add("--json", type=Path, metavar="FILE", help="result to write")
    add("--csv", type=Path, metavar="FILE")
    add("--markdown", type=Path, metavar="FILE", help="table for a README or a paper")
    add("--latex", type=Path, metavar="FILE", help="the same table for LaTeX, with booktabs' rules")
    add("--html", type=Path, metavar="FILE", help="self-contained report, to read and to print")
    add("--pdf", nargs="?", type=Path, const=Path(), help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
