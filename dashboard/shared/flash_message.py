"""A sentence that is kept until the page is drawn next, shown there, and gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import translate_sentence


@dataclass(frozen=True)
class FlashMessage:
    """One place for such a sentence in a visitor's session, under a key of its own."""

    key: str

    def keep(self, text: object) -> None:
        """Have it, or an error, shown once."""
        st.session_state[self.key] = translate_sentence(text)

    def take(self) -> str:
        """The sentence to show now, or an empty one."""
        return str(st.session_state.pop(self.key, ""))

    @contextmanager
    def keeping(self, *errors: type[Exception]) -> Iterator[None]:
        """Keep what stops the block, to be shown in place of what it does; of the system's errors the reason alone."""
        try:
            yield
        except errors as error:
            self.keep((error.strerror if isinstance(error, OSError) else None) or error)

    def show_error(self) -> None:
        """Show it as an error, if there is one."""
        if text := self.take():
            st.error(as_text(text), icon=":material/error:")
