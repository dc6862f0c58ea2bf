"""Show the Export page: freeze what is kept as a version, write it out, train on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.training.splits import MANIFEST
from curation import jobs
from curation.export.removal import noted_exports
from curation.library.records import LibraryError
from dashboard import access
from dashboard.roles import Role
from dashboard.shared import audit
from dashboard.shared.formatting import free_name, size_text
from dashboard.shared.jobs import show_jobs
from dashboard.shared.links import show_collect_link, train_on
from dashboard.shared.plain_text import as_code, as_text
from dashboard.shared.shared_library import needs_library
from dashboard.shared.texts import N_, _, translate_sentence

if TYPE_CHECKING:
    from curation.library.library import Library
    from curation.library.versions import Version


@dataclass(frozen=True)
class Exported:
    """A finished export; see `curation.export.dataset.ExportSummary`."""

    out: str
    zip: str
    splits: dict[str, int]
    people: tuple[str, ...]
    warnings: tuple[str, ...]
    commands: dict[str, str]
    version: str


def _exported_from(noted: dict[str, Any]) -> Exported:
    return Exported(
        str(noted.get("out", "")), str(noted.get("zip") or ""), dict(noted.get("splits") or {}),
        tuple(noted.get("people") or ()), tuple(noted.get("warnings") or ()), dict(noted.get("commands") or {}),
        str(noted.get("version", "")),
    )  # fmt: skip


LAYOUTS = {"pairs": N_("Photo and sketch pairs, to train on"), "imagefolder": N_("Hugging Face ImageFolder")}
MAX_DOWNLOAD_MB = 500
FACES_HELP = N_(
    "Compares all faces, so that photos of one person do not lie in train and in validation; the first time this "
    "takes about a minute for 3 000 photos, and it is a guess that is sometimes wrong."
)


@needs_library
def show_page(library: Library) -> None:
    """Freeze above, versions below."""
    versions = library.versions()
    _show_freeze(library, {version.name for version in versions})
    show_jobs(library.root, ("export",))
    if not versions:
        st.caption(
            _(
                "A version is a frozen list of images with the decisions and rules behind it. "
                "None is there yet."
            )
        )
        if not library.counts()["images"]:
            show_collect_link()
    for version in sorted(versions, key=lambda version: version.created, reverse=True):
        _show_version(library, version)


def _show_freeze(library: Library, taken: set[str]) -> None:
    counts = library.counts()
    table = library.table()
    kept = counts["states"].get("keep", 0)
    by_people = int(((table["state"] == "keep") & (table["decision"] == "keep")).sum())
    with st.container(border=True, key="freeze"):
        st.markdown(
            _(
                "**{kept:,} images are kept:** {by_people:,} by people, {by_rules:,} by the rules · "
                "{unsure:,} unsure · {disputed:,} disputed",
                kept=kept,
                by_people=by_people,
                by_rules=kept - by_people,
                unsure=counts["states"].get("unsure", 0),
                disputed=counts["disputed"],
            )
        )
        with st.form("freeze_form", border=False):
            name_side, who_side, note_side, button_side = st.columns(
                [2, 2, 4, 1.4], vertical_alignment="bottom"
            )
            name = name_side.text_input(_("Name"), value=next_version(taken), max_chars=60)
            signed_in = access.visitor().name
            who = who_side.text_input(_("Your name"), value=signed_in, max_chars=60, disabled=bool(signed_in))
            note = note_side.text_input(_("Note"), max_chars=500)
            trust_rules = st.checkbox(_("Where nobody has decided, the rules do"), value=True)
            pressed = button_side.form_submit_button(
                _("Freeze"), type="primary", disabled=not kept, width="stretch"
            )
        if pressed:
            try:
                version = freeze(
                    library, name.strip(), who.strip(), note=note.strip(), trust_rules=trust_rules
                )
            except (LibraryError, ValueError) as error:
                st.error(as_text(error))
            else:
                st.toast(
                    _("{name} holds {n:,} images.", name=as_text(version.name), n=len(version.ids)),
                    icon=":material/ac_unit:",
                )
                st.rerun()


def next_version(taken: set[str]) -> str:
    """The first of v1, v2 and so on that no version has, beyond their number."""
    return free_name("v", taken, len(taken) + 1)


def freeze(
    library: Library, name: str, who: str = "", *, note: str = "", trust_rules: bool = True
) -> Version:
    """Freeze what is kept as a version; who has signed in is who did it.

    Raises
    ------
    LibraryError, ValueError
        As `curation.library.library.Library.freeze`.
    """
    who = access.visitor().name or who or "somebody"
    version = library.freeze(name, who=who, note=note, trust_rules=trust_rules)
    audit.record("freeze", version.name, f"{len(version.ids)} images, {version.hash[:12]}")
    return version


def _show_version(library: Library, version: Version) -> None:
    with st.container(border=True, key=f"version_{version.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{as_text(version.name)}** · {_('{n:,} images', n=len(version.ids))} · "
                f"{version.created[:16].replace('T', ' ')} · {as_text(version.who)} · `{version.hash[:12]}`"
                + (f" · {as_text(version.note)}" if version.note else ""),
                width="stretch",
            )
            layout = st.selectbox(
                _("Layout"), list(LAYOUTS), format_func=lambda name: _(LAYOUTS[name]), label_visibility="collapsed",
                key=f"layout_{version.name}", width=300,
            )  # fmt: skip
            compare_faces = st.toggle(
                _("One person, one split"), value=True, key=f"faces_{version.name}", help=_(FACES_HELP)
            )
            st.button(
                _("Export"), key=f"export_{version.name}", type="primary", on_click=start_export,
                args=(library.root, version.name, layout, compare_faces),
            )  # fmt: skip
        if version.rejected:
            reasons = ", ".join(f"{name} {count:,}" for name, count in version.rejected.items())
            st.caption(_("Left out: {reasons}", reasons=as_text(reasons)))
        for number, exported in enumerate(exports_of(library.root, version.name)):
            _show_exported(exported, f"{version.name}_{number}")


def _show_exported(exported: Exported, key: str) -> None:
    splits = ", ".join(f"{name} {count:,}" for name, count in exported.splits.items())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{as_code(exported.out)} · {as_text(splits)}", width="stretch")
        is_pairs = (Path(exported.out) / MANIFEST).is_file()
        if (
            is_pairs
            and access.may(Role.OWNER)
            and st.button(
                _("Train on this"), key=f"train_{key}", type="primary", icon=":material/model_training:"
            )
        ):
            train_on(Path(exported.out))
        archive = Path(exported.zip) if exported.zip else None
        if archive is not None and archive.is_file():
            size_bytes = archive.stat().st_size
            size = size_text(size_bytes)
            if size_bytes <= MAX_DOWNLOAD_MB * 1e6:
                label = _("Zip ({size})", size=size)
                st.download_button(
                    label, archive.read_bytes, archive.name, "application/zip", key=f"zip_{key}"
                )
            else:
                st.caption(f"{as_text(archive)} ({size})")
    for sentence in exported.people:
        st.caption(f":material/group: {as_text(translate_sentence(sentence))}")
    for warning in exported.warnings:
        st.caption(f":material/warning: {as_text(translate_sentence(warning))}")
    if exported.commands:
        with st.expander(_("On the command line"), icon=":material/terminal:"):
            for what, command in exported.commands.items():
                st.caption(f"{as_text(translate_sentence(what))}:")
                st.code(command, language="bash", wrap_lines=True)


def start_export(root: Path, name: str, layout: str = "pairs", compare_faces: bool = True) -> None:
    """Start the job that writes a version out."""
    out = root / "exports" / f"{name}-{layout}"
    out.parent.mkdir(parents=True, exist_ok=True)
    faces = [] if compare_faces else ["--no-faces"]
    jobs.start("export", [name, "--out", str(out), "--kind", layout, "--zip", *faces, "--json"], library=root)
    audit.record("export", name, layout)


def exports_of(root: Path, name: str) -> list[Exported]:
    """The latest export at each place that still holds this version, made here or by command, the latest first."""
    latest: dict[str, Exported] = {}
    for one in map(_exported_from, reversed(noted_exports(root))):
        if Path(one.out).is_dir() or Path(one.zip).is_file():
            latest.setdefault(one.out, one)
    return [one for one in latest.values() if one.version == name]
