"""Write a dataset version as a folder that trains at once, loads into other tools, and can be imported back."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curation.duplicates import DetailComparison
from curation.export.annotations import FORMATS, read_faces
from curation.export.card import licence_warnings, write_card
from curation.export.manifest_tables import ManifestWriter, manifest_row
from curation.export.people import read_vectors
from curation.export.pictures import Pair, photo_reader, read_pairs
from curation.export.publish import VERSION_FILE, ExportError, explained, new_folder, write_zip
from curation.export.removal import note_export
from curation.export.splits import NONE, Assignment, Fractions, assign_splits, divided_keys
from curation.export.summary import (
    KINDS,
    MEMBERS_FILE,
    NO_WEIGHTS,
    NOT_COMPARED,
    Contents,
    ExportSummary,
    Kind,
    commands_for,
    count_splits,
    divided_warnings,
    gather,
    people_sentences,
    photo_place,
    short_names,
    sketch_place,
    split_warnings,
)
from curation.library.versions import Member

if TYPE_CHECKING:
    from curation.library.library import Library
    from curation.library.versions import Version

FORMAT = 1
HERE = "THIS_FOLDER"  # in the card: it is the same wherever the export lies
_USUAL = Fractions()
_PAIR_BYTES = 420_000  # of a photo and its sketch, about


def export_version(
    library: Library,
    version_name: str,
    out: Path,
    *,
    kind: Kind = "pairs",
    zip: bool = False,
    annotations: Sequence[str] = (),
    seed: int = 0,
    fractions: Fractions = _USUAL,
    compare_faces: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> ExportSummary:
    """Write a version into the folder ``out``, all of it or nothing.

    The same version gives the same bytes whenever it is exported.

    Parameters
    ----------
    out
        New, empty, or an earlier export, whose place the new one takes in one step.
    kind
        See `curation.export.summary`.
    zip
        Also as ``OUT.zip`` beside the folder.
    annotations
        Of `curation.export.annotations.FORMATS`: boxes and landmarks for other tools, of pairs only.
    seed, fractions
        Of the splits; see `curation.export.splits`.
    compare_faces
        Keep the photos of one person in one split as far as faces tell; see `curation.export.people`.
    progress
        Called with images done and images in all; faces that were never compared before count once more.

    Raises
    ------
    ExportError
        If the disk or the place forbids it, or a picture is gone.
    LibraryError
        If there is no such version.
    ValueError
        If the kind or a format of annotations is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"expected one of the kinds {', '.join(KINDS)}, got {kind!r}")
    if (unknown := set(annotations) - set(FORMATS)) or (annotations and kind != "pairs"):
        got = f"got {', '.join(sorted(unknown))}" if unknown else f"and only with pairs, got {kind}"
        raise ValueError(f"expected annotations of {', '.join(FORMATS)}, {got}")
    begin = time.monotonic()
    out = out.absolute()
    version = library.version(version_name)
    if not version.ids:
        raise ExportError(f"Version {version.name} holds no images. Keep some, and freeze a new version.")
    _check_room(out, len(version.ids), copies=2 if zip else 1)
    with new_folder(out) as folder:
        contents = gather(library.members(version.name), folder)
        vectors = read_vectors(library, _members(folder), progress=progress) if compare_faces else None
        candidates = [replace(one, face=(vectors or {}).get(one.id, b"")) for one in contents.candidates]
        is_same = DetailComparison(photo_reader(library, version.name))
        assignments = assign_splits(candidates, seed=seed, fractions=fractions, is_same=is_same)
        people = (
            people_sentences(assignments)
            if vectors is not None
            else [NO_WEIGHTS if compare_faces else NOT_COMPARED]
        )
        left_out = _write_pictures(library, version, folder, kind, assignments, contents, progress)
        for name in dict.fromkeys(annotations):
            FORMATS[name](folder, read_faces(folder))
        splits = count_splits(assignments)
        warnings = licence_warnings(contents) + split_warnings(splits, fractions)
        warnings += divided_warnings(divided_keys(contents.candidates, assignments))
        archive = out.with_name(f"{out.name}.zip")
        summary = ExportSummary(
            version=version.name,
            hash=version.hash,
            kind=kind,
            out=str(out),
            zip=str(archive) if zip else "",
            images=sum(splits.values()),
            left_out=dict(left_out),
            removed=len(version.removed),
            splits=splits,
            groups=len({assignment.group for assignment in assignments.values()}),
            people=tuple(people),
            warnings=tuple(warnings),
            commands=commands_for(kind, str(out)),
        )
        write_card(folder, version, contents, replace(summary, commands=commands_for(kind, HERE)))
        made_with = {
            "kind": kind,
            "annotation_formats": sorted(set(annotations)),  # "annotations" would be a table of COCO
            "splits": {"seed": seed, **asdict(fractions)},
            "compare_faces": compare_faces,
        }
        _write_version(folder, version, made_with)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if zip and not _has_lost_images(library, version):
        write_zip(out, archive)  # takes as long again
    if _has_lost_images(library, version):
        return export_version(
            library, version.name, out, kind=kind, zip=zip, annotations=annotations, seed=seed,
            fractions=fractions, compare_faces=compare_faces, progress=progress,
        )  # fmt: skip
    summary = replace(summary, bytes=size, seconds=round(time.monotonic() - begin, 2))
    note_export(library.root, summary)
    return summary


