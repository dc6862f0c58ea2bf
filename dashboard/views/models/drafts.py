"""Checkpoints on their way in: the upload, and the model file made of it, until a person imports it."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path

from core.checkpoint_import.importing import Candidate, inspect_checkpoint, write_candidate
from core.checkpoint_import.reading import ENDINGS, CheckpointRefused
from core.checkpoints import read_info
from core.models.conventions import Conventions
from core.models.folder import models_folder
from core.models.model_store import add_model
from dashboard.shared.server_paths import server_path
from dashboard.shared.texts import _
from dashboard.shared.uploads import StagedFile
from dashboard.views.models.state import Draft

FOLDER = ".drafts"
MAX_AGE_S = 24 * 3600


def drafts_folder() -> Path:
    """Where drafts lie, made where it is not there yet; what is older than a day is swept out."""
    folder = models_folder() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        try:
            if file.stat().st_mtime < time.time() - MAX_AGE_S:
                file.unlink()
        except FileNotFoundError:  # another visitor's sweep
            continue
    return folder


def spool_upload(uploaded: StagedFile) -> Path:
    """Put an upload into the drafts folder.

    Raises
    ------
    OSError
        If there is no room; nothing is left behind.
    """
    path = drafts_folder() / f"{secrets.token_hex(8)}.upload"
    uploaded.copy_to(path)
    path.touch()  # a link keeps the upload's date, and drafts are swept by theirs
    return path


def server_file(text: str) -> Path:
    """A checkpoint on the server's disk by its path.

    Raises
    ------
    PathRefused
        As for `dashboard.shared.server_paths.server_path`.
    CheckpointRefused
        If it does not end like a checkpoint.
    """
    path = server_path(text)
    if not path.is_file() or path.suffix.lower() not in ENDINGS:
        raise CheckpointRefused(
            _("Give a full path that ends in one of {endings}.", endings=", ".join(ENDINGS))
        )
    return path


def make_draft(
    source: Path, shown_name: str, project: str | None, *, network: str | None = None, is_spooled: bool
) -> Draft:
    """Read a checkpoint and write the model file that it would become.

    Raises
    ------
    ValueError
        If it cannot be imported; one sentence with the way out. A spooled source is deleted then.
    OSError
        If there is no room.
    """
    path = drafts_folder() / f"{secrets.token_hex(8)}.safetensors"
    try:
        candidate = _inspect(source, project, network, shown_name)
        write_candidate(candidate, path)
    except BaseException:
        path.unlink(missing_ok=True)
        if is_spooled:
            source.unlink(missing_ok=True)
        raise
    return Draft(
        path, source, is_spooled, shown_name, project, read_info(path), candidate.conventions,
        candidate.parameters, candidate.networks,
    )  # fmt: skip


def _inspect(source: Path, project: str | None, network: str | None, shown_name: str) -> Candidate:
    """Of several networks without telling names, the first that is a generator; the form offers the others."""
    try:
        return inspect_checkpoint(source, project, network=network, name=shown_name)
    except CheckpointRefused as refused:
        for other in refused.networks:
            with suppress(CheckpointRefused):
                return inspect_checkpoint(source, project, network=other, name=shown_name)
        raise


def take_other_network(draft: Draft, network: str) -> Draft:
    """The same file again, with another of its networks.

    Raises
    ------
    ValueError, OSError
        As for `make_draft`; the draft is gone then.
    """
    draft.path.unlink(missing_ok=True)
    return make_draft(
        draft.source, draft.shown_name, draft.project, network=network, is_spooled=draft.is_spooled
    )


def accept_draft(draft: Draft, name: str, conventions: Conventions, licence: str, note: str) -> Path:
    """Import a draft under a name that `core.models.model_store.check_name` gave, and clean up behind it.

    Raises
    ------
    ValueError, OSError
        As for `core.models.model_store.add_model`; the draft stays then.
    """
    provenance = draft.info.provenance | ({"note": note.strip()} if note.strip() else {})
    path = add_model(
        draft.path,
        models_folder(),
        name,
        conventions=conventions,
        licence=licence or draft.info.licence,
        provenance=provenance,
    )
    drop_draft(draft)
    return path


def drop_draft(draft: Draft) -> None:
    """Delete what a draft keeps on the disk; a checkpoint on the server's own disk stays."""
    draft.path.unlink(missing_ok=True)
    if draft.is_spooled:
        draft.source.unlink(missing_ok=True)
