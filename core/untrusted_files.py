"""Files and texts from outside, read within bounds: regular files alone, no aliases, no depth without end."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

MAX_YAML_BYTES = 64_000  # a hundred times what our own files have; parsing it takes about a second
MAX_TABLE_BYTES = 100_000_000
MAX_MANIFEST_BYTES = 4_000_000_000  # 16 kB a pair: a quarter of a million of them


def read_regular_file(path: str | Path, max_bytes: int = MAX_TABLE_BYTES) -> bytes:
    """Read a file that a person names: never a device or a pipe, never more than ``max_bytes``.

    Raises
    ------
    ValueError
        If it is no regular file, or larger.
    OSError
        If it cannot be read.
    """
    # Looked at before it is opened as well: opening a device can do something already.
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise ValueError("it is no regular file but a device, pipe or folder; name a file")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file but a device, pipe or folder; name a file")
        if found.st_size > max_bytes:
            raise ValueError(f"it has {found.st_size / 1e6:.1f} MB, at most {max_bytes / 1e6:g} MB are read")
        return file.read(max_bytes)


def load_yaml(text: str | bytes) -> Any:
    """Plain YAML: what a person writes by hand, without aliases, within ``MAX_YAML_BYTES``.

    A few hundred characters of aliases to aliases stand for gigabytes, and our files need none.

    Raises
    ------
    ValueError
        If it is larger, no YAML, or has aliases; the message says where.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ValueError(f"it has {len(text):,} characters; at most {MAX_YAML_BYTES:,} are read")
    try:
        return yaml.load(text, _PlainLoader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:  # odd numbers and dates
        raise ValueError(f"one of its values cannot be read ({error})") from error


def has_aliases(text: str) -> bool:
    """Tell whether a few characters of a YAML text stand for many, for parsers other than `load_yaml`."""
    if "*" not in text:
        return False
    with suppress(yaml.YAMLError):
        return any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))
    return False  # no YAML


def load_json(text: str | bytes) -> Any:
    """JSON of any shape; what is nested too deeply is a ValueError like any other damage.

    Raises
    ------
    ValueError
        If it is no JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json_lines(path: Path, containing: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the objects in a file of JSON lines; of a missing file and of lines cut short or damaged there are none.

    Parameters
    ----------
    containing
        Texts of which one must stand in a line that is read; by default all are.
    """
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not containing or any(text in line for text in containing):
                with suppress(ValueError):
                    found = load_json(line)
                    if isinstance(found, dict):
                        yield found


class _PlainLoader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(None, None, "aliases (*name) are not read; write the value out", mark)
        return super().compose_node(parent, index)
