"""Take checked pictures into the library, with an answer for every file."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.names import normal_name
from curation.intake.children import PictureBytes, PictureFile, Task, check_in_child, open_checkers
from curation.intake.picture import DEFAULT_LIMITS, PictureLimits, RejectedFile
from curation.library.records import Original, Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

ROUND_FILES = 1_000
ROUND_BYTES = 64_000_000
BATCH, BATCH_BYTES = 32, 64_000_000  # pictures of one transaction
MAX_BATCHES = 2  # that wait for the disk
IMPORTER = "import"
DELETED = "It was deleted here for good, because somebody asked for it, and is not taken again."
_OUTCOMES = {"new": "added", "known": "known", "deleted": "deleted"}


@dataclass(frozen=True)
class IntakeResult:
    """What became of one file."""

    name: str  # as it came: path below the folder or archive, name of the upload, address
    # ``added``, ``known`` (it was there; a new place it comes from is noted), ``deleted`` (for good, and not taken
    # again), ``refused``; downloads also have ``failed`` (the next run tries again).
    outcome: str
    image_id: str = ""  # empty unless it is in the library
    # code, sentence: why not: one of `curation.intake.refusal.CODES`, and the same for people.
    code: str = ""
    sentence: str = ""

    @property
    def is_taken(self) -> bool:
        """Tell whether the library holds it."""
        return self.outcome in ("added", "known")


@dataclass(frozen=True)
class IntakeSummary:
    """How many files had which outcome, and why the refused ones were."""

    added: int = 0
    known: int = 0
    deleted: int = 0
    refused: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def sentence(self) -> str:
        """Write the outcome for a person."""
        files = self.added + self.known + self.deleted + self.refused + self.failed
        parts = [f"{files} files: {self.added} added, {self.known} known already, {self.refused} refused"]
        parts += [f"{self.deleted} deleted for good earlier"] if self.deleted else []
        parts += [f"{self.failed} failed"] if self.failed else []
        reasons = ", ".join(f"{code} {number}" for code, number in self.reasons.items())
        return ", ".join(parts) + (f" ({reasons})." if reasons else ".")


@dataclass(frozen=True)
class IntakeItem:
    """A file on its way in; ``refusal`` where it is known already that it stays out."""

    content: PictureFile | PictureBytes
    provenance: Provenance
    labels: tuple[str, ...] = ()
    refusal: RejectedFile | None = None


def summarise(answers: Iterable[IntakeResult]) -> IntakeSummary:
    """Count answers; uses them up, and so does the work of a ``take_...`` function."""
    outcomes, reasons = Counter[str](), Counter[str]()
    for answer in answers:
        outcomes[answer.outcome] += 1
        if answer.code:
            reasons[answer.code] += 1
    return IntakeSummary(**outcomes, reasons=dict(reasons.most_common()))


def ingest_bytes(
    library: Library,
    data: bytes,
    provenance: Provenance,
    *,
    check: Callable[[bytes], Original] = check_in_child,
) -> IntakeResult:
    """Take one file that somebody sent; from any thread.

    Raises
    ------
    curation.library.records.LibraryError, OSError
        If the library cannot keep it.
    """
    provenance = replace(provenance, name=plain_name(provenance.name))
    try:
        original = check(data)
    except RejectedFile as refused:
        return refuse(provenance.name, refused)
    return _answer(library.add_many([(original, provenance)])[0], original.id, provenance.name)


def ingest_pictures(
    library: Library,
    items: Iterable[IntakeItem],
    *,
    limits: PictureLimits = DEFAULT_LIMITS,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    total: int = 0,
) -> Iterator[IntakeResult]:
    """Check many files in child processes and take the pictures among them.

    Files are handled in rounds, so that ``items`` may be endless and hold bytes. Labels are added under
    the name ``import``, to images that do not carry them yet.

    Parameters
    ----------
    progress
        Called with files done and ``total``.

    Returns
    -------
    answers
        One a file, in the order they are done. Use them up, or close the iterator to stop.
    """
    from core.config import settings  # pydantic, which every child would load with this module

    done = 0
    # Keeping waits for the disk, so it has a thread of its own: children are never kept waiting by it.
    with (
        ThreadPoolExecutor(1) as keeper,
        open_checkers(limits, workers=workers or settings().threads) as check,
    ):
        for batch in _rounds(items):
            for answer in _take_round(library, batch, check, keeper):
                done += 1
                if progress:
                    progress(done, max(total, done))
                yield answer


def _take_round(
    library: Library,
    items: Sequence[IntakeItem],
    check: Callable[[Iterable[Task]], Iterator[tuple[Task, Original | RejectedFile]]],
    keeper: Executor,
) -> Iterator[IntakeResult]:
    for item in items:
        if item.refusal is not None:
            yield refuse(item.provenance.name, item.refusal)
    tasks = [Task(number, item.content) for number, item in enumerate(items) if item.refusal is None]
    arrivals: list[tuple[Original, IntakeItem]] = []
    kept: deque[Future[list[IntakeResult]]] = deque()
    for task, result in check(tasks):
        item = items[task.number]
        if isinstance(result, RejectedFile):
            yield refuse(item.provenance.name, result)
            continue
        arrivals.append((result, item))
        if len(arrivals) >= BATCH or sum(len(original.data) for original, _ in arrivals) >= BATCH_BYTES:
            kept.append(keeper.submit(_keep, library, arrivals))
            arrivals = []
        while kept and (kept[0].done() or len(kept) > MAX_BATCHES):
            yield from kept.popleft().result()
    kept.append(keeper.submit(_keep, library, arrivals))
    for batch in kept:
        yield from batch.result()


def _keep(library: Library, arrivals: Sequence[tuple[Original, IntakeItem]]) -> list[IntakeResult]:
    """Take pictures, label them, and only then say so."""
    if not arrivals:
        return []
    outcomes = library.add_many([(original, item.provenance) for original, item in arrivals])
    labels: dict[tuple[str, ...], list[str]] = {}
    for outcome, (original, item) in zip(outcomes, arrivals, strict=True):
        if item.labels and outcome != "deleted":
            labels.setdefault(item.labels, []).append(original.id)
    add_labels(library, labels)
    return [
        _answer(outcome, original.id, item.provenance.name)
        for outcome, (original, item) in zip(outcomes, arrivals, strict=True)
    ]


def add_labels(library: Library, labels: dict[tuple[str, ...], list[str]]) -> None:
    """Label images, leaving out the labels that they carry; decisions stay as they are."""
    if not labels:
        return
    there = library.labels_of([image_id for ids in labels.values() for image_id in ids])
    for wanted, ids in labels.items():
        lacking = list(dict.fromkeys(each for each in ids if not set(wanted) <= set(there.get(each, ()))))
        if lacking:
            library.decide(lacking, None, reviewer=IMPORTER, add_labels=wanted)


def refuse(name: str, refused: RejectedFile) -> IntakeResult:
    """Make the answer for a file that is not taken."""
    return IntakeResult(name, "refused", code=refused.code, sentence=refused.sentence)


def plain_name(name: str) -> str:
    """Write a file's name as text that any database and page takes: whole, no control characters, no broken bytes."""
    readable = normal_name(name.encode("utf-8", "backslashreplace").decode("utf-8"))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in readable)[
        :1000
    ]


def _answer(outcome: str, image_id: str, name: str) -> IntakeResult:
    if outcome == "deleted":
        return IntakeResult(name, "deleted", sentence=DELETED)
    return IntakeResult(name, _OUTCOMES[outcome], image_id)


def _rounds(items: Iterable[IntakeItem]) -> Iterator[list[IntakeItem]]:
    batch: list[IntakeItem] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item.content.data) if isinstance(item.content, PictureBytes) else 0
        if len(batch) >= ROUND_FILES or size >= ROUND_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
