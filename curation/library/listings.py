"""Lists and counts over the whole library, worked out again only after it changed."""

from __future__ import annotations

import json
from collections import Counter
from threading import Lock
from typing import Any

import pandas as pd
from sqlalchemy import func, select

from curation.agreement import Agreement, compare_reviewers
from curation.library.database import Database
from curation.library.records import Disagreement
from curation.library.schema import images, opinions, states, tombstones, versions

_WORDS = {"states": "state", "verdicts": "verdict", "rules": "rule", "sources": "source", "status": "status"}


class Listings:
    """Counts and lists of one database; may be shared by threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._counts: tuple[int, dict[str, Any]] = (-1, {})

    def disagreements(self) -> list[Disagreement]:
        """See `curation.library.library.Library.disagreements`."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(images.c.id, opinions.c.reviewer, opinions.c.decision, opinions.c.made_at)
                .select_from(states.join(images).join(opinions, opinions.c.number == states.c.number))
                .where(states.c.disputed)
                .order_by(states.c.number, opinions.c.action)
            ).all()
        found: dict[str, list[tuple[str, str, str]]] = {}
        for row in rows:
            found.setdefault(row.id, []).append((row.reviewer, row.decision, row.made_at))
        return [Disagreement(image_id, tuple(said)) for image_id, said in found.items()]

    def agreement(self) -> Agreement:
        """See `curation.library.library.Library.agreement`."""
        with self._database.read() as connection:
            rated = select(opinions.c.number, opinions.c.reviewer, opinions.c.rating)
            rows = connection.execute(rated.where(opinions.c.rating != "")).all()
        return compare_reviewers(rows)

    def counts(self, revision: int, table: pd.DataFrame) -> dict[str, Any]:
        """See `curation.library.library.Library.counts`."""
        with self._lock:
            if self._counts[0] != revision:
                self._counts = revision, self._count(table)
            return self._counts[1]

    def _count(self, table: pd.DataFrame) -> dict[str, Any]:
        with self._database.read() as connection:
            deleted = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
            frozen = connection.execute(select(func.count()).select_from(versions)).scalar_one()
            everybody = connection.execute(select(states.c.labels, states.c.reviewers)).all()
        labels = Counter(label for row in everybody for label in json.loads(row.labels))
        reviewers = Counter(name for row in everybody for name in json.loads(row.reviewers))
        return {
            "images": len(table),
            "examined": int((table["status"] != "").sum()),
            "decided": int((table["decision"] != "").sum()),
            "disputed": int(table["disputed"].sum()),
            "deleted": deleted,
            "versions": frozen,
            **{
                name: {word: int(n) for word, n in table[column].value_counts().items() if n and word}
                for name, column in _WORDS.items()
            },
            "labels": dict(sorted(labels.items())),
            "reviewers": dict(sorted(reviewers.items())),
        }
