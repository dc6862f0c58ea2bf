"""Paths that people type into a page: below the data folder and the folders of ``STUDIO_ROOTS``, nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

from core.config import settings
from dashboard import access
from dashboard.shared.texts import N_, _

REFUSED = N_(
    "There is nothing to read under this path. Give the full path of a file or folder in the studio's data folder; "
    "other folders are opened by the operator with STUDIO_ROOTS."
)


class PathRefused(ValueError):
    """A typed path is not taken; the message never tells whether anything lies there."""


def roots() -> tuple[Path, ...]:
    """Folders that typed paths may lie in."""
    chosen = settings()
    return (chosen.data.absolute(), *map(Path, chosen.roots))


def server_path(text: str) -> Path:
    """Resolve a typed path to a plain file or folder below `roots`.

    Outside, missing and special are one answer, given before the disk is asked about anything outside: a stranger
    learns nothing about the rest of the server.

    Returns
    -------
    path
        Full, without links.

    Raises
    ------
    PathRefused
        If it is no full path, holds ``..``, leads out of the roots (by a link as well), is not there, or is
        neither a plain file nor a folder; or if the visitor is no owner.
    """
    if not access.may(access.Role.OWNER):
        raise PathRefused(_("Only owners name files and folders of the server."))
    try:
        path = Path(text.strip().strip("'\"")).expanduser()
        if not path.is_absolute() or ".." in path.parts or not _is_inside(path, also_given=True):
            raise PathRefused(_(REFUSED))
        found = path.resolve(strict=True)
        mode = found.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:  # no such user, loops of links, null characters
        raise PathRefused(_(REFUSED)) from error
    if not _is_inside(found) or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise PathRefused(_(REFUSED))
    return found


def _is_inside(path: Path, *, also_given: bool = False) -> bool:
    """Whether a path lies below a root, as it is on the disk or (``also_given``) as it is written."""
    return any(
        path.is_relative_to(root.resolve()) or (also_given and path.is_relative_to(root)) for root in roots()
    )
