"""Judge the images of a library in batches over worker processes."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core.atomic_files import write_atomically
from core.processes.workers import Outcome
from curation.analysis.hashes import DETAIL_VERSION
from curation.analysis.pictures import has_pictures, remove_pictures
from curation.library.files import LibraryFiles
from curation.library.records import Examination

if TYPE_CHECKING:
    from curation.library.library import Library

Anchors = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class AnalysisTask:
    """One image to analyse."""

    image_id: str
    path: str  # its original
    # Image-left eye, image-right eye and mouth centre where a person has corrected them.
    anchors: Anchors = ()


logger = logging.getLogger(__name__)

BATCH, BATCH_S = 200, 2.0
FAILURES = frozenset({"unreadable", "timeout", "crashed"})
_FAILED = {"timeout": "The image took too long", "crashed": "The image made the worker process fail, twice"}


def pending_tasks(library: Library, versions: str, *, retry_failed: bool = False) -> list[AnalysisTask]:
    """List what is pending, oldest first, and then what is damaged."""
    table = library.table()
    status = table["status"].astype(str)
    ids = dict.fromkeys(library.pending(versions))
    states = zip(status.index.astype(str), status, strict=True)
    ids |= dict.fromkeys(one for one, state in states if not has_pictures(library.files, one, state))
    if retry_failed:
        ids |= dict.fromkeys(status.index[status.isin(FAILURES)])
    corrections = library.corrections()
    path = library.files.original
    return [AnalysisTask(i, str(path(i).absolute()), corrections.get(i, ())) for i in ids]


def in_batches(
    outcomes: Iterator[Outcome[AnalysisTask, Examination]],
) -> Iterator[list[Outcome[AnalysisTask, Examination]]]:
    """Gather outcomes as they come, handed on every `BATCH_S` seconds or `BATCH` images."""
    batch, since = [], time.monotonic()
    for outcome in outcomes:
        batch.append(outcome)
        if len(batch) >= BATCH or time.monotonic() - since >= BATCH_S:
            yield batch
            batch, since = [], time.monotonic()
    if batch:
        yield batch


def to_examination(outcome: Outcome[AnalysisTask, Examination], versions: str) -> Examination:
    """Make the row of an image, of one that failed its worker too."""
    if outcome.result is not None:
        return outcome.result
    failure = outcome.failure or "crashed"
    detail = f"{_FAILED[failure]}{f' ({outcome.detail})' if outcome.detail else ''}."
    logger.warning("%s: %s", outcome.task.image_id, detail)
    return Examination(outcome.task.image_id, failure, detail, versions)


def save(library: Library, rows: list[Examination]) -> None:
    """Save examinations; pictures of an image that was deleted meanwhile do not stay behind."""
    library.save_examinations(rows)
    for row in rows:
        if not library.files.original(row.image_id).exists():
            remove_pictures(library.files, row.image_id)


def group_duplicates(library: Library) -> int | None:
    """Search duplicates among all images and save the groups; ``None`` if nothing has changed since."""
    from curation.duplicates import DetailComparison, find_duplicates

    found = library.duplicate_inputs()
    quality = library.table()["eye_distance_px"].reindex(found.ids).fillna(0.0).tolist()
    done = library.root / "jobs" / "duplicates.sha256"
    state = hashlib.sha256(repr((DETAIL_VERSION, *found, quality)).encode()).hexdigest()
    if done.exists() and done.read_text() == state:
        return None
    groups = find_duplicates(*found, quality, is_same=DetailComparison(partial(_read_crop, library.files)))
    library.save_duplicates(library.best_copies(groups))
    write_atomically(done, state.encode(), durable=False)
    return len(groups)


def _read_crop(files: LibraryFiles, image_id: str) -> np.ndarray | None:
    """``None`` where it is missing: what cannot be compared is not thrown out."""
    return cv2.imread(str(files.crop(image_id)), cv2.IMREAD_COLOR_RGB)
