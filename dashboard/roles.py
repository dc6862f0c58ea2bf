"""Read the table of roles: a YAML file that ``STUDIO_ROLES`` names::

    default: guest                      # of everybody else who can sign in; none keeps them out
    people:
      ann@example.org: owner
      "*@lab.example.org": labeller     # all addresses that end so; the first line that fits counts

What is wrong with it is told without the addresses in it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

import yaml

from dashboard.shared.texts import N_

logger = logging.getLogger(__name__)


class Role(IntEnum):
    """What somebody may do; each role may do all that those before it may."""

    NONE = 0
    GUEST = 1  # draw, look at comparisons
    LABELLER = 2  # review, under their own name
    CURATOR = 3  # collect, rules, export, delete
    OWNER = 4  # train, models, comparisons of their own, paths on the server


ROLE_TITLES = {
    Role.GUEST: N_("guests"), Role.LABELLER: N_("labellers"), Role.CURATOR: N_("curators"), Role.OWNER: N_("owners"),
}  # fmt: skip


def read_roles(path: Path) -> tuple[Role, tuple[tuple[str, Role], ...]]:
    """Read a table of roles.

    Returns
    -------
    default, people
        The role of everybody else, and pairs of a pattern (lower case) and a role in the file's order.

    Raises
    ------
    ValueError
        If the file is not as the module describes it.
    """
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"STUDIO_ROLES: {path} cannot be read ({error}).") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        raise ValueError(f"STUDIO_ROLES: {path} is no valid YAML: look at line {line}.") from None
    if not isinstance(table, Mapping) or not set(table) <= {"default", "people"}:
        raise ValueError(
            f"STUDIO_ROLES: {path} should hold 'default' and, with all addresses below it, 'people'."
        )
    people = table.get("people") or {}
    if not isinstance(people, Mapping):
        kind = type(people).__name__
        raise ValueError(f"STUDIO_ROLES: 'people' of {path} should lead from addresses to roles, got {kind}.")
    named = tuple((str(who).lower(), _role(role, path)) for who, role in people.items())
    return _role(table.get("default", "guest"), path), named


class RoleTable:
    """The table of roles as its file was last valid: a mistake in it, or half of it, throws nobody out."""

    def __init__(self) -> None:
        self.trouble = ""  # what is wrong with the file as it is now; empty where it counts
        self._read: tuple[Path, int, int] | None = None
        self._valid: tuple[Role, tuple[tuple[str, Role], ...]] = Role.NONE, ()
        self._lock = threading.Lock()

    def read(self, path: Path) -> tuple[Role, tuple[tuple[str, Role], ...]]:
        """Read the file where it has changed; nobody has a role as long as it was never valid."""
        with self._lock:
            try:
                about = path.stat()
                now = path, about.st_mtime_ns, about.st_size
            except OSError:  # it is being replaced, or was removed
                now = path, 0, 0
            if now == self._read:
                return self._valid
            if self._read is not None and self._read[0] != path:
                self._valid = Role.NONE, ()
            self._read = now
            try:
                self._valid, self.trouble = read_roles(path), ""
            except ValueError as error:
                self.trouble = str(error)
                logger.error("%s The roles of before stay in force.", error)
            return self._valid


def _role(value: object, path: Path) -> Role:
    try:
        return Role[str(value).upper()]
    except KeyError:
        known = ", ".join(role.name.lower() for role in Role)
        got = "an address" if "@" in str(value) else repr(value)
        raise ValueError(f"STUDIO_ROLES: a role of {path} should be one of {known}, got {got}.") from None
