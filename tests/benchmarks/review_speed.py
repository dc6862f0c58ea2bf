"""Server time of the Review page: ``python -m tests.benchmarks.review_speed [--images 100000] [--library DIR]``.

Fills a library with that many records (no pixels), or takes one that is there, and runs the page's own
function as a visitor's browser makes it run. JSON on stdout: medians in milliseconds.
"""

import argparse
import hashlib
import json
import os
import resource
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from curation.library.files import LibraryFiles
from curation.library.library import Library
from curation.library.records import Examination, Measurements, Original, Provenance

BATCH = 5000
ROUNDS = 15


def fill(library: Library, count: int) -> None:
    """Records of faces that were examined; two reviewers decided a fifth each."""
    rng = np.random.default_rng(0)
    ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
    LibraryFiles.put_original = lambda _self, _original: None  # type: ignore[method-assign]  # no pixels here
    for start in range(0, count, BATCH):
        part = ids[start : start + BATCH]
        library.add_many(
            [
                (Original(key, b"", "JPEG", 1024, 1024, key), Provenance(f"folder:{n % 7}", f"{n}.jpg"))
                for n, key in enumerate(part, start)
            ]
        )
        library.save_examinations(
            [Examination(key, "ok", versions="{}", measurements=some(rng)) for key in part]
        )
        print(f"{start + len(part):,} of {count:,}", file=sys.stderr)
    fifth = count // 5
    for reviewer, first in (("Ann", 0), ("Bob", fifth // 2)):
        for start in range(first, first + fifth, 1000):
            labels = ("glasses",) if start % 3000 == 0 else ()
            decision = ("keep", "reject")[start // 1000 % 2]
            library.decide(ids[start : start + 1000], decision, reviewer=reviewer, add_labels=labels)


def some(rng: np.random.Generator) -> Measurements:
    """Readings that pass some rules and break others."""
    return Measurements(
        faces=1,
        eye_distance_px=float(rng.uniform(40, 200)),
        yaw=float(rng.normal(0, 9)),
        pitch=float(rng.normal(0, 7)),
        roll_aligned=0.0,
        sharpness=float(rng.uniform()),
        brightness=0.5,
        dynamic_range=0.6,
        covered=float(rng.uniform(0, 0.6)),
        width=1024,
        height=1024,
    )


def page() -> None:
    """The page, with a clock around it; run as a script of its own, so it imports what it needs."""
    import time

    import streamlit as st

    from dashboard.views.review.page import show_page

    begin, cpu = time.perf_counter(), time.thread_time()
    show_page()
    st.session_state["took"] = (time.perf_counter() - begin, time.thread_time() - cpu)


def measure(library: Library) -> dict[str, dict[str, float]]:
    """Wall and CPU milliseconds of one run of the page's function, by what the reviewer did before it."""
    ids = list(library.table().index)
    found: dict[str, dict[str, float]] = {}

    def clock(name: str, app: AppTest, before) -> None:
        took = []
        for turn in range(ROUNDS):
            before(app, turn)
            app.run()
            assert not app.exception, app.exception
            took.append(app.session_state["took"])
        wall, cpu = (1000 * statistics.median(values) for values in zip(*took, strict=True))
        found[name] = {"wall_ms": round(wall, 1), "cpu_ms": round(cpu, 1)}

    app = AppTest.from_function(page, default_timeout=120)
    app.query_params["who"] = "Ann"
    app.run()
    assert not app.exception and not app.error, (app.exception, app.error)
    session = app.session_state["review_session"]

    def decide(_app: AppTest, turn: int) -> None:
        library.decide(ids[turn : turn + 1], "keep" if turn % 2 else "reject", reviewer="Ann")

    def turn_page(_app: AppTest, turn: int) -> None:
        session.go_to_page(turn + 1)

    def sort_anew(app: AppTest, turn: int) -> None:
        app.query_params["sort"] = ("yaw", "sharpness", "source")[turn % 3]
        app.query_params["verdict"] = ("keep", "reject")[turn % 2]

    clock("nothing changed", app, lambda *_: None)
    clock("page turned", app, turn_page)
    clock("one decision before", app, decide)
    clock("new filter and sort", app, sort_anew)
    return found


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--library", type=Path, help="the data folder of a library that is there already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = options.library or Path(folder)
        os.environ["STUDIO_DATA"] = str(data)
        from dashboard.shared.shared_library import shared_library

        library = shared_library()
        if not len(library.table()):
            fill(library, options.images)
        figures = measure(library)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"images": len(library.table()), "page": figures, "peak_mb": round(peak)}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
