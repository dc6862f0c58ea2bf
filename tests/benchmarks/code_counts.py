"""Count the code: ``python -m tests.benchmarks.code_counts``.

For each package the files and lines of Python, the median file, and the modules that exactly one other module of the
product imports, of which those under a hundred lines deserve a second look.
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "curation", "eval", "dashboard")
SMALL = 100


def modules(package: str) -> dict[str, Path]:
    """Map dotted names to files, without empty ``__init__`` files."""
    files = sorted((ROOT / package).rglob("*.py"))
    return {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
        for path in files
        if path.stat().st_size
    }


def lines_of(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def imported_by(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the product's modules that a file imports, at any depth of the code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def main() -> None:
    """Print the table."""
    known = {name: path for package in PACKAGES for name, path in modules(package).items()}
    importers: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for target in imported_by(path, known):
            if target in importers and target != name:
                importers[target].add(name)
    print("| package | files | lines | median file | one importer | of these under 100 lines |")
    print("| --- | --- | --- | --- | --- | --- |")
    for package in (*PACKAGES, "all four"):
        own = {
            name: path
            for name, path in known.items()
            if package == "all four" or name.split(".")[0] == package
        }
        sizes = [lines_of(path) for path in own.values()]
        single = [name for name in own if len(importers[name]) == 1]
        small = sum(lines_of(known[name]) < SMALL for name in single)
        median = f"{statistics.median(sizes):.0f}"
        print(f"| {package} | {len(own)} | {sum(sizes):,} | {median} | {len(single)} | {small} |")
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.stat().st_size]
    print(f"| tests | {len(tests)} | {sum(map(lines_of, tests)):,} | | | |")


if __name__ == "__main__":
    main()
