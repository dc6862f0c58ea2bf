"""Write the manifest of an export: JSON Lines as `curation.run` does, Parquet, CSV, and ImageFolder's own."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from core.names import harmless_cell
from curation.export.pictures import mesh_rows
from curation.export.splits import Assignment
from curation.export.summary import Kind, photo_place, sketch_place
from curation.library.records import MEASUREMENT_NAMES, Provenance
from curation.library.versions import Member
from curation.manifest import MANIFEST

PARQUET, CSV, METADATA = "manifest.parquet", "manifest.csv", "metadata.jsonl"
LEFT_OUT = {
    "no_face": "A person kept it, but no face was found to align.",
    "no_mesh": "Its face was aligned by hand, and training needs the mesh that the landmarker did not find.",
}
_WHOLE = ("faces", "width", "height")
_BATCH = 1000

_COLUMNS: dict[str, pa.DataType] = {
    "name": pa.string(),
    "source": pa.string(),
    "sha256": pa.string(),
    "status": pa.string(),
    "reason": pa.string(),
    "split": pa.string(),
    "group": pa.string(),
    "photo": pa.string(),
    "sketch": pa.string(),
    "photo_sha256": pa.string(),
    "sketch_sha256": pa.string(),
    "decided_by": pa.string(),
    "labels": pa.list_(pa.string()),
    "duplicate_group": pa.string(),
    "origin": pa.string(),
    "url": pa.string(),
    "page": pa.string(),
    "licence": pa.string(),
    "author": pa.string(),
    "uploader": pa.string(),
    "added_at": pa.string(),
    **{name: pa.int64() if name in _WHOLE else pa.float64() for name in MEASUREMENT_NAMES},
}
SCHEMA = pa.schema(_COLUMNS.items())


def manifest_row(
    member: Member, assignment: Assignment, name: str, kind: Kind, sha256s: tuple[str, str] | None
) -> dict[str, Any]:
    """Write one image, in the fields of `curation.manifest.Record` and ours.

    Parameters
    ----------
    sha256s
        Of the photo's and the sketch's file; none without a face.
    """
    examination = member.examination
    origin = member.provenances[0] if member.provenances else Provenance("")
    mesh = mesh_rows(examination) if examination.landmarks else None
    left_out = "no_face" if sha256s is None else "no_mesh" if not mesh else ""
    values = asdict(examination.measurements)
    if not left_out and values["yaw"] is None:
        left_out = "no_mesh"
    return {
        "name": name,
        "source": origin.name or member.image_id,
        "sha256": member.image_id,
        "status": "left_out" if left_out else "kept",
        "reason": {"code": left_out, "sentence": LEFT_OUT[left_out]} if left_out else None,
        **values,
        "landmarks": mesh,
        "versions": _parsed(examination.versions),
        "split": assignment.split,
        "group": assignment.group,
        "photo": photo_place(kind, assignment.split, name) if sha256s else None,
        "sketch": sketch_place(kind, assignment.split, name) if sha256s else None,
        "photo_sha256": sha256s[0] if sha256s else None,
        "sketch_sha256": sha256s[1] if sha256s else None,
        "decided_by": member.decided_by,
        "labels": list(member.labels),
        "duplicate_group": member.duplicate_group,
        "origin": origin.source,
        **{
            name: getattr(origin, name)
            for name in ("url", "page", "licence", "author", "uploader", "added_at")
        },
        "provenances": [asdict(one) for one in member.provenances],
    }


def _parsed(versions: str) -> dict[str, Any]:
    try:
        parsed = json.loads(versions)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


class ManifestWriter:
    """All manifests of an export, written row by row; a context.

    Parameters
    ----------
    folder
        The export.
    known
        Measurements that every image has: ImageFolder wants each column of one type in all splits, and one
        that is empty in a split has none.
    """

    def __init__(self, folder: Path, kind: Kind, known: Collection[str]) -> None:
        self._folder, self._kind = folder, kind
        self._numbers = [name for name in MEASUREMENT_NAMES if name in known]
        self._lines = (folder / MANIFEST).open("w", encoding="utf-8", newline="\n")
        self._csv_file = (folder / CSV).open("w", encoding="utf-8", newline="")
        self._csv = csv.DictWriter(self._csv_file, list(_COLUMNS), lineterminator="\n")
        self._csv.writeheader()
        self._parquet = pq.ParquetWriter(folder / PARQUET, SCHEMA, compression="zstd")
        self._batch: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._write_batch()
        finally:
            self._parquet.close()
            self._lines.close()
            self._csv_file.close()

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one image; see `manifest_row`."""
        self._lines.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n")
        flat = {name: row[name] for name in _COLUMNS} | {"reason": (row["reason"] or {}).get("code")}
        self._csv.writerow(
            {k: harmless_cell(v) for k, v in (flat | {"labels": ";".join(row["labels"])}).items()}
        )
        self._batch.append(flat)
        if len(self._batch) == _BATCH:
            self._write_batch()
        if self._kind == "imagefolder" and row["photo"]:
            self._write_metadata(row)

    def _write_batch(self) -> None:
        if self._batch:
            self._parquet.write_table(pa.Table.from_pylist(self._batch, schema=SCHEMA))
            self._batch = []

    def _write_metadata(self, row: Mapping[str, Any]) -> None:
        """ImageFolder's own: ``file_name`` becomes the column image, ``sketch_file_name`` sketch."""
        split_folder, _, photo = row["photo"].partition("/")
        sketch = row["sketch"].partition("/")[2]
        kept = ("name", "sha256", "licence", "author", "url", "page", "origin", "group")
        content = {"file_name": photo, "sketch_file_name": sketch} | {name: row[name] for name in kept}
        content |= {"labels": ";".join(row["labels"])} | {name: float(row[name]) for name in self._numbers}
        with (self._folder / split_folder / METADATA).open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
