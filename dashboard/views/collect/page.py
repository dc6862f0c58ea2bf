"""The Collect page: pictures come in, with where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import streamlit as st

from curation import jobs
from curation.intake.archives import list_entries
from curation.intake.refusal import RejectedFile
from curation.intake.url_lists import UrlListError, read_url_list
from dashboard.shared import audit
from dashboard.shared.formatting import size_text
from dashboard.shared.group_pictures import show_group_pictures
from dashboard.shared.jobs import POLL_S, show_jobs
from dashboard.shared.links import review_button
from dashboard.shared.plain_text import as_text
from dashboard.shared.shared_library import needs_library
from dashboard.shared.texts import N_, _
from dashboard.shared.uploads import (
    StagedFile,
    drop_staged,
    spool_archive,
    spool_file,
    spool_pictures,
    staged_files,
    take_staged,
)
from dashboard.views.review.filters import View

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from curation.library.library import Library

ARCHIVES = (".zip",)
LISTS = ("csv", "tsv", "txt", "jsonl", "parquet")
MAX_UPLOAD_MB = 1000
MAX_LIST_MB = 100
ORIGIN_FIELDS = {
    "licence": N_("Licence"),
    "author": N_("Author"),
    "page": N_("Page"),
    "uploader": N_("Your name"),
}


@needs_library
def show_page(library: Library) -> None:
    """Ways in on the left, what is known of the pictures' origin on the right, jobs below."""
    _follow_counts(library)
    ways, origin_side = st.columns([5, 3], gap="large")
    with origin_side:
        origin = _show_origin()
    with ways:
        _show_ways(library, origin)
    show_group_pictures(library, key="collect")
    show_jobs(library.root, ("add", "judge"))


def _follow_counts(library: Library) -> None:
    """Count anew as often as the jobs below say how far they are, so that the two never contradict each other."""
    st.fragment(run_every=POLL_S if is_running(library.root) else None)(_show_counts)(library)


def _show_counts(library: Library) -> None:
    counts = library.counts()
    images, examined = counts["images"], counts["examined"]
    with st.container(horizontal=True, vertical_alignment="center", key="collect_counts"):
        if not images and is_running(library.root):
            st.markdown("#### " + _("The first pictures are coming in …"))
            return
        if not images:
            st.markdown("#### " + _("Nothing collected yet. Add pictures, or try it with the demo heap."))
            return
        kept = counts["verdicts"].get("keep", 0)
        st.markdown(
            "#### "
            + _(
                "{images:,} pictures &nbsp;·&nbsp; {examined:,} judged &nbsp;·&nbsp; "
                "{kept:,} within the rules &nbsp;·&nbsp; {decided:,} decided by people",
                images=images,
                examined=examined,
                kept=kept,
                decided=counts["decided"],
            )
        )
        st.space("stretch")
        if examined < images and not is_running(library.root):
            waiting = _("Judge {n:,}", n=images - examined)
            st.button(waiting, on_click=start_job, args=(library.root, "judge", ["--json"]))
        review_button(_("Review"), View(), key="collect_review", type="primary")


def _show_ways(library: Library, origin: list[str]) -> None:
    files, folder, addresses, demo = st.tabs(
        [_("Files or a zip"), _("A folder"), _("Addresses"), _("Demo heap")]
    )
    with files:
        show_upload(library, origin, "collect_files", _("Pictures, or zip files of pictures"), several=True)
    with folder:
        show_upload(library, origin, "collect_folder", _("A folder of pictures"), several="directory")
        st.caption(_("A folder on the server itself goes in with `python -m curation.add FOLDER --judge`."))
    with addresses:
        _show_addresses(library, origin)
    with demo:
        st.markdown(
            _(
                "A hundred files as a crawl brings them home: faces painted by the shipped generator, reposts, "
                "turned heads, blur, shadow, covered faces, landscapes, and files that are no pictures."
            )
        )
        busy = is_running(library.root)
        if st.button(_("Load demo heap"), type="primary", disabled=busy, icon=":material/download:"):
            start_job(library.root, "add", ["--demo", "--judge", "--json"], what="demo heap")
            st.rerun()


