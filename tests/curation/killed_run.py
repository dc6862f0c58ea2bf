"""A run that says ``half`` when half its files are done and then hangs, for a test to kill."""

from __future__ import annotations

import sys
from pathlib import Path

from core import assets
from core.processes.workers import Limits
from curation.prepare import Gates, current_versions
from curation.run import Config, curate
from tests.curation.planted import TinyPairs


def main(source: Path, out: Path, diary: Path) -> None:
    files = sorted(path.name for path in source.iterdir())
    half = len(files) // 2
    versions = current_versions(Gates(), assets.FACE_LANDMARKER.sha256)
    setup = TinyPairs(out, versions, diary, hang_on=tuple(files[half:]))

    def tell(done: int, _total: int) -> None:
        if done == half:
            print("half", flush=True)

    curate(source, out, Config(limits=Limits(timeout_s=1_000_000), workers=2), progress=tell, setup=setup)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
