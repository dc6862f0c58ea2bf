"""Pictures of several people, and the way from them to a member for each face (Collect, Rules and Review)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from curation import jobs
from curation.library.records import GROUP_PICTURE
from curation.split_faces import pictures_to_split
from dashboard.shared.jobs import show_jobs
from dashboard.shared.texts import N_, _, ngettext

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library

MADE = N_("Make a member of each face")


def show_group_pictures(library: Library, *, key: str) -> None:
    """Offer to cut what was not cut yet, and show how far that is."""
    waiting = len(pictures_to_split(library))
    if waiting:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"group_{key}"):
            st.caption(
                ngettext("{n:,} picture shows several people", "{n:,} pictures show several people", waiting),
                width="content",
            )
            st.button(
                _(MADE), key=f"group_split_{key}", on_click=jobs.start_splitting, args=(library.root,),
                disabled=jobs.is_running(library.root, "split"), icon=":material/group:",
                help=_("Cuts a square around each face that is large enough, keeps it as a picture of its own with "
                "licence, author and page, and judges it. The picture itself stays."),
            )  # fmt: skip
    show_jobs(library.root, ("split",), most=1)


def group_links(library: Library, table: pd.DataFrame, image_id: str) -> list[dict[str, Any]]:
    """Ways between a group picture and the faces cut out of it: text, and what the browser asks for."""
    row = table.loc[image_id]
    links: list[dict[str, Any]] = []
    source = str(row["source"])
    origin = source.removeprefix(GROUP_PICTURE)
    if origin != source and origin in table.index:
        links.append(
            {"text": _("See the picture it was cut from"), "action": {"kind": "look", "picture": origin}}
        )
    faces = int((table["source"] == f"{GROUP_PICTURE}{image_id}").sum())
    if faces:
        text = ngettext("See the face that was cut out of it", "See the {n} faces cut out of it", faces)
        links.append({"text": text, "action": {"kind": "look", "facesOf": image_id}})
    elif row["faces"] > 1 and not jobs.is_running(library.root, "split"):
        links.append({"text": _(MADE), "action": {"kind": "split", "id": image_id}})
    return links
