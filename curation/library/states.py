"""What follows from the log of decisions: each reviewer's opinion, and the state of each image.

Only actions count that were not undone. A reviewer's opinion of an image is the newest decision that
they did not withdraw. An image is *disputed*, and thereby undecided, while two opinions differ. It is
settled by a decision that is marked as settling, by one of the two or by a third: opinions that are
older than it no longer count, and who disagrees with it afterwards disputes it again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from curation.library.database import Write, chunks
from curation.library.schema import actions, decisions, label_changes, opinions, states


@dataclass(frozen=True)
class Opinion:
    """What one reviewer thinks of one image.

    Attributes
    ----------
    rating
        The decision, leaving out those that settle a dispute: what was thought before it was known
        what others think. Agreement is counted over these.
    """

    reviewer: str
    decision: str
    rating: str
    made_at: str
    action: int
    settled_at: int  # action of their newest settling decision, 0 if none


def derive(write: Write, numbers: Sequence[int]) -> None:
    """Work out opinions and states of some images anew from the log."""
    for chunk in chunks(numbers):
        found = opinions_from_log(write.connection, chunk)
        labels = _labels_from_log(write.connection, chunk)
        write.connection.execute(delete(opinions).where(opinions.c.number.in_(chunk)))
        rows = [
            {
                "number": number,
                "reviewer": one.reviewer,
                "decision": one.decision,
                "rating": one.rating,
                "made_at": one.made_at,
                "action": one.action,
            }
            for number in chunk
            for one in found[number]
        ]
        write.upsert(opinions, rows)
        write.upsert(
            states,
            [
                {"number": number, **_state(found[number], labels[number]), "changed": write.count}
                for number in chunk
            ],
        )


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


def opinions_from_log(connection: Connection, numbers: Sequence[int]) -> dict[int, list[Opinion]]:
    """Each reviewer's opinion of each image, from what was not undone."""
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
