"""Keep features on disk by content, protocol and weights.

Features that were computed before, known by the content of the images and not by their names or dates.

An entry is a folder: ``features.npy`` (float32, one row an image), ``rows.bin`` (the sha256 of each row's
image) and ``about.json``. What an entry depends on - decoding, resize, network, weights, runtime - names the
folder it lies in; a protocol's sample count and seed do not matter, they only choose rows. New rows are kept a
few hundred at a time, so that a long extraction that was stopped goes on where it was, and editing one image
of a thousand computes one. Entries appear whole or not at all; what was used longest ago goes first.

Where computed features lie: entries that appear whole or not at all, and are removed by size.

``ROOT/KEY/ENTRY/`` holds ``features.npy``, ``rows.bin`` and ``about.json``. A whole entry is named by the
images that it was asked for, in their order; a piece is what was computed at a time, and goes once a whole
entry holds its rows.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.atomic_files import remove_abandoned, temporary_beside
from core.errors import UnsafeImage
from eval.extractors import Extractor, ExtractorInfo
from eval.features import BATCH, FeatureSet, FeatureStream, Progress, Skipped
from eval.protocols import EvaluationProtocol
from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import ImageSet, Item, open_set

PIECE = "piece-"  # how the names of entries begin that are a part of an extraction
Rows = NDArray[np.float32]
_CHUNK = 1024


@dataclass(frozen=True)
class Entry:
    """Features of some contents.

    Attributes
    ----------
    features : (N, D) float32
    rows
        sha256 of each row's image.
    problems
        Contents that cannot be decoded, and why.
    info
        What computed them; None where nothing could be decoded.
    """

    features: Rows
    rows: tuple[bytes, ...]
    problems: Mapping[bytes, str]
    info: ExtractorInfo | None
    path: Path | None = None


@dataclass
class Known:
    """Where the features of contents are, among several entries."""

    places: dict[bytes, tuple[Entry, int]] = field(default_factory=dict)
    problems: dict[bytes, str] = field(default_factory=dict)
    info: ExtractorInfo | None = None

    def __contains__(self, digest: bytes) -> bool:
        return digest in self.places or digest in self.problems

    def add(self, entry: Entry) -> None:
        """Know what an entry holds."""
        self.places.update((digest, (entry, row)) for row, digest in enumerate(entry.rows))
        self.problems.update(entry.problems)
        self.info = self.info or entry.info

    def pieces(self) -> list[Entry]:
        """Entries that are pieces."""
        found = {id(entry): entry for entry, _ in self.places.values() if entry.path is not None}
        return [entry for entry in found.values() if entry.path and entry.path.name.startswith(PIECE)]

    def chunks(self, rows: Sequence[bytes]) -> Iterator[Rows]:
        """Give the rows of these contents, a few at a time."""
        for start in range(0, len(rows), _CHUNK):
            places = [self.places[digest] for digest in rows[start : start + _CHUNK]]
            yield np.stack([entry.features[row] for entry, row in places])


logger = logging.getLogger(__name__)

SCHEMA = 1  # count up when entries look different, or the same key gives other features
_DIGEST_BYTES = 32
_FEATURES, _ROWS, _ABOUT = "features.npy", "rows.bin", "about.json"


class FeatureStore:
    """All entries, of every network and protocol.

    Parameters
    ----------
    limit_bytes
        See `eval.feature_cache.FeatureCache`.
    """

    def __init__(self, root: Path, *, limit_bytes: int) -> None:
        self.root = root
        self.limit_bytes = limit_bytes

    def partition(self, key: str) -> FeaturePartition:
        """Give the entries of one key."""
        return FeaturePartition(self, self.root / key)

    def trim(self, keep: Path) -> None:
        """Remove entries that were used longest ago until the rest fits, but never ``keep``."""
        for partition in self.root.glob("*/"):
            remove_abandoned(partition, ".", "")
        found = []
        for path in self.root.glob("*/[!.]*"):
            try:
                used = path.stat().st_mtime
                found.append((used, sum(file.stat().st_size for file in path.iterdir()), path))
            except OSError:  # another process removed it
                continue
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.limit_bytes:
                break
            if path != keep:
                remove(path)
                total -= size


class FeaturePartition:
    """The entries of one key: rows that may stand in one matrix."""

    def __init__(self, store: FeatureStore, folder: Path) -> None:
        self.store, self.folder = store, folder

    def whole(self, digests: Sequence[bytes]) -> Entry | None:
        """Give the entry that was assembled for exactly these contents, if it is there."""
        entry = self._read(self.folder / _whole_name(digests))
        if entry is not None and entry.path is not None:
            with suppress(OSError):  # a folder that may only be read
                os.utime(entry.path)
        return entry

    def collect(self, digests: Sequence[bytes]) -> Known:
        """Give what any entry knows of these contents."""
        known = Known()
        wanted = set(digests)
        paths = [path for path in self.folder.glob("*") if not path.name.startswith(".")]
        for path in sorted(paths, key=_used, reverse=True):
            if wanted <= known.places.keys() | known.problems.keys():
                break
            if (entry := self._read(path)) is not None:
                known.add(entry)
        return known

    def keep_piece(
        self,
        known: Known,
        rows: Sequence[bytes],
        features: Rows,
        problems: Mapping[bytes, str],
        info: ExtractorInfo,
    ) -> None:
        """Keep new rows and know them; in memory only where the disk is full."""
        entry = Entry(features, tuple(rows), dict(problems), info if len(rows) else None)
        try:
            entry = self._write(f"{PIECE}{secrets.token_hex(8)}", entry, [features])
        except OSError as error:
            logger.warning("features cannot be kept in %s (%s); they stay in memory.", self.folder, error)
        known.add(entry)

    def assemble(self, digests: Sequence[bytes], known: Known, gone: Mapping[bytes, str]) -> Entry:
        """One entry for these contents, in their order, out of what is known; its pieces go."""
        rows = tuple(digest for digest in digests if digest in known.places)
        wanted = set(digests)
        problems = {digest: why for digest, why in known.problems.items() if digest in wanted}
        empty = np.empty((0, known.info.dimensions if known.info else 1), np.float32)
        plan = Entry(empty, rows, problems, known.info if rows else None)
        if not gone:
            try:
                entry = self._write(_whole_name(digests), plan, known.chunks(rows))
            except OSError as error:
                logger.warning("features cannot be kept in %s (%s).", self.folder, error)
            else:
                for piece in known.pieces():
                    if piece.path is not None and wanted.issuperset(piece.rows):
                        remove(piece.path)
                if entry.path is not None:
                    self.store.trim(entry.path)
                return entry
        return replace(plan, features=np.concatenate([empty, *known.chunks(rows)]))

    def _read(self, path: Path) -> Entry | None:
        """An entry; None if it is not there. A damaged one, or one of another format, is removed."""
        try:
            about = json.loads((path / _ABOUT).read_text("utf-8"))
            if about["schema"] != SCHEMA:
                raise ValueError(f"format {about['schema']}, expected {SCHEMA}")
            packed = (path / _ROWS).read_bytes()
            rows = tuple(packed[at : at + _DIGEST_BYTES] for at in range(0, len(packed), _DIGEST_BYTES))
            features = np.load(path / _FEATURES, mmap_mode="r" if rows else None, allow_pickle=False)
            if features.dtype != np.float32 or features.ndim != 2 or len(features) != len(rows):
                raise ValueError(f"{features.dtype} {features.shape} for {len(rows)} rows")
            info = ExtractorInfo(**about["extractor"]) if about["extractor"] else None
            problems = {bytes.fromhex(digest): why for digest, why in about["problems"].items()}
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
            logger.warning("%s cannot be used (%s) and is made anew.", path, error)
            remove(path)
            return None
        return Entry(features, rows, problems, info, path)

    def _write(self, name: str, entry: Entry, chunks: Iterable[Rows]) -> Entry:
        """Write an entry beside its place and move it there. OSError if there is no room."""
        path = self.folder / name
        about = {
            "schema": SCHEMA,
            "extractor": asdict(entry.info) if entry.info else None,
            "problems": {digest.hex(): why for digest, why in entry.problems.items()},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with temporary_beside(path, is_folder=True) as temporary:
            with (temporary / _FEATURES).open("wb") as file:
                shape = (len(entry.rows), entry.info.dimensions if entry.info else 1)
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for chunk in chunks:
                    file.write(np.ascontiguousarray(chunk, dtype="<f4").data)
                file.flush()
                os.fsync(file.fileno())
            (temporary / _ROWS).write_bytes(b"".join(entry.rows))
            (temporary / _ABOUT).write_text(json.dumps(about, ensure_ascii=False), "utf-8")
            _move(temporary, path)
        kept = self._read(path)
        if kept is None:
            raise OSError(f"{path} cannot be read back")
        return kept


def remove(path: Path) -> None:
    """Take an entry away at once, then delete it; who has it open keeps it."""
    grave = path.with_name(f".gone-{secrets.token_hex(8)}")
    try:
        os.replace(path, grave)
    except OSError:  # somebody else was faster
        return
    shutil.rmtree(grave, ignore_errors=True)


def _move(temporary: Path, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise  # else another process made the same meanwhile


def _whole_name(digests: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()[:40]


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


LIMIT_BYTES = 8_000_000_000
ROWS_AT_A_TIME = 256  # new rows that are kept at a time


class FeatureCache:
    """Features by content, in a folder that is made when it is first needed; for any number of processes.

    Parameters
    ----------
    folder
        Where it is kept, such as ``settings().data / "comparisons" / ".cache"``.
    limit_bytes
        Size of all features together above which the ones used longest ago are removed.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = Path(folder)
        self.store = FeatureStore(self.folder / "features", limit_bytes=limit_bytes)
        self.seen = FileHashCache(self.folder / "seen.sqlite")

    def open_set(self, path: Path, *, name: str | None = None, progress: Progress | None = None) -> ImageSet:
        """`eval.sets.folders.open_set`, which reads files again only if they have changed."""
        return open_set(path, name=name, seen=self.seen, progress=progress)

    def features(
        self,
        images: ImageSet,
        protocol: EvaluationProtocol,
        load: Callable[[], Extractor],
        *,
        weights_sha256: str,
        runtime: str,
        progress: Progress | None = None,
    ) -> FeatureSet:
        """Features of those images that the protocol picks; known ones without decoding anything.

        Parameters
        ----------
        load
            Gives the network; called only if there is something to compute.
        weights_sha256, runtime
            Of that network, known beforehand (`eval.comparison.extraction`).
        progress
            Called with images that are ready and images in all. What it raises ends the work, and what was
            computed until then stays.

        Returns
        -------
        FeatureSet
            ``features`` is a read-only map of a file, whatever N is, or an array where the disk is full.

        Raises
        ------
        ValueError
            If no image can be used, or there are fewer than the protocol asks for.
        """
        items = [images.items[row] for row in protocol.pick(images.names)]
        digests = [bytes.fromhex(item.digest) for item in items]
        partition = self.store.partition(pixel_key(protocol, weights_sha256, runtime))
        entry = partition.whole(digests)
        gone: dict[bytes, str] = {}
        if entry is None:
            known = partition.collect(digests)
            if any(digest not in known for digest in digests):
                if progress:  # loading may take a while
                    progress(sum(digest in known for digest in digests), len(items))
                extractor = load()
                info = extractor.info
                actual = self.store.partition(pixel_key(protocol, info.sha256, info.runtime))
                if (info.sha256, info.runtime) != (weights_sha256, runtime):
                    partition, known = actual, actual.collect(digests)
                gone = _compute(
                    items, partition, known, stream=_stream(extractor, protocol), progress=progress
                )
            entry = partition.assemble(digests, known, gone)
        if progress:
            progress(len(items), len(items))
        return _as_set(items, entry, protocol, gone)


