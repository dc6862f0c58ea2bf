"""What an export's card and splits need to know of a version, gathered in one pass over its members."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curation.export.pictures import has_face
from curation.export.splits import SPLITS, Candidate, Place, shared_keys
from curation.library.members import Member
from curation.library.records import MEASUREMENT_NAMES

MEMBERS_FILE = "members.jsonl"
UNKNOWN = "unknown"


@dataclass
class Contents:
    """Counts and readings of a version's images.

    Attributes
    ----------
    candidates
        What decides the splits, of those with a pair.
    sources, licences, authors, labels, decided_by
        How many images each of them has; an image with two licences counts for both.
    readings
        Of each measurement, one number an image (NaN where there is none).
    without_face
        Kept images that have no aligned photo.
    """

    candidates: list[Candidate] = field(default_factory=list)
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    authors: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    decided_by: Counter[str] = field(default_factory=Counter)
    readings: dict[str, array[float]] = field(
        default_factory=lambda: {name: array("d") for name in MEASUREMENT_NAMES}
    )
    without_face: int = 0

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
        self.without_face += not has_face(member)
        for name, values in self.readings.items():
            value = getattr(examination.measurements, name)
            values.append(float("nan") if value is None else float(value))

    def known(self) -> set[str]:
        """Measurements that every image has."""
        return {name for name, values in self.readings.items() if all(value == value for value in values)}


def gather(members: Iterable[Member], folder: Path) -> Contents:
    """Count all members of a version, and write them into ``folder`` so that an import can restore them."""
    contents = Contents()
    with (folder / MEMBERS_FILE).open("w", encoding="utf-8", newline="\n") as file:
        for member in members:
            contents.add(member)
            file.write(member.to_json() + "\n")
    return contents


def count_splits(places: Mapping[str, Place]) -> dict[str, int]:
    """Count the pairs of each split, ``none`` only where there are any."""
    counts = Counter(place.split for place in places.values())
    return {split: counts[split] for split in SPLITS} | {
        split: count for split, count in counts.items() if split not in SPLITS
    }
