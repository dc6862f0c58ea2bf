"""The library of images that all visitors work on, opened once in this process."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import settings

if TYPE_CHECKING:
    from curation.library.library import Library

_opening = threading.Lock()


@lru_cache(maxsize=4)
def _open(root: Path, _address: str) -> Library:
    from curation.library.library import Library

    return Library.open(root)


def shared_library() -> Library:
    """The library that the settings name, made where there is none.

    Pages and HTTP routes call it alike: it needs no Streamlit session.

    Raises
    ------
    LibraryError
        If its folder or database cannot be used; the message says what to do.
    """
    chosen = settings()
    address = chosen.database.get_secret_value() if chosen.database else ""
    with _opening:
        return _open(chosen.data / "library", address)
