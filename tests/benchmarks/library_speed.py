"""How quickly a library of 100 000 images answers.

``python -m tests.benchmarks.library_speed [--images N] [--url ADDRESS]`` makes up that many records (no
pictures) in a temporary library, on SQLite or the empty database named, and prints one line of JSON:
seconds to open, to bring the table up to date, to filter and sort (the slowest of many), to judge all
anew, and memory. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from curation.library.library import Library
from curation.library.records import MEASUREMENT_NAMES, Examination, Measurements
from curation.library.schema import images, provenance
from curation.library.table import Filters, select
from curation.rules import count_kept

BATCH = 2_000
PAGE = 60
SCALES = {
    "eye_distance_px": (110, 45), "yaw": (0, 9), "pitch": (0, 8), "roll": (0, 8), "roll_aligned": (0, 2),
    "width": (1024, 200), "height": (1024, 200), "stretch": (1.12, 0.08), "faces": (1.2, 0.4),
}  # fmt: skip
FILTERS = {
    "state": Filters(state="keep"),
    "verdict and rule": Filters(verdict="reject", rule=("yaw", "pitch")),
    "source": Filters(source="folder:3"),
    "label": Filters(label="hat"),
    "reviewer": Filters(reviewer=("ann", "bob")),
    "disputed": Filters(disputed=True),
    "ranges": Filters(ranges={"yaw": (-5, 5), "sharpness": (0.4, None)}),
    "text": Filters(text="photo 77"),
}


def fill(library: Library, count: int) -> None:
    """Records of images whose pictures do not exist."""
    random = np.random.default_rng(0)
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]
        with library._database.write() as write:
            picture = {"format": "JPEG", "width": 1024, "height": 1024, "bytes": 1, "changed": write.count}
            rows = [{"id": i, "pixel_hash": i, "added_at": "2026-01-01T00:00:00Z"} | picture for i in ids]
            made = write.connection.execute(
                insert(images).returning(images.c.number, sort_by_parameter_order=True), rows
            ).scalars()
            origin = dict.fromkeys(("url", "page", "licence", "uploader"), "") | {"position": 0}
            write.connection.execute(
                insert(provenance),
                [
                    {
                        "number": row,
                        "source": f"folder:{number % 7}",
                        "name": f"photo {number}.jpg",
                        "author": f"author {number % 500}",
                        "added_at": "2026-01-01T00:00:00Z",
                    }
                    | origin
                    for row, number in zip(made, numbers, strict=True)
                ],
            )
        library.save_examinations([_examination(image_id, random) for image_id in ids])


def _examination(image_id: str, random: np.random.Generator) -> Examination:
    drawn = random.standard_normal(len(MEASUREMENT_NAMES)).tolist()
    values: dict[str, Any] = {
        name: SCALES[name][0] + SCALES[name][1] * value if name in SCALES else abs(0.5 + 0.1 * value)
        for name, value in zip(MEASUREMENT_NAMES, drawn, strict=True)
    }
    for name in ("faces", "width", "height"):
        values[name] = max(1, int(values[name]))
    return Examination(
        image_id, "ok", "", '{"benchmark":1}', Measurements(**values), ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
        random.bytes(1912), random.bytes(32), random.bytes(32), random.bytes(2560),
    )  # fmt: skip


def measure(library: Library, count: int) -> dict[str, Any]:
    """All timings in seconds; of single steps their CPU time as well, which other work disturbs less."""
    found: dict[str, Any] = {"images": count}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        result = call()
        found[name] = round(time.perf_counter() - begin, 4)
        found[f"{name.removesuffix('_s')}_cpu_s"] = round(time.process_time() - cpu_begin, 4)
        return result

    timed("fill_s", lambda: fill(library, count))
    before = _memory_mb()
    table = timed("first_table_s", library.table)
    ids = table.index.tolist()
    for reviewer, step in (("ann", 40), ("bob", 60)):
        chosen = ids[: count // 2 : step]
        library.decide(
            chosen, "keep" if reviewer == "ann" else "reject", reviewer=reviewer, add_labels=["hat"]
        )
    timed("table_after_many_decisions_s", library.table)
    library.decide(ids[:1], "keep", reviewer="ann")
    table = timed("table_after_one_decision_s", library.table)
    timed("table_unchanged_s", library.table)
    timed("decide_page_s", lambda: library.decide(ids[:PAGE], "keep", reviewer="cid"))
    timed("undo_page_s", lambda: library.undo("cid"))
    timed("lease_page_s", lambda: library.lease("cid", ids, PAGE))
    table = library.table()
    found["filter_s"] = {name: _best(lambda f=filters: select(table, f)) for name, filters in FILTERS.items()}
    columns = [name for name in table.columns if name not in ("labels", "reviewers")]
    sorts = {name: _best(lambda c=name: select(table, sort=c, descending=True)) for name in columns}
    found["slowest_filter_s"] = max(found["filter_s"].values())
    found["slowest_sort_s"] = max(sorts.values())
    found["slowest_sort"] = max(sorts, key=lambda name: sorts[name])
    page = select(table, Filters(state="keep"))[:PAGE]
    found["page_s"] = _best(lambda: table.loc[page].to_dict("records"))
    timed("counts_s", library.counts)
    rules = library.rules()
    found["count_kept_s"] = _best(lambda: count_kept(table, rules))
    for name, yaw in (("rejudge_s", 8), ("rejudge_again_s", 12)):
        changed = timed(name, lambda y=yaw: library.set_rules(rules.with_threshold("yaw", y), "ann"))
        found[f"{name.removesuffix('_s')}_changed"] = changed
    timed("table_after_rejudge_s", library.table)
    found["memory_before_mb"], found["memory_mb"] = before, _memory_mb()
    found["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def _best(call: Callable[[], Any]) -> float:
    def times() -> Iterator[float]:
        for _ in range(3):
            begin = time.perf_counter()
            call()
            yield time.perf_counter() - begin

    return round(min(times()), 4)


def _memory_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--url", help="address of an empty database; SQLite by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Library.open(Path(folder), arguments.url) as library:
        print("making records", file=sys.stderr)
        print(json.dumps(measure(library, arguments.images)))


if __name__ == "__main__":
    main()
