"""Find the data and models that a comparison may use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import settings
from dashboard.shared.formatting import free_name
from dashboard.shared.server_paths import server_path
from dashboard.shared.texts import _, translate_sentence
from dashboard.views.train.sources import MANIFEST, describe, exported
from eval.comparison.formatting import NOTHING, in_order, number_text, p_text, pair_text, pairs_of, winner_of
from eval.comparison.result import Column, Comparison, PairResult

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry
    from eval.comparison.request import ComparisonRequest

UPLOADS = ".uploads"
MAX_AGE_S = 24 * 3600
UPLOAD_LIMIT_MB = 2000


@dataclass(frozen=True)
class Dataset:
    """The true photos of a new comparison."""

    path: Path
    is_pairs: bool  # whether their sketches are known too, so that generators can draw on them
    split: str = "val"  # which of the pairs are meant

    def splits(self) -> dict[str, int]:
        """How many pairs each split has; none where they are no pairs, or their manifest cannot be read."""
        if not self.is_pairs:
            return {}
        try:
            return _splits(self.path, (self.path / MANIFEST).stat().st_mtime_ns)
        except (OSError, ValueError):
            return {}

    def facts(self) -> tuple[str, str]:
        """Why it cannot be used, else empty; and what it holds, in words."""
        if not self.is_pairs:
            return "", _(
                "images in any depth of folders; every file is used, or listed with the reason why not"
            )
        try:
            changed = (self.path / MANIFEST).stat().st_mtime_ns
            count = _splits(self.path, changed).get(self.split, 0)
        except (OSError, ValueError) as error:
            return translate_sentence(error), ""
        if not count:
            why = _(
                "No pair of {path} belongs to the split {split}. Choose another split.",
                path=self.path, split=self.split,
            )  # fmt: skip
            return why, ""
        return "", _("{count:,} photos with their sketches", count=count)


@lru_cache(maxsize=32)
def _splits(folder: Path, _changed: int) -> dict[str, int]:
    from eval.sets.pairs_folder import count_splits

    return count_splits(folder)


def datasets(repeated: ComparisonRequest | None = None) -> dict[str, Path]:
    """Folders of pairs to choose from: exported versions, and the one that a repeated comparison used."""
    found = {path.name: path for path in exported(settings().data / "library")}
    if repeated is not None and repeated.real.is_absolute() and not describe(repeated.real).problem:
        found = {str(repeated.real): repeated.real} | found
    return found


def source_path(text: str) -> Path:
    """A folder or zip on the server by its path.

    Raises
    ------
    ValueError
        As for `dashboard.shared.server_paths.server_path`, or if it is another kind of file.
    """
    path = server_path(text)
    if path.is_file() and path.suffix.lower() not in (".zip", ".npz"):
        raise ValueError(_("{name} is neither a folder nor a zip file.", name=path.name))
    return path


def sweep_uploads(root: Path, kept: Iterable[Entry]) -> None:
    """Delete uploads that are a day old and that no kept comparison was made of."""
    if not (root / UPLOADS).is_dir():
        return
    used = {path.parent for entry in kept if entry.request for path in paths_of(entry.request)}
    for folder in (root / UPLOADS).iterdir():
        try:
            if folder not in used and folder.stat().st_mtime < time.time() - MAX_AGE_S:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # another visitor's sweep
            continue


def paths_of(request: ComparisonRequest) -> list[Path]:
    """Every file and folder that a request names."""
    from eval.comparison.request import GeneratorSource

    sources = [
        source.data if isinstance(source, GeneratorSource) else source for source in request.fakes.values()
    ]
    single = (request.real, request.training, request.sketches, request.labels, request.weights)
    return [path for path in (*single, *sources) if path is not None]


def free_model_name(wanted: str, taken: Sequence[str]) -> str:
    """A model's name that is not taken yet: ``mine``, ``mine 2``, ``mine 3``."""
    wanted = wanted.strip() or "outputs"
    is_free = wanted not in (*taken, "real")
    return wanted if is_free else free_name(f"{wanted} ", taken, 2)


def model_name(generator: str, stage1: str) -> str:
    """What a generator's set is called in the table."""
    return f"{generator}, parts" if stage1 == "parts" else generator


def pair_matrix(comparison: Comparison, column: Column) -> str:
    """Every model against every other: who is better, by how much, or a tie. Empty where nothing was tested."""
    pairs = {frozenset((pair.first, pair.second)): pair for pair in pairs_of(comparison, column.key)}
    if not pairs:
        return ""
    names = [model.name for model in in_order(comparison, column)]
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    rows = []
    for name in names:
        cells = "".join(
            _pair_cell(pairs.get(frozenset((name, other))), name, other, column) for other in names
        )
        rows.append(f"<tr><th scope='row'>{escape(name)}</th>{cells}</tr>")
    return (
        f"<div class='cmp-scroll' tabindex='0' role='region' aria-label='{escape(_('Pairs'))}'>"
        f"<table class='cmp-pairs'><thead><tr><th scope='col'>{_('row against column')}</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _pair_cell(pair: PairResult | None, name: str, other: str, column: Column) -> str:
    if name == other:
        return "<td class='self' aria-hidden='true'></td>"
    if pair is None or pair.difference.value is None:
        return f"<td>{NOTHING}</td>"
    sign = 1 if pair.first == name else -1
    low, high = pair.difference.low, pair.difference.high
    ends = sorted(sign * end for end in (low, high) if end is not None)
    chance = p_text(pair.p_adjusted if pair.p_adjusted is not None else pair.p)
    if pair.is_separated:
        is_better = winner_of(pair, column)[0] == name
        kind, word = ("better", _("better")) if is_better else ("worse", _("worse"))
    else:
        kind, word = "tied", _("tie")
    interval = ""
    if len(ends) == 2:
        low_text, high_text = map(number_text, ends)
        interval = f"<small>{_('{low} to {high}', low=low_text, high=high_text)}</small>"
    limit = pair.extrapolated.value if pair.extrapolated is not None else None
    unbiased = needed = ""
    if limit is not None:
        unbiased = f"<small>{_('without bias {value}', value=number_text(sign * limit))}</small>"
    if pair.needed and kind == "tied":
        needed = f"<small>{_('about {n:,} images would tell', n=pair.needed)}</small>"
    return (
        f"<td class='{kind}' title=\"{escape(translate_sentence(pair_text(pair, column, _)))}\"><b>{word}</b> "
        f"<span>{number_text(sign * pair.difference.value)}</span>{interval}{unbiased}"
        f"<small>{chance}</small>{needed}</td>"
    )
