"""A process that decides about images one by one: ``python writer.py ROOT ADDRESS REVIEWER COUNT``."""

from __future__ import annotations

import sys
from pathlib import Path

from curation.library.library import Library


def main(root: str, address: str, reviewer: str, count: str) -> None:
    with Library.open(Path(root), address) as library:
        ids = library.table().index.tolist()
        for number in range(int(count)):
            image_id = ids[number % len(ids)]
            action = library.decide([image_id], ("keep", "reject")[number % 2], reviewer=reviewer)
            print(action, image_id, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