def pixel_key(protocol: EvaluationProtocol, weights_sha256: str, runtime: str) -> str:
    """Name of all that a single image's features depend on."""
    parts = (protocol.extractor, protocol.decoding, protocol.resize, protocol.size, weights_sha256, runtime)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


Stream = Callable[[Iterator[tuple[str, bytes]], Progress], FeatureStream]


def _stream(extractor: Extractor, protocol: EvaluationProtocol) -> Stream:
    def start(pictures: Iterator[tuple[str, bytes]], progress: Progress) -> FeatureStream:
        return FeatureStream(pictures, extractor, protocol, batch_size=BATCH, progress=progress)

    return start


def _compute(
    items: Sequence[Item],
    partition: FeaturePartition,
    known: Known,
    *,
    stream: Stream,
    progress: Progress | None,
) -> dict[bytes, str]:
    """Extract what is not known yet into ``known``, a piece at a time; contents that could not be read at all."""
    missing = list({item.digest: item for item in items if bytes.fromhex(item.digest) not in known}.values())
    gone: dict[bytes, str] = {}
    before = len(items) - len(missing)

    def read() -> Iterator[tuple[str, bytes]]:
        for item in missing:
            try:
                data = item.read()
            except (OSError, UnsafeImage) as error:
                gone[bytes.fromhex(item.digest)] = str(error)
                continue
            yield item.digest, data

    def report(done: int, _total: int) -> None:
        if progress:
            progress(before + done, len(items))

    extraction = stream(read(), report)
    rows: list[NDArray[np.float32]] = []
    names: list[bytes] = []

    def keep() -> None:
        problems = {bytes.fromhex(one.name): one.reason for one in extraction.skipped}
        extraction.skipped.clear()
        if names or problems:
            features = np.concatenate(rows) if rows else np.empty((0, 1), np.float32)
            partition.keep_piece(known, names, features, problems, extraction.extractor.info)
        rows.clear()
        names.clear()

    try:
        for some, features in extraction:
            rows.append(features)
            names += map(bytes.fromhex, some)
            if len(names) >= ROWS_AT_A_TIME:
                keep()
    finally:  # also what was computed before somebody stopped it
        keep()
    return gone


def _as_set(
    items: Sequence[Item], entry: Entry, protocol: EvaluationProtocol, gone: Mapping[bytes, str]
) -> FeatureSet:
    problems = {**entry.problems, **gone}
    skipped, names = [], []
    for item in items:
        reason = problems.get(bytes.fromhex(item.digest))
        if reason is None:
            names.append(item.name)
        else:
            skipped.append(Skipped(item.name, reason))
    if not names or entry.info is None:
        first = f" The first: {skipped[0].name}: {skipped[0].reason}" if skipped else ""
        raise ValueError(f"no picture can be used; {len(skipped)} were left out.{first}")
    return FeatureSet(entry.features, tuple(names), protocol.name, entry.info, tuple(skipped))
