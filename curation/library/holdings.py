"""The library's images, and what the machine found out about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from curation.library import copies, examinations, images, verdicts
from curation.library.base import LibraryBase
from curation.library.names import clean_reviewer
from curation.library.records import (
    DuplicateGroup,
    DuplicateInputs,
    Examination,
    Original,
    Picture,
    Provenance,
)
from curation.rules import Rules


class Holdings(LibraryBase):
    """Part of `curation.library.library.Library`: images, examinations, rules."""

    def add(self, original: Original, provenance: Provenance) -> str:
        """Keep a picture: ``new``, ``known`` (its provenance is noted), or ``deleted`` for good before."""
        return self.add_many([(original, provenance)])[0]

    def add_many(self, arrivals: Sequence[tuple[Original, Provenance]]) -> list[str]:
        """The same for several pictures in one transaction, which is quicker; all or none are noted."""
        return images.add(self._database, self.files, arrivals)

    def read_original(self, image_id: str) -> bytes:
        """The bytes as they came; `OriginalMissing` if they are gone."""
        return self.files.read_original(image_id)

    def provenances(self, ids: Iterable[str]) -> dict[str, tuple[Provenance, ...]]:
        """Where each image came from, oldest first."""
        with self._database.read() as connection:
            return images.provenances(connection, ids)

    def provenance(self, image_id: str) -> tuple[Provenance, ...]:
        """Where one image came from, oldest first."""
        return self.provenances([image_id]).get(image_id, ())

    def pictures(self, ids: Iterable[str]) -> dict[str, Picture]:
        """Format, size and pixel hash of each image."""
        with self._database.read() as connection:
            return images.pictures(connection, ids)

    def known_sources(self, source: str) -> dict[str, str]:
        """What `note_source_files` noted of each file of a source."""
        with self._database.read() as connection:
            return images.known_sources(connection, source)

    def note_source_files(self, source: str, marks: Mapping[str, str]) -> None:
        """Note how each file of a source looked (any text), so that the next run may pass over it."""
        with self._database.write() as write:
            images.note_source_files(write, source, marks)

    def pending(self, versions: str) -> list[str]:
        """Ids to examine, oldest first: not done by these versions, or realigned by hand since."""
        with self._database.read() as connection:
            return examinations.pending(connection, versions)

    def save_examinations(self, found: Sequence[Examination]) -> None:
        """Keep examinations and judge these images, in one short transaction."""
        with self._database.write() as write:
            verdicts.judge(write, examinations.save(write, found))
            gone = images.buried(write.connection, (one.image_id for one in found))
        for image_id in gone:  # deleted for good while it was examined: its new pictures go, too
            self.files.remove(image_id)

    def examinations(self, ids: Iterable[str]) -> dict[str, Examination]:
        """Newest examination of each image that has one."""
        with self._database.read() as connection:
            return examinations.get(connection, ids)

    def examination(self, image_id: str) -> Examination | None:
        """Newest examination of one image."""
        return self.examinations([image_id]).get(image_id)

    def embeddings(self, ids: Sequence[str]) -> np.ndarray:
        """(N, 1280) float16 in the order of ``ids``; NaN where an image has none."""
        with self._database.read() as connection:
            return examinations.embeddings(connection, ids)

    def duplicate_inputs(self) -> DuplicateInputs:
        """What the search for duplicates needs, of every examined image, oldest first."""
        with self._database.read() as connection:
            return examinations.duplicate_inputs(connection)

    def best_copies(self, groups: Iterable[DuplicateGroup]) -> list[DuplicateGroup]:
        """The same groups, led by the copy that `curation.library.copies.best_copy` prefers."""
        groups = list(groups)
        with self._database.read() as connection:
            known = copies.copies(connection, (one for group in groups for one in group.members))
        return [copies.lead_by_best(group, known) for group in groups]

    def save_duplicates(self, groups: Iterable[DuplicateGroup]) -> None:
        """Replace all groups of duplicates and judge the images whose place changed."""
        with self._database.write() as write:
            verdicts.judge(write, examinations.save_duplicates(write, groups))

    def save_proposals(self, proposals: Mapping[str, tuple[float, float]], model: str) -> None:
        """Keep ``{id: (probability of keep, confidence)}``."""
        with self._database.write() as write:
            examinations.save_proposals(write, proposals, model)

    def rules(self) -> Rules:
        """The rules in force."""
        with self._database.read() as connection:
            return verdicts.current_rules(connection)

    def set_rules(self, rules: Rules, who: str) -> int:
        """Put rules in force, judge every image anew from its readings; how many verdicts changed."""
        with self._database.write() as write:
            return verdicts.set_rules(write, rules, clean_reviewer(who))
