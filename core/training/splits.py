"""Assign the pairs of a folder to train and val: one rule for training, for comparing and for the pages.

Needs nothing but the rows of ``manifest.jsonl``, so that pages can ask without loading a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.names import normal_name
from core.untrusted_files import MAX_MANIFEST_BYTES, load_json, read_regular_file

MANIFEST = "manifest.jsonl"
AUTO = "auto"
OWN_SPLIT = "split"
USUAL = ("0801", "0904")  # held out of the faces that the shipped networks were trained on
FRACTION = 0.1
TRAIN, VAL, NONE = "train", "val", "none"


@dataclass(frozen=True)
class Splits:
    """Who is trained on and who is held out."""

    of: dict[str, str]  # split by name: ``train``, ``val``, or what else the manifest says
    rule: str  # how it was decided, as a part of a sentence
    validation: str  # what to ask for to get the same again

    def names(self, split: str) -> list[str]:
        """Names of one split, sorted."""
        return sorted(name for name, own in self.of.items() if own == split)


def assign_splits(rows: Iterable[Mapping[str, Any]], validation: str = AUTO) -> Splits:
    """Give every kept pair its split.

    Parameters
    ----------
    rows
        Of the manifest, those that were left out among them: a range may end at one.
    validation
        ``auto``: the manifest's own column ``split`` (an export writes it; near duplicates share one);
        where it has none the faces 0801 to 0904 that the shipped networks held out, where both are there or all
        pairs are numbered as those faces are, some of them among these;
        else about a tenth, chosen by a hash of the name, so that nobody moves when pairs are added.
        ``split``: the column, or an error. Empty: nothing is held out. Anything else is a name, or
        ``FIRST-LAST`` (both included, compared as text). A name wins over a range, and with several dashes
        both ends must be names.

    Raises
    ------
    ValueError
        If the column is missing, or a name or range holds nothing or is ambiguous.
    """
    rows = list(rows)
    kept = [row for row in rows if row.get("status") == "kept" and row.get("name")]
    names = [str(row["name"]) for row in kept]
    if validation == OWN_SPLIT or (validation == AUTO and any(row.get("split") for row in kept)):
        if not any(row.get("split") for row in kept):
            raise ValueError(
                "the manifest has no splits of its own; hold out a tenth with --data.validation auto, or name "
                "held-out pairs, for instance --data.validation 0801-0904"
            )
        own = {str(row["name"]): str(row.get("split") or NONE) for row in kept}
        return Splits(own, "as the manifest says", OWN_SPLIT)
    if validation == AUTO:
        if not _are_of_the_usual(names, {str(row.get("name")) for row in rows}):
            return Splits(_a_tenth(names), "about a tenth, chosen by a hash of the names", AUTO)
        validation = "-".join(USUAL)
    if not validation:
        return Splits(dict.fromkeys(names, TRAIN), "nothing is held out", "")
    first, last = _ends(normal_name(validation), {normal_name(str(row.get("name"))) for row in rows})
    of = {name: VAL if first <= normal_name(name) <= last else TRAIN for name in names}
    if VAL not in of.values():
        raise ValueError(
            f"no pair is held out by data.validation {validation!r}: none is called so, and none lies from "
            f"{first!r} to {last!r}. Take auto, which holds out a tenth, or a name that is there"
        )
    return Splits(of, f"{first} to {last}" if first != last else first, validation)


def read_manifest(root: Path) -> list[dict[str, Any]]:
    """Rows of a folder's manifest, sorted by name; a last line that a kill cut short is passed over.

    Raises
    ------
    FileNotFoundError
        If the folder was not made by ``curation.run`` or ``curation.export``.
    ValueError
        If a line is no row.
    """
    manifest = root / MANIFEST
    if not manifest.is_file():
        raise FileNotFoundError(
            f"{root} holds no pairs: {MANIFEST} is missing there. Export a version on the Export page, or run: "
            f"python -m curation.run PHOTOS --out {root}"
        )
    lines = read_regular_file(manifest, MAX_MANIFEST_BYTES).split(b"\n")
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = load_json(line) if line.strip() else None
        except ValueError as error:
            if number == len(lines):  # cut short
                break
            raise ValueError(
                f"{manifest}, line {number}, is damaged: {error}. Make the folder again."
            ) from error
        if row is not None and not isinstance(row, dict):
            raise ValueError(f"{manifest}, line {number}, is no row of a manifest. Make the folder again.")
        if row is not None:
            rows.append(row)
    return sorted(rows, key=lambda row: str(row.get("name") or ""))


def _ends(text: str, known: set[str]) -> tuple[str, str]:
    """First and last name that a text means."""
    if text in known or "-" not in text:
        return text, text
    cuts = [(text[:at], text[at + 1 :]) for at, sign in enumerate(text) if sign == "-"]
    found = [cut for cut in cuts if known.issuperset(cut)]
    if len(found) > 1:
        raise ValueError(
            f"data.validation {text!r} can be read in {len(found)} ways: {' or '.join(map(' to '.join, found))}. "
            "Write the splits into the manifest (a column 'split'), or take auto, which holds out a tenth"
        )
    if not found and len(cuts) > 1:
        raise ValueError(
            f"data.validation {text!r} is no pair's name and no range FIRST-LAST of two names. Take auto, which "
            "holds out a tenth, or names that are there"
        )
    first, last = found[0] if found else cuts[0]
    if first > last:
        raise ValueError(f"data.validation {text!r} runs backwards: {first!r} comes after {last!r}")
    return first, last


def _are_of_the_usual(names: list[str], known: set[str]) -> bool:
    """Whether the pairs are of the faces that the shipped networks were trained on, perhaps only a part of them."""
    first, last = USUAL
    is_part = all(len(name) == len(last) and name.isdecimal() and name <= last for name in names)
    return known.issuperset(USUAL) or (is_part and any(name >= first for name in names))


def _a_tenth(names: list[str]) -> dict[str, str]:
    numbers = {name: _number(name) for name in names}
    of = {name: VAL if number < FRACTION else TRAIN for name, number in numbers.items()}
    if len(names) > 1 and VAL not in of.values():
        of[min(numbers, key=lambda name: (numbers[name], name))] = VAL
    if len(names) > 1 and TRAIN not in of.values():
        of[max(numbers, key=lambda name: (numbers[name], name))] = TRAIN
    return of


def _number(name: str) -> float:
    """Evenly spread over [0, 1), the same for a name in composed and in decomposed Unicode."""
    digest = hashlib.sha256(normal_name(name).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
