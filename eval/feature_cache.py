"""Features that were computed before, known by the content of the images and not by their names or dates.

An entry is a folder: ``features.npy`` (float32, one row an image), ``rows.bin`` (the sha256 of each row's
image) and ``about.json``. What an entry depends on - decoding, resize, network, weights, runtime - names the
folder it lies in; a protocol's sample count and seed do not matter, they only choose rows. New rows are kept a
few hundred at a time, so that a long extraction that was stopped goes on where it was, and editing one image
of a thousand computes one. Entries appear whole or not at all; what was used longest ago goes first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsafeImage
from eval.extractors import Extractor
from eval.feature_entries import Entry, Known
from eval.feature_store import FeatureStore, Shelf
from eval.features import BATCH, FeatureSet, FeatureStream, Progress, Skipped
from eval.protocols import EvaluationProtocol
from eval.sets.image_set import ImageSet, Item, open_set
from eval.sets.seen_files import SeenFiles

LIMIT_BYTES = 8_000_000_000
PIECE = 256  # new rows that are kept at a time


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
        self.seen = SeenFiles(self.folder / "seen.sqlite")

    def open_set(self, path: Path, *, name: str | None = None, progress: Progress | None = None) -> ImageSet:
        """`eval.sets.image_set.open_set`, which reads files again only if they have changed."""
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
            Of that network, known beforehand (`eval.comparison.known_extractors`).
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
        shelf = self.store.shelf(pixel_key(protocol, weights_sha256, runtime))
        entry = shelf.whole(digests)
        gone: dict[bytes, str] = {}
        if entry is None:
            known = shelf.collect(digests)
            if any(digest not in known for digest in digests):
                if progress:  # loading may take a while
                    progress(sum(digest in known for digest in digests), len(items))
                extractor = load()
                info = extractor.info
                actual = self.store.shelf(pixel_key(protocol, info.sha256, info.runtime))
                if (info.sha256, info.runtime) != (weights_sha256, runtime):
                    shelf, known = actual, actual.collect(digests)
                gone = _compute(items, shelf, known, stream=_stream(extractor, protocol), progress=progress)
            entry = shelf.assemble(digests, known, gone)
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
    items: Sequence[Item], shelf: Shelf, known: Known, *, stream: Stream, progress: Progress | None
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
            shelf.keep_piece(known, names, features, problems, extraction.extractor.info)
        rows.clear()
        names.clear()

    try:
        for some, features in extraction:
            rows.append(features)
            names += map(bytes.fromhex, some)
            if len(names) >= PIECE:
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
