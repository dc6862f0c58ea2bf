"""Answers that were worked out before: tests of columns and maps, by everything that they depend on.

The key holds the content of the sets, the settings and `FORMULAS`, so that neither an edited image nor a mended
formula is answered from memory.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from core.atomic_files import write_atomically

logger = logging.getLogger(__name__)

MAX_FILES = 400
FORMULAS = (
    1  # count up when anything in eval/trust, eval/metrics or a column's computation gives other numbers
)
T = TypeVar("T")


class Memo:
    """A folder of answers.

    Parameters
    ----------
    folder
        Made when the first answer is kept; it may be deleted at any time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, kind: type[T], parts: Sequence[object], make: Callable[[], T]) -> T:
        """The answer for these parts: kept, or made and kept.

        Parameters
        ----------
        kind
            Class of the answer, one that pydantic can write as JSON.
        parts
            All that the answer depends on, besides the program.
        """
        adapter = TypeAdapter(kind)
        text = "\n".join([kind.__qualname__, str(FORMULAS), *map(repr, parts)])
        path = self._folder / f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.json"
        try:
            return adapter.validate_json(path.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be read (%s); it is worked out again.", path, error)
        answer = make()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, adapter.dump_json(answer), durable=False)
            self._forget_oldest()
        except OSError as error:
            logger.warning("%s could not be kept: %s", path, error)
        return answer

    def _forget_oldest(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MAX_FILES]:
            path.unlink(missing_ok=True)
