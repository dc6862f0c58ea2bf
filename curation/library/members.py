"""What a dataset version freezes of each image."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from curation.library.records import Examination, Measurements, Picture, Provenance

_BLOBS = ("landmarks", "phash", "phash_mirror")
_LATER_READINGS = ("frame", "chroma", "drawn", "hidden")  # versions frozen before have no word of them


@dataclass(frozen=True)
class Member:
    """An image of a version, as it was when the version was frozen.

    Attributes
    ----------
    decided_by
        ``person`` or ``machine``: who kept it.
    opinions
        ``(reviewer, decision, time)`` of everybody who had one, by reviewer.
    duplicate_group
        Id of the best of its group of duplicates, "" if it was in none.
    examination
        Without the embedding; its anchors are those in force, a person's correction included.
    """

    image_id: str
    decided_by: str
    opinions: tuple[tuple[str, str, str], ...]
    labels: tuple[str, ...]
    duplicate_group: str
    picture: Picture
    provenances: tuple[Provenance, ...]
    examination: Examination

    def to_json(self) -> str:
        """One line of text; equal members give equal lines."""
        content = asdict(self)
        examined = content["examination"]
        del examined["embedding"], examined["image_id"]
        for name in _LATER_READINGS:
            if examined["measurements"][name] is None:
                del examined["measurements"][name]
        for name in _BLOBS:
            examined[name] = base64.b64encode(examined[name]).decode()
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If the line is none of its.
        """
        try:
            return cls._read(json.loads(line))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ValueError(f"this is no member of a version: {line[:80]!r} ({error!r})") from error

    @classmethod
    def _read(cls, content: dict[str, Any]) -> Self:
        examined = dict(content["examination"])
        blobs: dict[str, Any] = {name: base64.b64decode(examined.pop(name), validate=True) for name in _BLOBS}
        examination = Examination(
            image_id=content["image_id"],
            measurements=Measurements(**examined.pop("measurements")),
            anchors=tuple((float(x), float(y)) for x, y in examined.pop("anchors")),
            **blobs,
            **examined,
        )
        return cls(
            image_id=content["image_id"],
            decided_by=content["decided_by"],
            opinions=tuple((who, what, when) for who, what, when in content["opinions"]),
            labels=tuple(content["labels"]),
            duplicate_group=content["duplicate_group"],
            picture=Picture(**content["picture"]),
            provenances=tuple(Provenance(**origin) for origin in content["provenances"]),
            examination=examination,
        )


def hash_text(text: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_version(members: Iterable[tuple[str, str]], rules_text: str) -> str:
    """Hash of a version's content, from ``(image id, hash of the member's line)`` and the rules."""
    lines = [f"{image_id} {content}\n" for image_id, content in sorted(members)]
    return hash_text("".join(lines) + rules_text)
