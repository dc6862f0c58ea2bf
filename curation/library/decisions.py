"""Store what people decide: an append-only log with undo and redo, the states that follow from it, and leases.

Each press of a key is one action, whatever number of images it covers. Undo appends an action that
names the one it takes back, and redo appends one that names it again, so nothing is ever erased and
both survive a restart.

Only actions count that were not undone. A reviewer's opinion of an image is the newest decision that
they did not withdraw. An image is *disputed*, and thereby undecided, while two opinions differ. It is
settled by a decision that is marked as settling, by one of the two or by a third: opinions that are
older than it no longer count, and who disagrees with it afterwards disputes it again.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, select

from curation.agreement import Agreement, compare_reviewers
from curation.library.database import Write, chunks, now, rows_among
from curation.library.images import numbers_of
from curation.library.records import Decision, Disagreement, LoggedDecision, clean_labels, clean_reviewer
from curation.library.schema import actions, decisions, images, label_changes, leases, opinions, states

DECISIONS = ("keep", "reject", "unsure", "")
Among = Literal["undecided", "not_mine", "any"]
_FETCHED = 2000
_OPINION = ("reviewer", "decision", "made_at")


def decide(
    write: Write,
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
    added, removed = clean_labels(add_labels), clean_labels(remove_labels)
    _check(decision, added, removed, settle)
    changes = [(label, True) for label in added] + [(label, False) for label in removed]
    return _decide(write, dict.fromkeys(ids, decision), reviewer, token, settles=settle, changes=changes)


def decide_each(write: Write, wanted: Mapping[str, str], *, reviewer: str, token: str = "") -> int:
    """Append a decision of its own for each image, as one action: one step to undo.

    Parameters
    ----------
    wanted
        ``keep``, ``reject`` or ``unsure`` by image.
    token
        As for `decide`, like what is returned and raised.
    """
    for decision in set(wanted.values()):
        _check(decision, (), (), settle=True)  # of the three that decide something
    return _decide(write, wanted, reviewer, token)


def _decide(
    write: Write,
    wanted: Mapping[str, str | None],
    reviewer: str,
    token: str,
    *,
    settles: bool = False,
    changes: Collection[tuple[str, bool]] = (),
) -> int:
    """Append one action about images by their ids, which adds and removes the same labels of all of them."""
    known = _of_token(write.connection, token)
    if known is not None:
        return known.id
    if not wanted:
        raise ValueError("a decision needs at least one image")
    numbers = numbers_of(write.connection, wanted)
    action = append_action(write, "decide", clean_reviewer(reviewer), token=token)
    append_decisions(write, action, {numbers[key]: own for key, own in wanted.items()}, settles=settles)
    append_labels(write, action, dict.fromkeys(numbers.values(), changes))
    derive(write, list(numbers.values()))
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


def append_action(
    write: Write, kind: str, reviewer: str, *, made_at: str = "", target: int | None = None, token: str = ""
) -> int:
    """Append an action to the log; returns its number."""
    row = {"kind": kind, "target": target, "reviewer": reviewer, "made_at": made_at or now()}
    statement = insert(actions).values(row | {"token": token or None}).returning(actions.c.id)
    return write.connection.execute(statement).scalar_one()


def append_decisions(
    write: Write, action: int, wanted: Mapping[int, str | None], *, settles: bool = False
) -> None:
    """Note what an action decides about images, by number; `derive` draws the consequences."""
    row = {"action": action, "settles": settles}
    write.insert(decisions, [row | {"number": n, "decision": decision} for n, decision in wanted.items()])


def append_labels(write: Write, action: int, changes: Mapping[int, Iterable[tuple[str, bool]]]) -> None:
    """Note the labels that an action adds to images (``True``) or removes, by number."""
    rows = [
        {"action": action, "number": number, "label": label, "added": is_added}
        for number, some in changes.items()
        for label, is_added in some
    ]
    write.insert(label_changes, rows)


def _of_token(connection: Connection, token: str) -> Row[Any] | None:
    """The action that was made with this token before."""
    if not token:
        return None
    return connection.execute(select(*actions.c["id", "target"]).where(actions.c.token == token)).first()


def undo(write: Write, reviewer: str, *, token: str = "") -> tuple[str, ...]:
    """Take back the reviewer's last action that counts; its images, or () when nothing is left."""
    return _turn(write, "undo", reviewer, token)


