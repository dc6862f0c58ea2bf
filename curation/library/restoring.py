"""Entering a version that was exported elsewhere, with its images as far as the export knows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import insert, select

from curation.library import examinations, versions
from curation.library.database import Write, chunks
from curation.library.images import Member, add_provenances, count, enter_pictures
from curation.library.schema import actions, decisions, duplicates, images, label_changes, tombstones
from curation.library.table import derive
from curation.library.versions import Version

IMPORTER = "import"


def restore(write: Write, version: Version, members: Sequence[Member]) -> Version:
    """See `curation.library.library.Library.restore`."""
    restored = versions.restore(write, version, {member.image_id: member.to_json() for member in members})
    was_empty = count(write.connection) == 0
    new = _strangers(write, members)
    numbers = enter_pictures(write, {member.image_id: (member.picture, 0) for member in new})
    add_provenances(write, {numbers[member.image_id]: member.provenances for member in new})
    examinations.save(write, [member.examination for member in new if member.examination.status])
    write.upsert(
        duplicates,
        [
            {
                "number": numbers[member.image_id],
                "best": member.duplicate_group,
                "kind": "near",
                "changed": write.count,
            }
            for member in new
            if member.duplicate_group
        ],
    )
    _repeat_decisions(write, new, numbers, version)
    _repeat_labels(write, new, numbers, version)
    derive(write, list(numbers.values()))
    if was_empty and examinations.has_old_defaults(write.connection, version.rules_text):
        examinations.set_rules(write, version.rules, IMPORTER)
    else:
        examinations.judge(write, list(numbers.values()))
    return restored


def _strangers(write: Write, members: Sequence[Member]) -> list[Member]:
    """Members that are neither here nor deleted for good."""
    known: set[str] = set()
    for ids in chunks(member.image_id for member in members):
        for column in (images.c.id, tombstones.c.image_id):
            known |= set(write.connection.execute(select(column).where(column.in_(ids))).scalars())
    return [member for member in members if member.image_id not in known]


def _repeat_decisions(
    write: Write, members: Sequence[Member], numbers: dict[str, int], version: Version
) -> None:
    said: dict[tuple[str, str, str, bool], list[int]] = defaultdict(list)
    for member in members:
        for reviewer, decision, made_at in member.opinions:
            said[made_at, reviewer, decision, False].append(numbers[member.image_id])
        if len({decision for _, decision, _ in member.opinions}) > 1:  # it was settled, and kept
            said[version.created, IMPORTER, "keep", True].append(numbers[member.image_id])
    for (made_at, reviewer, decision, settles), about in sorted(said.items(), key=_settling_last):
        _act(write, reviewer, made_at, about, decision, settles=settles)


def _settling_last(item: tuple[tuple[str, str, str, bool], list[int]]) -> tuple[bool, str, str, str]:
    made_at, reviewer, decision, settles = item[0]
    return settles, made_at, reviewer, decision


def _repeat_labels(
    write: Write, members: Sequence[Member], numbers: dict[str, int], version: Version
) -> None:
    labelled = {numbers[member.image_id]: member.labels for member in members if member.labels}
    if labelled:
        action = _act(write, IMPORTER, version.created, list(labelled), None, settles=False)
        rows = [
            {"action": action, "number": number, "label": label, "added": True}
            for number, labels in labelled.items()
            for label in labels
        ]
        write.connection.execute(insert(label_changes), rows)


def _act(
    write: Write, reviewer: str, made_at: str, about: list[int], decision: str | None, *, settles: bool
) -> int:
    row = {"kind": "decide", "reviewer": reviewer, "made_at": made_at}
    action = write.connection.execute(insert(actions).values(row).returning(actions.c.id)).scalar_one()
    rows = [{"action": action, "number": n, "decision": decision, "settles": settles} for n in about]
    write.connection.execute(insert(decisions), rows)
    return action
