"""Open the library of images that all visitors work on, once in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.config import settings
from dashboard.shared.plain_text import as_text, without_folders

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


def needs_library(show: Callable[[Library], None]) -> Callable[[], None]:
    """Hand the library to a page, or say in the page's place why it cannot be used."""

    @wraps(show)
    def show_page() -> None:
        from curation.library.records import LibraryError

        try:
            show(shared_library())
        except LibraryError as error:
            st.error(as_text(without_folders(error)), icon=":material/database_off:")

    return show_page
