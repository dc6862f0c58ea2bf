"""A folder as one zip file, the same bytes every time."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.atomic_files import replacing
from curation.export.publish import explained

_TIME = (1980, 1, 1, 0, 0, 0)
_STORED = frozenset({".png", ".parquet"})  # compressed already


def write_zip(folder: Path, target: Path) -> None:
    """Pack ``folder`` under its own name; ``target`` is there whole or not at all.

    Times, order and rights are fixed, so that equal folders give equal files.

    Raises
    ------
    ExportError
        If ``target`` cannot be written.
    """
    with explained(target), replacing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            _add(archive, path, f"{folder.name}/{path.relative_to(folder).as_posix()}")


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = 3  # Unix, whatever this machine is
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_STORED if path.suffix in _STORED else zipfile.ZIP_DEFLATED
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as target:
        while block := source.read(1 << 20):
            target.write(block)
