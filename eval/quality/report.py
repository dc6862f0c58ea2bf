"""The quality check's figures: what they are called, as JSON and as a table."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.atomic_files import write_atomically
from eval.metrics.faithfulness import Faithfulness


@dataclass(frozen=True)
class Setting:
    """One way to run the pipeline."""

    mode: str
    t: float

    @property
    def label(self) -> str:
        return "none" if self.mode == "none" else f"{self.mode} t={self.t:g}"


@dataclass(frozen=True)
class Look:
    """Photos of one kind against the true ones.

    ``l1`` in grey levels, ``psnr_db``, ``checkerboard_db`` and ``blotchiness`` are means; see
    `eval.metrics.paired` and `eval.quality.artifacts`. ``checkerboard_db_max`` is the worst picture's.
    """

    l1: float
    psnr_db: float
    checkerboard_db: float
    checkerboard_db_max: float
    blotchiness: float


@dataclass(frozen=True)
class Quality:
    """Figures of one setting on the validation sketches."""

    setting: Setting
    faithfulness: Faithfulness
    look: Look
    not_found: tuple[str, ...]


def report(
    qualities: Sequence[Quality], true_look: Look, drawings: Mapping[str, Mapping[str, bool]], **facts: Any
) -> dict[str, Any]:
    """Everything as one JSON object; a figure that does not exist is null."""
    settings = [
        {
            "mode": quality.setting.mode,
            "t": quality.setting.t,
            **asdict(quality.faithfulness),
            **asdict(quality.look),
            "not_found": list(quality.not_found),
        }
        for quality in qualities
    ]
    content = {
        **facts,
        "unit": "landmark distances in % of the eye distance",
        "settings": settings,
        "true_photos": asdict(true_look),
        "drawings": drawings,
    }
    plain: dict[str, Any] = _without_nan(content)
    return plain


def save_report(path: Path, content: dict[str, Any]) -> None:
    """Write the report; a reader sees the old file or the whole new one."""
    write_atomically(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def table(qualities: Sequence[Quality], true_look: Look) -> str:
    """The figures as text, one setting a line."""
    lines = [
        f"{'setting':<14}{'n':>5}{'face':>8}{'mean %':>9}{'p95 %':>8}{'shuffled':>10}"
        f"{'L1':>7}{'PSNR':>7}{'grid dB':>9}{'worst':>7}{'blotch':>8}"
    ]
    for quality in qualities:
        score, look = quality.faithfulness, quality.look
        lines.append(
            f"{quality.setting.label:<14}{score.n:>5}{score.face_found:>8.1%}{score.mean:>9.2f}{score.p95:>8.2f}"
            f"{score.shuffled_mean:>10.2f}{look.l1:>7.1f}{look.psnr_db:>7.1f}{look.checkerboard_db:>9.2f}"
            f"{look.checkerboard_db_max:>7.1f}{look.blotchiness:>8.2f}"
        )
    lines.append(
        f"{'true photos':<68}{true_look.checkerboard_db:>9.2f}{true_look.checkerboard_db_max:>7.1f}"
        f"{true_look.blotchiness:>8.2f}"
    )
    return "\n".join(lines)


def drawings_table(drawings: Mapping[str, Mapping[str, bool]]) -> str:
    """For each drawing the settings without a face, as text."""
    lines = [f"drawings: {len(drawings)}"]
    for name, found in drawings.items():
        missed = [label for label, is_found in found.items() if not is_found]
        lines.append(
            f"  {name:<22}{'no face: ' + ', '.join(missed) if missed else 'face found at every setting'}"
        )
    return "\n".join(lines)


def _without_nan(content: Any) -> Any:
    """The same structure with null for NaN and infinity, which JSON does not know."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