def show_upload(
    library: Library, origin: list[str], key: str, label: str, *, several: bool | Literal["directory"]
) -> None:
    """Take pictures or zip files, and add and judge them in a job.

    Parameters
    ----------
    origin
        Where they come from, as arguments of `curation.add`.
    """
    chosen = st.file_uploader(
        label, accept_multiple_files=several, key=_key_now(key), max_upload_size=MAX_UPLOAD_MB,
    )  # fmt: skip
    chosen = cast("list[UploadedFile]", chosen)  # several always gives a list
    files = take_staged(chosen, limit_mb=MAX_UPLOAD_MB)
    total = sum(file.size for file in files)
    text = _("Add {count} ({size})", count=len(files), size=size_text(total)) if files else _("Add")
    if st.button(text, key=f"{key}_add", type="primary", disabled=not files):
        archives = [file for file in files if _is_archive(file)]
        pictures = [file for file in files if file not in archives]
        try:
            sources = [spool_archive(library.root, file) for file in archives]
            if pictures:
                sources.append(spool_pictures(library.root, pictures))
        except OSError as error:
            st.error(
                _(
                    "The upload cannot be kept: {error}. Free some space and try again.",
                    error=error.strerror or error,
                )
            )
            return
        _start_adding(library.root, sources, "upload", origin, what=f"files: {len(files)}")
        drop_staged(chosen)
        st.session_state[f"{key}_number"] += 1
        st.rerun()


def count_chosen(keys: Sequence[str]) -> int:
    """Count the pictures that wait for *Add* in uploads of this page, those in zip files by the names listed there."""
    waiting = [file for key in keys for file in st.session_state.get(_key_now(key)) or []]
    files, _problems = staged_files(waiting, limit_mb=MAX_UPLOAD_MB)
    return sum(_count_in(file) if _is_archive(file) else 1 for file in files)


def _key_now(key: str) -> str:
    """The uploader's key: a new number empties it."""
    return f"{key}_{st.session_state.setdefault(f'{key}_number', 0)}"


def _is_archive(file: StagedFile) -> bool:
    return Path(file.name).suffix.lower() in ARCHIVES


def _count_in(archive: StagedFile) -> int:
    with suppress(RejectedFile, OSError), archive.path.open("rb") as file:  # adding it says what is wrong
        return len(list_entries(file))
    return 0


def _show_addresses(library: Library, origin: list[str]) -> None:
    file = st.file_uploader(
        _("A list: CSV, JSON Lines or Parquet with url and, where known, licence, author, page"), type=list(LISTS),
        max_upload_size=MAX_LIST_MB,
    )  # fmt: skip
    pasted = st.text_area(_("Or addresses, one a line"), height=110, placeholder="https://…")
    files = take_staged(file, limit_mb=MAX_LIST_MB)
    data = files[0].read_bytes() if files else pasted.encode() if pasted.strip() else b""
    found = None
    if data:
        try:
            found = read_url_list(data)
        except UrlListError as error:
            st.error(as_text(error))
        else:
            st.caption(
                _(
                    "{count:,} addresses, {duplicates:,} of them twice. Robots rules are followed, and "
                    "addresses inside this network are never fetched.",
                    count=len(found.entries),
                    duplicates=found.duplicates,
                )
            )
    if st.button(_("Fetch"), type="primary", disabled=not (found and found.entries)):
        name = file.name if file is not None else "addresses.txt"
        source = spool_file(library.root, name, data)
        _start_adding(
            library.root, [source], "url", origin, what=f"addresses: {len(found.entries) if found else 0}"
        )
        st.rerun()


def _show_origin() -> list[str]:
    """Fields that stay with every picture; as arguments of the command."""
    st.html(f'<p class="studio-label">{_("Where the pictures come from (stays with each of them)")}</p>')
    arguments: list[str] = []
    columns = st.columns(2)
    for position, (name, label) in enumerate(ORIGIN_FIELDS.items()):
        with columns[position % 2]:
            value = st.text_input(_(label), key=f"origin_{name}", persist_state="session").strip()
        if value:
            arguments += [f"--{name}={value}"]
    return arguments


def _start_adding(root: Path, sources: list[Path], source: str, origin: list[str], *, what: str) -> None:
    arguments = [*map(str, sources), "--source", source, *origin, "--remove-source", "--judge", "--json"]
    start_job(root, "add", arguments, what=what, detail=" ".join(origin))


def start_job(
    root: Path, kind: str, arguments: list[str], *, what: str = "all that waits", detail: str = ""
) -> None:
    """Start a job of curation, and note who did, of what."""
    jobs.start(kind, arguments, library=root)
    audit.record(kind, what, detail)


def is_running(root: Path) -> bool:
    """Tell whether a job of curation is at work."""
    return any(job.state == "running" for job in jobs.jobs(root)[:10])
