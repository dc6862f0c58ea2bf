"""Where computed features lie: entries that appear whole or not at all, and are removed by size.

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
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from eval.extractors import ExtractorInfo
from eval.feature_entries import PIECE, Entry, Known, Rows

logger = logging.getLogger(__name__)

SCHEMA = 1
_DIGEST_BYTES = 32
_FEATURES, _ROWS, _ABOUT = "features.npy", "rows.bin", "about.json"
_ABANDONED_S = 86_400  # what a killed process left half-written


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

    def shelf(self, key: str) -> Shelf:
        """The entries of one key."""
        return Shelf(self, self.root / key)

    def trim(self, keep: Path) -> None:
        """Remove entries that were used longest ago until the rest fits, but never ``keep``."""
        found = []
        for path in self.root.glob("*/*"):
            try:
                used = path.stat().st_mtime
                if path.name.startswith("."):
                    if time.time() - used > _ABANDONED_S:
                        shutil.rmtree(path, ignore_errors=True)
                    continue
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


class Shelf:
    """The entries of one key: rows that may stand in one matrix."""

    def __init__(self, store: FeatureStore, folder: Path) -> None:
        self.store, self.folder = store, folder

    def whole(self, digests: Sequence[bytes]) -> Entry | None:
        """The entry that was assembled for exactly these contents, if it is there."""
        entry = self._read(self.folder / _whole_name(digests))
        if entry is not None and entry.path is not None:
            with suppress(OSError):  # a folder that may only be read
                os.utime(entry.path)
        return entry

    def collect(self, digests: Sequence[bytes]) -> Known:
        """What any entry knows of these contents."""
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
        """An entry; None if it is not there. A damaged one is removed."""
        try:
            about = json.loads((path / _ABOUT).read_text("utf-8"))
            if about["schema"] != SCHEMA:
                return None
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
            logger.warning("%s is damaged (%s) and is made anew.", path, error)
            remove(path)
            return None
        return Entry(features, rows, problems, info, path)

    def _write(self, name: str, entry: Entry, chunks: Iterable[Rows]) -> Entry:
        """Write an entry beside its place and move it there. OSError if there is no room."""
        path = self.folder / name
        temporary = self.folder / f".{name[:20]}-{os.getpid()}-{secrets.token_hex(4)}"
        about = {
            "schema": SCHEMA,
            "extractor": asdict(entry.info) if entry.info else None,
            "problems": {digest.hex(): why for digest, why in entry.problems.items()},
        }
        try:
            temporary.mkdir(parents=True)
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
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
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
