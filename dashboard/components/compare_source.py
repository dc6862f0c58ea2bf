"""One set of pictures: a folder, zip or ImageFolder on the server, or a zip that is uploaded."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.compare.sources import UPLOAD_LIMIT_MB, keep_upload, source_path
from dashboard.plain_text import as_text
from dashboard.upload_staging import drop_staged, staged_files

WAYS = ("On the server", "Upload a zip")
_KEPT = "compare_kept_upload"


def ask_source(root: Path, key: str, *, value: str = "") -> Path | None:
    """A folder or zip that is there, or None with the reason shown."""
    way = st.segmented_control(
        "From", WAYS, default=WAYS[0], required=True, key=f"{key}_way", label_visibility="collapsed"
    )
    if way == WAYS[1]:
        return _ask_upload(root, key)
    text = st.text_input(
        "Folder, zip or Hugging Face ImageFolder", value=value, key=f"{key}_path",
        placeholder="/full/path/on/the/server",
    ).strip()  # fmt: skip
    if not text:
        return None
    try:
        return source_path(text)
    except ValueError as error:
        st.error(as_text(error), icon=":material/folder_off:")
        return None


def _ask_upload(root: Path, key: str) -> Path | None:
    uploaded = st.file_uploader(
        f"Zip of pictures, folders in it are searched; up to {UPLOAD_LIMIT_MB / 1000:g} GB", type=["zip"],
        max_upload_size=UPLOAD_LIMIT_MB, key=f"{key}_file",
    )  # fmt: skip
    if uploaded is None:
        return None
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    if (path := kept.get(uploaded.file_id)) and Path(path).is_file():
        return Path(path)
    files, problems = staged_files([uploaded], limit_mb=UPLOAD_LIMIT_MB)
    if problems:
        st.error(as_text(problems[0]), icon=":material/error:")
        return None
    try:
        with st.spinner("Keeping it …"):
            found = keep_upload(root, files[0])
    except OSError as error:
        st.error(f"The upload cannot be kept: {error.strerror or error}.", icon=":material/error:")
        return None
    drop_staged([uploaded])
    kept[uploaded.file_id] = str(found)
    return found