def redo(write: Write, reviewer: str, *, token: str = "") -> tuple[str, ...]:
    """Bring back what `undo` took back last, unless the reviewer has decided something since."""
    return _turn(write, "redo", reviewer, token)


def _turn(write: Write, kind: str, reviewer: str, token: str) -> tuple[str, ...]:
    reviewer = clean_reviewer(reviewer)
    done_before = _of_token(write.connection, token)
    if done_before is not None:
        return tuple(_images_of(write.connection, done_before.target).values())
    find = _last_counting if kind == "undo" else _last_undone
    target = find(write.connection, reviewer)
    if target is None:
        return ()
    append_action(write, kind, reviewer, target=target, token=token)
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


@dataclass(frozen=True)
class Opinion:
    """What one reviewer thinks of one image."""

    reviewer: str
    decision: str
    # The decision, leaving out those that settle a dispute: what was thought before it was known what others think.
    # Agreement is counted over these.
    rating: str
    made_at: str
    action: int
    settled_at: int  # action of their newest settling decision, 0 if none


def derive(write: Write, numbers: Sequence[int]) -> None:
    """Derive opinions and states of some images anew from the log."""
    for chunk in chunks(numbers):
        found = _opinions_from_log(write.connection, chunk)
        labels = _labels_from_log(write.connection, chunk)
        write.connection.execute(delete(opinions).where(opinions.c.number.in_(chunk)))
        rows = (
            {"number": number} | {name: getattr(one, name) for name in (*_OPINION, "rating", "action")}
            for number in chunk
            for one in found[number]
        )
        write.insert(opinions, rows)
        write.upsert(states, [{"number": n, **_state(found[n], labels[n])} for n in chunk])


def _state(found: Sequence[Opinion], labels: Iterable[str]) -> dict[str, Any]:
    settled_at = max((one.settled_at for one in found), default=0)
    counting = {one.decision for one in found if one.action >= settled_at and one.decision}
    return {
        "decision": next(iter(counting)) if len(counting) == 1 else "",
        "disputed": len(counting) > 1,
        "reviewers": json.dumps(sorted(one.reviewer for one in found if one.decision)),
        "labels": json.dumps(sorted(labels)),
        "decided_at": max((one.made_at for one in found if one.decision), default=""),
    }


def _opinions_from_log(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Opinion]]:
    """Read each reviewer's opinion of each image from what was not undone."""
    log: dict[tuple[int, str], list[Row]] = defaultdict(list)
    made = select(decisions, actions.c.reviewer, actions.c.made_at).join_from(decisions, actions)
    for row in _effective(connection, made.where(decisions.c.number.in_(numbers)), decisions.c.action):
        if row.decision == "":
            log[row.number, row.reviewer].clear()
        elif row.decision is not None:
            log[row.number, row.reviewer].append(row)
    found: dict[int, list[Opinion]] = defaultdict(list)
    for (number, reviewer), rows in sorted(log.items()):
        if rows:
            ratings = [row.decision for row in rows if not row.settles]
            settled = [row.action for row in rows if row.settles]
            last = rows[-1]
            found[number].append(
                Opinion(
                    reviewer,
                    last.decision,
                    ratings[-1] if ratings else "",
                    last.made_at,
                    last.action,
                    settled[-1] if settled else 0,
                )
            )
    return found


