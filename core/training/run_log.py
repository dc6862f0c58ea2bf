"""What a training writes for people while it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.atomic_files import write_atomically
from core.images import save_png


class RunLog:
    """TensorBoard, plus one JSON line a log step, cut back to ``step`` when a run is resumed."""

    def __init__(self, out: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.out = out
        self.path = out / "losses.jsonl"
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomically(self.path, "".join(line + "\n" for line in kept).encode())
        self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)  # that step itself stays
        (out / "samples").mkdir(exist_ok=True)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add the losses of a step."""
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, picture: np.ndarray) -> None:
        """Add a sheet of samples."""
        save_png(self.out / "samples" / f"{step:06d}.png", picture)
        self.writer.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write out what TensorBoard still holds."""
        self.writer.close()


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return float("inf")  # a line cut short by a kill
