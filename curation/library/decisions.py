"""Store what people decided: decisions, reviews and leases.

What people decided: an append-only log with undo and redo.

Each press of a key is one action, whatever number of images it covers. Undo appends an action that
names the one it takes back, and redo appends one that names it again, so nothing is ever erased and
both survive a restart. See `curation.library.table` for what follows from the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select

from curation.agreement import Agreement
from curation.library import examinations
from curation.library.base import LibraryBase
from curation.library.database import Write, chunks, now
from curation.library.images import numbers_of
from curation.library.names import clean_labels, clean_reviewer
from curation.library.records import Decision, Disagreement
from curation.library.schema import actions, decisions, images, label_changes, leases, opinions, states
from curation.library.table import derive

DECISIONS = ("keep", "reject", "unsure", "")


def opinions_of(connection: Connection, ids: Iterable[str], reviewer: str) -> dict[str, str]:
    """Give a reviewer's standing decisions about some images."""
    found: dict[str, str] = {}
    for chunk in chunks(ids):
        said = select(images.c.id, opinions.c.decision).join_from(images, opinions)
        rows = connection.execute(said.where(images.c.id.in_(chunk), opinions.c.reviewer == reviewer))
        found |= {row.id: row.decision for row in rows}
    return found


def decide(
    write: Write,
    ids: Iterable[str],
    decision: str | None,
    *,
    reviewer: str,
    add_labels: Collection[str] = (),
    remove_labels: Collection[str] = (),
    settle: bool = False,
    token: str | None = None,
) -> int:
    """Append one action; see `curation.library.library.Library.decide`."""
    added, removed = clean_labels(add_labels), clean_labels(remove_labels)
    _check(decision, added, removed, settle)
    known = _of_token(write.connection, token)
    if known is not None:
        return known
    numbers = list(numbers_of(write.connection, ids).values())
    if not numbers:
        raise ValueError("a decision needs at least one image")
    action = _append(write, "decide", clean_reviewer(reviewer), token=token)
    write.connection.execute(
        insert(decisions),
        [{"action": action, "number": number, "decision": decision, "settles": settle} for number in numbers],
    )
    changes = [(label, True) for label in added] + [(label, False) for label in removed]
    if changes:
        write.connection.execute(
            insert(label_changes),
            [
                {"action": action, "number": number, "label": label, "added": is_added}
                for number in numbers
                for label, is_added in changes
            ],
        )
    derive(write, numbers)
    return action


def _check(decision: str | None, added: Collection[str], removed: Collection[str], settle: bool) -> None:
    if decision is not None and decision not in DECISIONS:
        raise ValueError(f"expected keep, reject, unsure, '' (withdrawn) or None, got {decision!r}")
    if decision is None and not added and not removed:
        raise ValueError("nothing to decide: give a decision, or labels to add or remove")
    if settle and decision not in ("keep", "reject", "unsure"):
        raise ValueError("a dispute is settled by keep, reject or unsure")
    if both := set(added) & set(removed):
        raise ValueError(f"label {min(both)!r} cannot be both added and removed")


def _append(write: Write, kind: str, reviewer: str, *, target: int | None = None, token: str | None) -> int:
    row = {"kind": kind, "target": target, "reviewer": reviewer, "made_at": now(), "token": token}
    return write.connection.execute(insert(actions).values(row).returning(actions.c.id)).scalar_one()


def _of_token(connection: Connection, token: str | None) -> int | None:
    """The action that was made with this token before."""
    if token is None:
        return None
    return connection.execute(select(actions.c.id).where(actions.c.token == token)).scalar()


def undo(write: Write, reviewer: str, *, token: str | None = None) -> tuple[str, ...]:
    """Take back the reviewer's last action that still counts; returns its images, () if none is left."""
    return _turn(write, "undo", reviewer, token)


def redo(write: Write, reviewer: str, *, token: str | None = None) -> tuple[str, ...]:
    """Bring back what undo took back last, unless the reviewer has decided something else since."""
    return _turn(write, "redo", reviewer, token)


