"""Keep features on disk by content, protocol and weights.

Features that were computed before, known by the content of the images and not by their names or dates. What a row
depends on besides - decoding, resize, network, weights, runtime - names its kind; a protocol's sample count and seed
do not matter, they only choose rows. New rows are kept a few hundred at a time, so that a long extraction that was
stopped goes on where it was, and editing one image of a thousand computes one.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsafeImage
from eval.comparison.result import LeftOut
from eval.extractors import Extractor, ExtractorInfo
from eval.features import BATCH, FeatureSet, FeatureStream, Progress
from eval.protocols import EvaluationProtocol
from eval.sets.contents import ImageSet, Item
from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from eval.value_cache import ValueCache

logger = logging.getLogger(__name__)

SCHEMA = 2  # count up when the same key gives other features
FILE = "features.sqlite"  # `curation.export.removal` deletes rows there, by their content
ROWS_AT_A_TIME = 256  # new rows that are kept at a time
MAX_ROWS = 1_000_000  # of 8 kB at most
_EXTRACTOR = "extractor"  # key of what computed the rows of a kind
_CHUNK = 1024

Values = dict[str, bytes | str]  # by content: a row (D,) of little-endian float32, or why there is none


@dataclass
class _Found:
    """What is known of the contents of some items."""

    # names, features: of those that have a row; without any there are no features.
    names: list[str] = field(default_factory=list)
    features: NDArray[np.float32] | None = None
    skipped: list[LeftOut] = field(default_factory=list)
    missing: list[Item] = field(default_factory=list)  # one item of each content of which nothing is known
    info: ExtractorInfo | None = None


class FeatureCache:
    """Features by content, in a folder that is made when it is first needed; for any number of processes.

    Parameters
    ----------
    folder
        Where it is kept, such as ``settings().data / "comparisons" / ".cache"``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.values = ValueCache(self.folder / FILE, max_rows=MAX_ROWS)
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
        OSError
            If what was kept is gone before it was read.
        """
        items = [images.items[row] for row in protocol.pick(images.names)]
        kind = pixel_key(protocol, weights_sha256, runtime)
        others: Values = {}  # what is known of contents and not kept
        found = self._look_up(kind, items, others)
        if found.missing:
            if progress:  # loading may take a while
                progress(len(items) - len(found.missing), len(items))
            shutil.rmtree(self.folder / "features", ignore_errors=True)  # of older releases
            extractor = load()
            if (extractor.info.sha256, extractor.info.runtime) != (weights_sha256, runtime):
                kind = pixel_key(protocol, extractor.info.sha256, extractor.info.runtime)
                found = self._look_up(kind, items, others)
            before = len(items) - len(found.missing)

            def report(done: int) -> None:
                if progress:
                    progress(before + done, len(items))

            contents = _contents(found.missing, others)
            stream = FeatureStream(contents, extractor, protocol, batch_size=BATCH, progress=report)
            self._compute(kind, stream, others)
            found = self._look_up(kind, items, others, extractor.info)
            # Not before: the oldest rows may be this set's own.
            self.values.keep(kind, {_EXTRACTOR: asdict(extractor.info)})
        if progress:
            progress(len(items), len(items))
        if found.missing:
            raise OSError(f"{self.values.file} lost what was kept in it meanwhile. Start it again.")
        if found.features is None or found.info is None:
            first = f" The first: {found.skipped[0].name}: {found.skipped[0].reason}" if found.skipped else ""
            raise ValueError(f"no picture can be used; {len(found.skipped)} were left out.{first}")
        return FeatureSet(found.features, tuple(found.names), protocol.name, found.info, tuple(found.skipped))

    def _compute(self, kind: str, stream: FeatureStream, others: Values) -> None:
        """Extract and keep a few hundred rows at a time; what the disk has no room for goes into ``others``."""
        fresh: Values = {}

        def keep() -> None:
            fresh.update((one.name, one.reason) for one in stream.skipped)
            stream.skipped.clear()
            about = {_EXTRACTOR: asdict(stream.extractor.info)}
            if fresh and not self.values.keep(kind, {**fresh, **about}, trims=False):
                others.update(fresh)
            fresh.clear()

        try:
            for digests, rows in stream:
                fresh.update(zip(digests, (row.astype("<f4").tobytes() for row in rows), strict=True))
                if len(fresh) >= ROWS_AT_A_TIME:
                    keep()
        finally:  # also what was computed before somebody stopped it
            keep()

    def _look_up(
        self, kind: str, items: Sequence[Item], others: Values, info: ExtractorInfo | None = None
    ) -> _Found:
        """What is known, its rows in a file without a name: memory holds no more than is looked at."""
        about = self.values.find(kind, [_EXTRACTOR]).get(_EXTRACTOR)
        info = info or (ExtractorInfo(**about) if about else None)
        if info is None:
            return _Found(missing=list({item.digest: item for item in items}.values()))
        try:
            with tempfile.TemporaryFile(dir=self.folder) as file:
                found = self._write_rows(file, kind, items, others)
                file.flush()
                if found.names:
                    found.features = np.memmap(file, "<f4", "r", 0, (len(found.names), info.dimensions))
        except OSError as error:
            logger.warning("%s has no room for features (%s); they stay in memory.", self.folder, error)
            buffer = io.BytesIO()
            found = self._write_rows(buffer, kind, items, others)
            if found.names:
                found.features = np.frombuffer(buffer.getbuffer(), "<f4").reshape(-1, info.dimensions)
        found.info = info
        return found

    def _write_rows(
        self, file: IO[bytes], kind: str, items: Sequence[Item], others: Mapping[str, bytes | str]
    ) -> _Found:
        """Write a row for each item that has one, in their order."""
        found = _Found()
        missing: dict[str, Item] = {}
        for start in range(0, len(items), _CHUNK):
            some = items[start : start + _CHUNK]
            known = self.values.find(kind, [item.digest for item in some])
            for item in some:
                value = known.get(item.digest, others.get(item.digest))
                if isinstance(value, bytes):
                    found.names.append(item.name)
                    file.write(value)
                elif value is not None:
                    found.skipped.append(LeftOut(name=item.name, reason=value))
                else:
                    missing[item.digest] = item
        found.missing = list(missing.values())
        return found


def pixel_key(protocol: EvaluationProtocol, weights_sha256: str, runtime: str) -> str:
    """Name of all that a single image's features depend on."""
    network = (protocol.extractor, weights_sha256, runtime)
    parts = (SCHEMA, *network, protocol.decoding, protocol.resize, protocol.size)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _contents(items: Sequence[Item], gone: Values) -> Iterator[tuple[str, bytes]]:
    """Digests and bytes; tells which could not be read at all."""
    for item in items:
        try:
            data = item.read()
        except (OSError, UnsafeImage) as error:
            gone[item.digest] = str(error)
            continue
        yield item.digest, data
