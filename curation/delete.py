"""Delete images for good: ``python -m curation.delete ID... --who ANN --why "asked for by mail"``.

Everything of them goes: originals, what was made and noted of them, their places in exports of the library's own
folder and their pictures in comparisons. They are never taken in again. What still holds something of them
(exports elsewhere, figures, trained weights) is printed, or with ``--json`` one line of JSON. Exit code: 0 done,
1 stopped (disk, library), 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from core.cli import command
from curation.library.records import LibraryError


@command(LibraryError, OSError)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module for exit codes."""
    from curation.library.library import Library

    parser = argparse.ArgumentParser(prog="python -m curation.delete", description="Delete images for good.")
    parser.add_argument("ids", nargs="+", metavar="ID", help="beginnings of ids")
    parser.add_argument("--who", required=True, metavar="NAME", help="who deletes them")
    parser.add_argument("--why", required=True, metavar="TEXT", help="such as: the person asked for it")
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: library/ in the data folder")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args(arguments)
    with Library.open(options.library) as library:
        ids = library.find_ids(options.ids)
        traces = library.delete_for_good(ids, who=options.who, why=options.why)
    sentence = f"{len(ids)} {'image' if len(ids) == 1 else 'images'} deleted for good. {traces.sentence()}"
    print(
        json.dumps({"deleted": ids} | asdict(traces), ensure_ascii=False)
        if options.json
        else sentence.strip()
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