def _turn(write: Write, kind: str, reviewer: str, token: str | None) -> tuple[str, ...]:
    reviewer = clean_reviewer(reviewer)
    done_before = _of_token(write.connection, token)
    if done_before is not None:
        target = write.connection.execute(
            select(actions.c.target).where(actions.c.id == done_before)
        ).scalar()
        return tuple(_images_of(write.connection, target).values())
    find = _last_counting if kind == "undo" else _last_undone
    target = find(write.connection, reviewer)
    if target is None:
        return ()
    _append(write, kind, reviewer, target=target, token=token)
    touched = _images_of(write.connection, target)
    derive(write, list(touched))
    return tuple(touched.values())


def _images_of(connection: Connection, action: int | None) -> dict[int, str]:
    rows = connection.execute(
        select(images.c.number, images.c.id)
        .join_from(images, decisions)
        .where(decisions.c.action == action)
        .order_by(images.c.number)
    )
    return {row.number: row.id for row in rows}


def _last_turn() -> Any:
    """Of an action of the outer query: whether it was undone or redone last, NULL if neither."""
    turn = actions.alias("turn")
    return (
        select(turn.c.kind).where(turn.c.target == actions.c.id).order_by(turn.c.id.desc()).limit(1)
    ).scalar_subquery()


def _last_counting(connection: Connection, reviewer: str) -> int | None:
    return connection.execute(
        select(actions.c.id)
        .where(
            actions.c.reviewer == reviewer,
            actions.c.kind == "decide",
            _still_has_images(actions.c.id),
            func.coalesce(_last_turn(), "redo") == "redo",
        )
        .order_by(actions.c.id.desc())
        .limit(1)
    ).scalar()


def _last_undone(connection: Connection, reviewer: str) -> int | None:
    mine = select(func.max(actions.c.id)).where(actions.c.reviewer == reviewer, actions.c.kind == "decide")
    since = connection.execute(mine).scalar() or 0
    turn, later = actions.alias("turn"), actions.alias("later")
    return connection.execute(
        select(turn.c.target)
        .where(
            turn.c.reviewer == reviewer,
            turn.c.kind == "undo",
            turn.c.id > since,
            _still_has_images(turn.c.target),
            ~exists().where(later.c.target == turn.c.target, later.c.id > turn.c.id),
        )
        .order_by(turn.c.id.desc())
        .limit(1)
    ).scalar()


def _still_has_images(action: ColumnElement[int]) -> ColumnElement[bool]:
    """Not so if all of them were deleted for good."""
    return exists().where(decisions.c.action == action)


