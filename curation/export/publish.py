"""Put a whole folder in place at once: whoever looks finds the old one or the new one, never a part.

The new folder is filled under a hidden name beside its place, then the two change places in one step
(``renameat2``, Linux). Where the system has no such step the old one is moved aside first; a process killed
in between leaves it there, and the next export puts it back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.atomic_files import remove_abandoned, replacing, temporary_beside
from curation.library.files import sync_folder

VERSION_FILE = "version.json"  # what makes a folder an export
_UNFINISHED = ".part"
_ASIDE = ".old"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_STORED = frozenset({".png", ".parquet"})  # compressed already


class ExportError(RuntimeError):
    """An export or import cannot be done; the message is a sentence with the way out."""


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Open a folder to fill, that takes the place of ``out`` when the block ends, unless it ends in an error.

    Raises
    ------
    ExportError
        If ``out`` holds something else than an export, or cannot be written to.
    """
    out = out.absolute()
    with explained(out):
        _put_back(out)
        check_place(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(out, suffix=_UNFINISHED, is_folder=True) as folder:
            folder.chmod(0o755)
            yield folder
            os.sync()
            _put_in_place(folder, out)


def check_place(out: Path) -> None:
    """Refuse a place that an export would destroy.

    Raises
    ------
    ExportError
        If ``out`` is a file, or a folder that is neither empty nor an export.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ExportError(f"{out} is a file or a link, and the export needs a folder. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / VERSION_FILE).is_file():
        raise ExportError(f"{out} holds other files, which an export would replace. Choose another --out.")


@contextmanager
def explained(out: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or out
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            message = (
                f"The disk is full: {out.parent} has no room for the export. Free some space and try again"
            )
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message = f"{where} cannot be written to: {error.strerror}. Choose another --out or allow writing"
        else:
            message = f"The export stopped: {error.strerror or error} ({where}). Try again"
        raise ExportError(f"{message}. What was exported before is untouched.") from error


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
            _add_to_zip(archive, path, f"{folder.name}/{path.relative_to(folder).as_posix()}")


def _add_to_zip(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.create_system = 3  # Unix, whatever this machine is
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_STORED if path.suffix in _STORED else zipfile.ZIP_DEFLATED
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, archive.open(entry, "w") as target:
        while block := source.read(1 << 20):
            target.write(block)


def _put_in_place(folder: Path, out: Path) -> None:
    if not out.exists():
        folder.rename(out)
    elif not _exchange(folder, out):
        aside = out.with_name(f".{out.name}{_ASIDE}")
        shutil.rmtree(aside, ignore_errors=True)
        out.rename(aside)
        folder.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
    with suppress(OSError):
        sync_folder(out.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Let two folders change places in one step, where the system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    names = os.fsencode(first), os.fsencode(second)
    return rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE)) == 0


def _put_back(out: Path) -> None:
    """Undo half of an exchange in two steps that was cut short."""
    aside = out.with_name(f".{out.name}{_ASIDE}")
    if aside.is_dir() and not out.exists():
        aside.rename(out)


def remove_left_over(parent: Path) -> None:
    """Delete what killed exports have left in a folder of exports; put back those that were moved aside."""
    for aside in parent.glob(f".*{_ASIDE}"):
        _put_back(aside.with_name(aside.name.removeprefix(".").removesuffix(_ASIDE)))
        shutil.rmtree(aside, ignore_errors=True)
    remove_abandoned(parent, ".", _UNFINISHED)