def _labels_from_log(connection: Connection, numbers: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    made = select(label_changes).where(label_changes.c.number.in_(numbers))
    for row in _effective(connection, made, label_changes.c.action):
        (found[row.number].add if row.added else found[row.number].discard)(row.label)
    return found


def _effective(connection: Connection, rows: Any, action: Any) -> list[Row]:
    """Rows of a query, in order of their action, without those of undone actions."""
    found = connection.execute(rows.order_by(action)).all()
    undone: set[int] = set()
    for chunk in chunks({row.action for row in found}):
        for turn in connection.execute(
            select(actions.c.target, actions.c.kind).where(actions.c.target.in_(chunk)).order_by(actions.c.id)
        ):
            (undone.add if turn.kind == "undo" else undone.discard)(turn.target)
    return [row for row in found if row.action not in undone]


def opinions_of(connection: Connection, ids: Iterable[str], reviewer: str) -> dict[str, str]:
    """Give a reviewer's standing decisions about some images."""
    said = select(images.c.id, opinions.c.decision).join_from(images, opinions)
    mine = said.where(opinions.c.reviewer == clean_reviewer(reviewer))
    return {row.id: row.decision for row in rows_among(connection, mine, images.c.id, ids)}


def all_opinions_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[tuple[str, str, str]]]:
    """Give ``(reviewer, decision, time)`` of everybody who decided about each image."""
    query = select(images.c.id, *opinions.c[_OPINION]).join_from(images, opinions)
    said: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for image_id, *opinion in rows_among(connection, query, images.c.id, ids):
        said[image_id].append((opinion[0], opinion[1], opinion[2]))
    return said


def labels_of(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Give the labels of those images that carry any."""
    query = select(images.c.id, states.c.labels).join_from(images, states).where(states.c.labels != "[]")
    return {row.id: tuple(json.loads(row.labels)) for row in rows_among(connection, query, images.c.id, ids)}


def disagreements(connection: Connection) -> list[Disagreement]:
    """List images on which reviewers differ and which nobody has settled, oldest first."""
    rows = connection.execute(
        select(images.c.id, *opinions.c[_OPINION])
        .select_from(states.join(images).join(opinions, opinions.c.number == states.c.number))
        .where(states.c.disputed)
        .order_by(states.c.number, opinions.c.action)
    )
    found: dict[str, list[tuple[str, str, str]]] = {}
    for image_id, *opinion in rows:
        found.setdefault(image_id, []).append((opinion[0], opinion[1], opinion[2]))
    return [Disagreement(image_id, tuple(said)) for image_id, said in found.items()]


def agreement(connection: Connection) -> Agreement:
    """Compute how far reviewers agree; decisions that settle a dispute do not count."""
    rated = select(*opinions.c["number", "reviewer", "rating"]).where(opinions.c.rating != "")
    return compare_reviewers(connection.execute(rated).all())


def history(connection: Connection, image_id: str) -> list[Decision]:
    """List everything that was decided about an image, oldest first, undone things included."""
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


def log(connection: Connection) -> Iterator[LoggedDecision]:
    """Yield every decision about every image, undone ones and undoing included, oldest first, a few at a time."""
    query = (
        select(*actions.c["id", "kind", "target", "reviewer", "made_at"], images.c.id.label("image_id"))
        .add_columns(*decisions.c["number", "decision", "settles"])
        .select_from(actions)
        .join(decisions, decisions.c.action == func.coalesce(actions.c.target, actions.c.id))
        .join(images, images.c.number == decisions.c.number)
        .order_by(actions.c.id, decisions.c.number)
    )
    with connection.execution_options(yield_per=_FETCHED).execute(query) as rows:
        for some in rows.partitions():
            changed = select(label_changes).order_by(label_changes.c.label)
            labels: dict[tuple[int, int], list[str]] = {}
            for row in rows_among(connection, changed, label_changes.c.action, {_about(row) for row in some}):
                sign = "+" if row.added else "-"
                labels.setdefault((row.action, row.number), []).append(f"{sign}{row.label}")
            for row in some:
                changes = tuple(labels.get((_about(row), row.number), ()))
                yield LoggedDecision(
                    row.made_at, row.reviewer, row.kind, row.image_id, row.decision, changes, row.settles
                )


def _about(row: Row[Any]) -> int:
    return row.id if row.target is None else row.target


def lease(
    write: Write,
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
    held = {"reviewer": reviewer, "expires_at": moment + ttl_s}
    write.upsert(leases, [{"number": number} | held for number in drawn.values()])
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