def labels_of(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Labels of those among ``ids`` that carry any."""
    columns = select(images.c.id, states.c.labels).join_from(images, states)
    rows = (row for chunk in chunks(ids) for row in connection.execute(columns.where(images.c.id.in_(chunk))))
    return {row.id: tuple(json.loads(row.labels)) for row in rows if row.labels != "[]"}


def history(connection: Connection, image_id: str) -> list[Decision]:
    """All that was ever decided about an image, oldest first, undone things and the undoing included."""
    number = numbers_of(connection, [image_id])[image_id]
    made = {
        row.action: row for row in connection.execute(select(decisions).where(decisions.c.number == number))
    }
    labels: dict[int, dict[bool, list[str]]] = {action: {True: [], False: []} for action in made}
    for row in connection.execute(
        select(label_changes).where(label_changes.c.number == number).order_by(label_changes.c.label)
    ):
        labels[row.action][row.added].append(row.label)
    log: dict[int, Any] = {}
    for chunk in chunks(made):
        concerned = actions.c.id.in_(chunk) | actions.c.target.in_(chunk)
        log.update((row.id, row) for row in connection.execute(select(actions).where(concerned)))
    last_turn = {row.target: row.kind for _, row in sorted(log.items()) if row.target is not None}
    return [
        Decision(
            action=action,
            kind=row.kind,
            reviewer=row.reviewer,
            made_at=row.made_at,
            decision=made[about].decision,
            added_labels=tuple(labels[about][True]),
            removed_labels=tuple(labels[about][False]),
            settles=made[about].settles,
            undone=last_turn.get(about) == "undo",
            target=row.target,
        )
        for action, row in sorted(log.items())
        for about in [action if row.target is None else row.target]
    ]


Among = Literal["undecided", "not_mine", "any"]


def lease(
    write: Write,
    reviewer: str,
    candidates: Sequence[str],
    count: int,
    *,
    ttl_s: float = 300,
    among: Among = "undecided",
) -> list[str]:
    """Draw images; see `curation.library.library.Library.lease`."""
    if among not in ("undecided", "not_mine", "any"):
        raise ValueError(f"expected among to be undecided, not_mine or any, got {among!r}")
    if count < 1 or ttl_s <= 0:
        raise ValueError(f"expected a count of 1 or more and a positive ttl_s, got {count} and {ttl_s}")
    reviewer, moment = clean_reviewer(reviewer), time.time()
    write.connection.execute(delete(leases).where(leases.c.expires_at <= moment))
    holders = dict(
        write.connection.execute(select(images.c.id, leases.c.reviewer).join_from(images, leases)).all()
    )
    mine = [image_id for image_id in candidates if holders.get(image_id) == reviewer]
    free = [image_id for image_id in candidates if image_id not in holders]
    drawn: dict[str, int] = {}
    for chunk in chunks(dict.fromkeys(mine + free)):
        if len(drawn) >= count:
            break
        # What somebody decided since the candidates were listed is not work any more.
        drawn |= _open(write.connection, chunk, reviewer, among, count - len(drawn))
    write.upsert(
        leases,
        [{"number": number, "reviewer": reviewer, "expires_at": moment + ttl_s} for number in drawn.values()],
    )
    return list(drawn)


def _open(
    connection: Connection, ids: Sequence[str], reviewer: str, among: Among, count: int
) -> dict[str, int]:
    wanted = select(images.c.id, images.c.number).where(images.c.id.in_(ids))
    decided = exists().where(opinions.c.number == images.c.number)
    if among == "undecided":
        wanted = wanted.where(~decided)
    elif among == "not_mine":
        wanted = wanted.where(~decided.where(opinions.c.reviewer == reviewer))
    found = {row.id: row.number for row in connection.execute(wanted)}
    return {image_id: found[image_id] for image_id in [i for i in ids if i in found][:count]}


def release(write: Write, reviewer: str) -> None:
    """Give back all that a reviewer holds."""
    write.connection.execute(delete(leases).where(leases.c.reviewer == clean_reviewer(reviewer)))


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
            return decide(
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
            return undo(write, reviewer, token=token or None)

    def redo(self, reviewer: str, *, token: str = "") -> tuple[str, ...]:
        """Bring back what `undo` took back last, unless something was decided since."""
        with self._database.write() as write:
            return redo(write, reviewer, token=token or None)

    def history(self, image_id: str) -> list[Decision]:
        """Everything that was decided about an image, oldest first, undone things included."""
        with self._database.read() as connection:
            return history(connection, image_id)

    def opinions_of(self, ids: Iterable[str], reviewer: str) -> dict[str, str]:
        """Give what one reviewer said of those images that he or she has decided."""
        with self._database.read() as connection:
            return opinions_of(connection, ids, clean_reviewer(reviewer))

    def labels_of(self, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Labels of those images that carry any."""
        with self._database.read() as connection:
            return labels_of(connection, ids)

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
        among: Among = "undecided",
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
            return lease(write, reviewer, candidates, count, ttl_s=ttl_s, among=among)

    def release(self, reviewer: str) -> None:
        """Give back all that a reviewer holds."""
        with self._database.write() as write:
            release(write, reviewer)

    def correct_alignment(
        self, image_id: str, anchors: Sequence[Sequence[float]], reviewer: str, *, token: str = ""
    ) -> None:
        """Note where a person put image-left eye, image-right eye and mouth, in the upright source."""
        with self._database.write() as write:
            examinations.correct(write, image_id, anchors, clean_reviewer(reviewer), token or None)

    def alignment_of(self, image_id: str) -> examinations.Anchors:
        """The newest correction, else what the machine found, else ()."""
        with self._database.read() as connection:
            return examinations.alignment_of(connection, image_id)

    def corrections(self) -> dict[str, examinations.Anchors]:
        """Newest correction of each image that has one."""
        with self._database.read() as connection:
            return examinations.corrections(connection)
