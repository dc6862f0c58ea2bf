"""Stages of curation in processes that are killed: ``python -m tests.curation.killed_stages`` reads orders.

An order is a line of JSON: which stage, on which library, and when to kill it: ``after_s`` seconds, or
``after_s`` seconds after so many new ``results`` of the stage are seen, or never. The process that reads
orders loads everything once and forks for each, so that a kill costs the work and not the imports. The
answer is a line of JSON too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

QUICK_VERSIONS = '{"examiner":"tiny"}'


def add(library: Path, source: Path, log: Path) -> None:
    """`curation.add` over a folder."""
    from curation.add import main

    assert main([str(source), "--library", str(library), "--licence", "CC0", "--workers", "1"]) == 0


def judge(library: Path, source: Path, log: Path) -> None:
    """All that is pending, by the quick analyser."""
    from curation import judge
    from curation.library.library import Library
    from tests.curation.planted_analyser import TinyAnalyser

    judge.current_versions = lambda: QUICK_VERSIONS
    config = judge.JudgeConfig(workers=1)
    judge.judge_library(Library.open(library), config, setup=TinyAnalyser(library, log.with_suffix(".diary")))


def judge_for_real(library: Path, source: Path, log: Path) -> None:
    """All that is pending, by the real analyser."""
    from curation.judge import main

    assert main(["--library", str(library), "--workers", "1"]) == 0


def review(library: Path, source: Path, log: Path) -> None:
    """Decisions of two people, each sent again after a kill, as a browser does; what is acknowledged is noted."""
    from curation.library.library import Library

    opened = Library.open(library)
    with log.open("a") as acknowledged:
        for number, step in enumerate(plan(sorted(opened.table().index))):
            step(opened, f"plan:{number}")
            acknowledged.write(f"plan:{number}\n")
            acknowledged.flush()


def plan(ids: list[str]) -> list[Callable[[Any, str], Any]]:
    """What is decided, in order; each step takes the library and a token."""
    steps: list[Callable[[Any, str], Any]] = []
    for number, image_id in enumerate(ids):
        reviewer = ("ada", "ben")[number % 2]
        decision = ("keep", "keep", "reject", "unsure")[number % 4]

        def decide(
            library: Any, token: str, *, i: str = image_id, d: str = decision, r: str = reviewer
        ) -> None:
            library.decide([i], d, reviewer=r, add_labels=["seen"], token=token)

        steps.append(decide)
    steps.append(lambda library, token: library.undo("ada", token=token))
    steps.append(lambda library, token: library.undo("ben", token=token))
    steps.append(lambda library, token: library.redo("ben", token=token))
    steps.append(
        lambda library, token: library.decide(ids[:6], "keep", reviewer="ada", settle=True, token=token)
    )
    return steps


def export(library: Path, source: Path, log: Path) -> None:
    """Freeze a version, unless that is done, and export it with all there is."""
    from curation.export.dataset import export_version
    from curation.library.library import Library

    opened = Library.open(library)
    if "first" not in {version.name for version in opened.versions()}:
        opened.freeze("first", who="ada", note="for the kill test")
    export_version(opened, "first", library / "exports" / "first", kind="pairs", zip=True)


def delete(library: Path, source: Path, log: Path) -> None:
    """Delete for good what is named beside the log and still there; opening finishes what was begun."""
    from curation.library.library import Library

    os.environ["STUDIO_DATA"] = str(library.parent)  # where comparisons are
    opened = Library.open(library)
    known = set(opened.table().index)
    if left := [one for one in log.with_suffix(".delete").read_text().split() if one in known]:
        opened.delete_for_good(left, who="ada", why="for the kill test")


STAGES = {
    "add": add, "judge": judge, "judge_for_real": judge_for_real, "review": review, "export": export,
    "delete": delete,
}  # fmt: skip


def _carry_out(order: dict[str, Any]) -> dict[str, Any]:
    wanted = _results(order) + order.get("results", 0)
    begin = time.monotonic()
    deadline = None if "results" in order or "after_s" not in order else begin + order["after_s"]
    was_killed = False
    child = os.fork()
    if child == 0:
        _be_the_child(order)
    with suppress(OSError):  # the child does the same: whoever comes first
        os.setpgid(child, child)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        now = time.monotonic()
        if ended:
            return {"killed": was_killed, "code": os.waitstatus_to_exitcode(status), "seconds": now - begin}
        if deadline is None and "results" in order and _results(order) >= wanted:
            deadline = now + order["after_s"]
        if deadline is not None and now >= deadline and not was_killed:
            (os.killpg if order["with_workers"] else os.kill)(child, signal.SIGKILL)
            was_killed = True
        time.sleep(0.0005)


def _results(order: dict[str, Any]) -> int:
    """How much of a stage's work can be seen from outside."""
    if order["stage"] == "review":
        log = Path(order["log"])
        return len(log.read_bytes().split()) if log.exists() else 0
    if order["stage"] == "delete":
        return -sum(len(names) for _, _, names in os.walk(Path(order["library"]) / "originals"))
    kind = {"add": "originals", "export": "exports"}.get(order["stage"], "crops")
    return sum(len(names) for _, _, names in os.walk(Path(order["library"]) / kind))


def _be_the_child(order: dict[str, Any]) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        log = Path(order["log"])
        chatter = os.open(log.with_suffix(".stderr"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(chatter, 1)
        os.dup2(chatter, 2)
        STAGES[order["stage"]](Path(order["library"]), Path(order["source"]), log)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import cv2

    import curation.add
    import curation.duplicates
    import curation.judge
    import curation.library.library  # noqa: F401

    cv2.setNumThreads(1)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_carry_out(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
