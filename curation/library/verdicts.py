"""The rules in force, and the machine's verdict on each image, kept with what decided it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Select, func, insert, select

from curation.library.database import Write, chunks, now
from curation.library.records import MEASUREMENT_NAMES
from curation.library.schema import duplicates, examinations, images, rule_sets, verdicts
from curation.rules import Rules, judge_table

_BATCH = 20_000
_STORED = ("number", "verdict", "rule", "value", "threshold")
DEFAULTS = "defaults"  # as who: the program's own rules, which a newer program may replace


def current_rules(connection: Connection) -> Rules:
    """The rules in force."""
    text = connection.execute(select(rule_sets.c.text).order_by(rule_sets.c.id.desc()).limit(1)).scalar()
    return Rules.default() if text is None else _parse(text)


_parse = lru_cache(maxsize=16)(Rules.from_yaml)


def has_old_defaults(connection: Connection, text: str) -> bool:
    """Whether the rules in force are defaults, and others than ``text``."""
    newest = connection.execute(select(rule_sets).order_by(rule_sets.c.id.desc()).limit(1)).first()
    return newest is None or (newest.who == DEFAULTS and newest.text != text)


def set_rules(write: Write, rules: Rules, who: str) -> int:
    """Put rules in force and judge every image by them; returns how many verdicts changed."""
    write.connection.execute(insert(rule_sets).values(text=rules.to_yaml(), who=who, made_at=now()))
    last = write.connection.execute(select(func.max(examinations.c.number))).scalar() or 0
    changed = 0
    for start in range(0, last + 1, _BATCH):  # not all at once: a server must stay small
        bounds = start, start + _BATCH - 1
        changed += _judge(
            write,
            rules,
            _readings().where(examinations.c.number.between(*bounds)),
            select(verdicts).where(verdicts.c.number.between(*bounds)),
        )
    return changed


def judge(write: Write, numbers: Sequence[int]) -> None:
    """Judge some images by the rules in force."""
    rules = current_rules(write.connection)
    for chunk in chunks(numbers):
        _judge(
            write,
            rules,
            _readings().where(examinations.c.number.in_(chunk)),
            select(verdicts).where(verdicts.c.number.in_(chunk)),
        )


def _readings() -> Select[Any]:
    columns = (examinations.c["number", "status", *MEASUREMENT_NAMES], images.c.id, duplicates.c.best)
    joined = examinations.join(images).outerjoin(duplicates, duplicates.c.number == examinations.c.number)
    return select(*columns[0], *columns[1:]).select_from(joined)


def _judge(write: Write, rules: Rules, readings: Select[Any], known: Select[Any]) -> int:
    result = write.connection.execute(readings)
    names = list(result.keys())
    columns = dict(zip(names, zip(*result.all(), strict=True), strict=False))
    if not columns:
        return 0
    table = pd.DataFrame(
        {name: np.array(columns[name], np.float32) for name in MEASUREMENT_NAMES}
        | {"status": columns["status"], "duplicate_best": _is_best(columns["id"], columns["best"])}
    )
    new = judge_table(table, rules)
    rows = zip(
        columns["number"],
        new["verdict"].tolist(),
        new["rule"].tolist(),
        _plain(new["value"]),
        _plain(new["threshold"]),
        strict=True,
    )
    old = {
        row[0]: tuple(row)
        for row in write.connection.execute(
            known.with_only_columns(*(verdicts.c[name] for name in _STORED))
        ).all()
    }
    changed = [
        dict(zip(_STORED, row, strict=True)) | {"changed": write.count}
        for row in rows
        if row != old.get(row[0])
    ]
    write.upsert(verdicts, changed)
    return len(changed)


def _is_best(ids: Sequence[str], best: Sequence[str | None]) -> list[bool]:
    return [not group or group == image_id for image_id, group in zip(ids, best, strict=True)]


def _plain(values: pd.Series) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
