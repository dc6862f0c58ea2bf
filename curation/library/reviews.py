"""What people do in the library: decide, undo, draw images, correct alignments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from curation.agreement import Agreement
from curation.library import alignments, decisions, leases
from curation.library.base import LibraryBase
from curation.library.names import clean_reviewer
from curation.library.records import Decision, Disagreement


class Reviews(LibraryBase):
    """Part of `curation.library.library.Library`: what people decide."""

    def decide(
        self,
        ids: Iterable[str],
        decision: str | None,
        *,
        reviewer: str,
        add_labels: Collection[str] = (),
        remove_labels: Collection[str] = (),
        settle: bool = False,
        token: str = "",
    ) -> int:
        """Append one decision about any number of images: one action, one step to undo.

        Parameters
        ----------
        decision
            ``keep``, ``reject``, ``unsure``, ``""`` to withdraw one's own, ``None`` to change labels only.
        settle
            Ends a dispute: what others said before no longer counts.
        token
            A second call with the same one does nothing and returns the first one's action.

        Returns
        -------
        action
            Its number.

        Raises
        ------
        ValueError
            If a name or label cannot be, or there is nothing to decide.
        LibraryError
            If an image is not in the library; nothing is saved then.
        """
        with self._database.write() as write:
            return decisions.decide(
                write,
                ids,
                decision,
                reviewer=reviewer,
                add_labels=add_labels,
                remove_labels=remove_labels,
                settle=settle,
                token=token or None,
            )

    def undo(self, reviewer: str, *, token: str = "") -> tuple[str, ...]:
        """Take back the reviewer's last action that counts; its images, or () when nothing is left."""
        with self._database.write() as write:
            return decisions.undo(write, reviewer, token=token or None)

    def redo(self, reviewer: str, *, token: str = "") -> tuple[str, ...]:
        """Bring back what `undo` took back last, unless something was decided since."""
        with self._database.write() as write:
            return decisions.redo(write, reviewer, token=token or None)

    def history(self, image_id: str) -> list[Decision]:
        """Everything that was decided about an image, oldest first, undone things included."""
        with self._database.read() as connection:
            return decisions.history(connection, image_id)

    def opinions_of(self, ids: Iterable[str], reviewer: str) -> dict[str, str]:
        """Give what one reviewer said of those images that he or she has decided."""
        with self._database.read() as connection:
            return decisions.opinions_of(connection, ids, clean_reviewer(reviewer))

    def labels_of(self, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Labels of those images that carry any."""
        with self._database.read() as connection:
            return decisions.labels_of(connection, ids)

    def disagreements(self) -> list[Disagreement]:
        """Images on which reviewers differ and which nobody has settled, oldest first."""
        return self._listings.disagreements()

    def agreement(self) -> Agreement:
        """How far reviewers agree; decisions that settle a dispute do not count."""
        return self._listings.agreement()

    def lease(
        self,
        reviewer: str,
        candidates: Sequence[str],
        count: int,
        ttl_s: float = 300,
        *,
        among: leases.Among = "undecided",
    ) -> list[str]:
        """Draw images to look at that nobody else holds, in the order of ``candidates``.

        What the reviewer holds already comes first and is held anew. A lease ends by itself after
        ``ttl_s`` seconds.

        Parameters
        ----------
        among
            ``undecided``: leave out what anybody has decided by now; ``not_mine``: what this reviewer
            has (for second opinions); ``any``: nothing.
        """
        with self._database.write() as write:
            return leases.lease(write, reviewer, candidates, count, ttl_s=ttl_s, among=among)

    def release(self, reviewer: str) -> None:
        """Give back all that a reviewer holds."""
        with self._database.write() as write:
            leases.release(write, reviewer)

    def correct_alignment(
        self, image_id: str, anchors: Sequence[Sequence[float]], reviewer: str, *, token: str = ""
    ) -> None:
        """Note where a person put image-left eye, image-right eye and mouth, in the upright source."""
        with self._database.write() as write:
            alignments.correct(write, image_id, anchors, clean_reviewer(reviewer), token or None)

    def alignment_of(self, image_id: str) -> alignments.Anchors:
        """The newest correction, else what the machine found, else ()."""
        with self._database.read() as connection:
            return alignments.alignment_of(connection, image_id)

    def corrections(self) -> dict[str, alignments.Anchors]:
        """Newest correction of each image that has one."""
        with self._database.read() as connection:
            return alignments.corrections(connection)
