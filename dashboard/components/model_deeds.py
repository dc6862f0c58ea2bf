"""Renaming, correcting and removing an imported model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import streamlit as st

from core.config import settings
from core.models.conventions import Conventions
from core.models.folder import models_folder
from core.models.listing import ModelFile
from core.models.shelf import change_model, check_name, remove_model, rename_model, restore_model
from dashboard.components.model_conventions import ask_conventions
from dashboard.models.state import ModelsSession
from dashboard.plain_text import as_text


def show_deeds(model: ModelFile, session: ModelsSession, *, is_damaged: bool = False) -> None:
    """What may be done to a model that is not shipped."""
    width: Literal["content", "stretch"] = "content" if is_damaged else "stretch"
    with st.container(horizontal=True, key=f"deeds_{model.name}", width=width):
        if not is_damaged:
            _show_rename(model, session)
            if model.info is not None and model.info.conventions is not None:
                _show_change(model, session, model.info.conventions)
        with st.popover("Remove", icon=":material/delete:", key=f"removing_{model.name}"):
            st.markdown(f"**{as_text(model.name)}** goes to the trash, from where it can be had back.")
            st.button(
                "Remove",
                key=f"remove_{model.name}",
                type="primary",
                on_click=_remove,
                args=(model.name, session),
            )


def _show_rename(model: ModelFile, session: ModelsSession) -> None:
    with st.popover("Rename", icon=":material/edit:", key=f"renaming_{model.name}"):
        new = st.text_input("New name", model.name, key=f"new_name_{model.name}", max_chars=60)
        st.button(
            "Rename",
            key=f"rename_{model.name}",
            type="primary",
            disabled=new.strip() in ("", model.name),
            on_click=_rename,
            args=(model.name, new, session),
        )


def _show_change(model: ModelFile, session: ModelsSession, conventions: Conventions) -> None:
    assert model.info is not None
    with st.popover("Settings", icon=":material/tune:", key=f"changing_{model.name}"):
        chosen = ask_conventions(
            conventions, model.info.family, model.info.config, key=f"change_{model.name}"
        )
        licence = st.text_input("Licence of the weights", model.info.licence, key=f"licence_{model.name}")
        is_same = chosen == conventions and licence == model.info.licence
        st.button(
            "Save",
            key=f"save_{model.name}",
            type="primary",
            disabled=is_same,
            on_click=_change,
            args=(model, chosen, licence, session),
        )


def _change(model: ModelFile, conventions: Conventions, licence: str, session: ModelsSession) -> None:
    info = model.info
    assert info is not None
    with _told(session, f"{model.name} cannot be changed"):
        change_model(model.path, conventions=conventions, licence=licence, provenance=info.provenance)
        session.done = f"{model.name} is changed."


def _rename(name: str, new: str, session: ModelsSession) -> None:
    with _told(session, f"{name} cannot be renamed"):
        free = check_name(new, settings().weights, models_folder())
        rename_model(models_folder(), name, free)
        session.done, session.opened = f"{name} is called {free} now.", free


def _remove(name: str, session: ModelsSession) -> None:
    with _told(session, f"{name} cannot be removed"):
        session.removed = remove_model(models_folder(), name)
        session.done, session.opened = f"{name} is in the trash.", ""


def restore(token: str, session: ModelsSession) -> None:
    """Bring a model back from the trash."""
    with _told(session, "It cannot be restored"):
        name = restore_model(models_folder(), token)
        session.done, session.opened = f"{name} is back.", name


@contextmanager
def _told(session: ModelsSession, failure: str) -> Iterator[None]:
    """What stops the block is kept to be shown, in place of what was said before."""
    session.forget_messages()
    try:
        yield
    except (ValueError, RuntimeError) as error:
        session.problem = str(error)
    except OSError as error:
        session.problem = f"{failure}: {error.strerror or error}."
