"""What one visitor's Models page remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.models.conventions import Conventions
from core.models.families import ModelInfo
from dashboard.shared.flash_message import FlashMessage

UPLOAD_LIMIT_MB = 1000
DEFAULT_EXAMPLE = "long_hair"
_SESSION = "models_session"
PROBLEM, DONE = FlashMessage("models_problem"), FlashMessage("models_done")  # above what is shown next


@dataclass(frozen=True)
class Draft:
    """A checkpoint that was read and is not imported yet; its files lie in the drafts folder.

    Attributes
    ----------
    path
        The model file made of it, with default conventions.
    source
        The checkpoint; ours to delete where ``is_spooled``.
    shown_name
        What the person calls the checkpoint.
    info, conventions, parameters
        What the model file says of itself.
    networks, network
        All networks of the file where it holds several, and which one this is.
    """

    path: Path
    source: Path
    is_spooled: bool
    shown_name: str
    project: str | None
    info: ModelInfo
    conventions: Conventions
    parameters: int
    networks: tuple[str, ...] = ()

    @property
    def network(self) -> str:
        return str(self.info.provenance.get("network", ""))

    @property
    def fingerprint(self) -> tuple[int, int]:
        """Changes with the file."""
        stat = self.path.stat()
        return stat.st_size, stat.st_mtime_ns


@dataclass
class ModelsSession:
    """One object per visitor."""

    opened: str = ""  # name of the model whose details are shown
    example: str = DEFAULT_EXAMPLE
    is_importing: bool = False
    draft: Draft | None = None
    imports: int = 0  # part of the form's keys: a new number empties it
    measured: dict[str, str] = field(default_factory=dict)  # name -> why it could not be measured

    def toggle(self, name: str) -> None:
        """Open a model's details, or close them."""
        self.opened = "" if self.opened == name else name


def models_session() -> ModelsSession:
    """This visitor's memory, made at the first call."""
    session: ModelsSession = st.session_state.setdefault(_SESSION, ModelsSession())
    return session
