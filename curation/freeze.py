"""Freeze what is kept as a dataset version: ``python -m curation.freeze NAME --who ANN``.

A version is a frozen list of images with the decisions and rules behind it; ``python -m curation.export NAME
--out DIR`` writes it out. It prints a sentence, or with ``--json`` one line of JSON. Exit code: 0 done, 1 stopped
(disk, library), 2 wrong arguments or a name that is taken.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.cli import command
from curation.library.records import LibraryError


@command(LibraryError, OSError)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module for exit codes."""
    from curation.library.library import Library

    options = _parse(arguments)
    with Library.open(options.library) as library:
        known = {version.name: version for version in library.versions()} if options.exist_ok else {}
        version = known.get(options.name) or library.freeze(
            options.name, who=options.who, note=options.note, trust_rules=not options.people_only
        )
    found = {"version": version.name, "hash": version.hash, "images": len(version.ids)}
    left_out = {"left_out": version.rejected}
    sentence = f"Version {version.name} holds {len(version.ids)} images (hash {version.hash[:12]})."
    print(json.dumps(found | left_out, ensure_ascii=False) if options.json else sentence)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m curation.freeze", description="Freeze what is kept as a dataset version."
    )
    parser.add_argument("name", metavar="NAME", help="of the new version; versions never change")
    parser.add_argument("--who", required=True, metavar="NAME", help="who freezes it")
    parser.add_argument("--note", default="", metavar="TEXT", help="what it is for")
    parser.add_argument(
        "--people-only", action="store_true", help="leave out what only the rules keep and nobody has decided"
    )
    parser.add_argument(
        "--exist-ok",
        action="store_true",
        help="answer with the version of that name where there is one already",
    )
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: library/ in the data folder")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
