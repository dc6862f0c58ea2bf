"""A process that decides about images one by one: ``python writer.py ROOT ADDRESS REVIEWER COUNT``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from curation.library.library import Library
from curation.library.records import LibraryError


def main(root: str, address: str, reviewer: str, count: str) -> None:
    with Library.open(Path(root), address) as library:
        ids = library.table().index.tolist()
        for number in range(int(count)):
            image_id = ids[number % len(ids)]
            action = decide(library, image_id, ("keep", "reject")[number % 2], reviewer)
            print(action, image_id, flush=True)


def decide(library: Library, image_id: int, decision: Literal["keep", "reject"], reviewer: str) -> int | None:
    """Decide, and do what the library asks for where others held the database too long: try again."""
    while True:
        try:
            return library.decide([image_id], decision, reviewer=reviewer)
        except (
            LibraryError
        ) as error:  # SQLite lets waiting writers in by chance: on a busy machine one may starve
            if "Try again" not in str(error):
                raise


if __name__ == "__main__":
    main(*sys.argv[1:])