def _has_lost_images(library: Library, version: Version) -> bool:
    """Tell whether somebody has deleted images of a version for good since it was read."""
    return set(library.version(version.name).removed) != set(version.removed)


def _write_pictures(
    library: Library,
    version: Version,
    folder: Path,
    kind: Kind,
    assignments: Mapping[str, Assignment],
    contents: Contents,
    progress: Callable[[int, int], None] | None,
) -> Counter[str]:
    """Write pairs and manifests; counts the images that training passes over, by why."""
    names, left_out = short_names(version.ids + version.removed), Counter[str]()
    with ManifestWriter(folder, kind, contents.known()) as manifest:
        pairs = read_pairs(library, _members(folder))
        for done, (member, pair) in enumerate(pairs, start=1):
            name = names[member.image_id]
            assignment = assignments.get(member.image_id, Assignment(NONE, member.image_id))
            sha256s = _write_pair(folder, kind, assignment.split, name, pair) if pair else None
            row = manifest_row(member, assignment, name, kind, sha256s)
            manifest.append(row)
            if row["reason"]:
                left_out[row["reason"]["code"]] += 1
            if progress:
                progress(done, len(version.ids))
    return left_out


def _members(folder: Path) -> Iterator[Member]:
    """From the file just written: a connection to the database is not held open for as long as it takes."""
    with (folder / MEMBERS_FILE).open(encoding="utf-8") as file:
        for line in file:
            yield Member.from_json(line)


def _write_pair(folder: Path, kind: Kind, split: str, name: str, pair: Pair) -> tuple[str, str]:
    sha256s = []
    for assignment, data in ((photo_place, pair.photo), (sketch_place, pair.sketch)):
        path = folder / assignment(kind, split, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sha256s.append(hashlib.sha256(data).hexdigest())
    return sha256s[0], sha256s[1]


def _write_version(folder: Path, version: Version, made_with: Mapping[str, object]) -> None:
    """What an import and a later export anew need beside the members, and the mark of an export."""
    about = {
        "format": FORMAT,
        "name": version.name,
        "created": version.created,
        "who": version.who,
        "note": version.note,
        "hash": version.hash,
        "rules": version.rules_text,
        "rejected": version.rejected,
        "removed": list(version.removed),
        **made_with,
    }
    text = json.dumps(about, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / VERSION_FILE).write_text(text + "\n", encoding="utf-8", newline="\n")


def _check_room(out: Path, images: int, *, copies: int) -> None:
    """Say at once, and not after an hour, that the disk is too small."""
    parent = out.parent
    while not parent.exists():
        parent = parent.parent
    with explained(out):
        free = shutil.disk_usage(parent).free
    needed = images * _PAIR_BYTES * copies
    if free < needed:
        raise ExportError(
            f"The disk has too little room: {images} pairs take about {needed / 1e6:.0f} MB, and "
            f"{parent} has {free / 1e6:.0f} MB left. Free some space, or choose another --out."
        )


__all__ = ["ExportError", "ExportSummary", "export_version"]
