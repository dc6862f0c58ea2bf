"""The real dashboard with stand-in networks that are slow at first, served by a browser test.

Each picture carries the number of dark pixels of the drawing that it answers. The first drawing's
answer is held back for a few seconds.
"""

import runpy
import sys
import threading
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.pipeline import FaceResult  # noqa: E402  (needs the root on the path)
from dashboard.shared import networks  # noqa: E402

HOLD_S = 3.0


class SlowPipeline:
    """Answers the first drawing late and all others at once."""

    def __init__(self) -> None:
        self.calls = 0

    generators = ("stand-in",)
    has_parts = False

    def __call__(self, sketch: np.ndarray, *, t: float, k: int, mode: str, **_: object) -> FaceResult:
        self.calls += 1
        if self.calls == 1:
            threading.Event().wait(HOLD_S)
        ink = int(np.sum(sketch < 128))
        colour = (ink >> 16, (ink >> 8) & 255, ink & 255)
        return FaceResult(
            photo=np.full((64, 64, 3), colour, np.uint8),
            refined_sketch=np.full((64, 64), 255, np.uint8),
            neighbours=(),
            confidence=1.0,
            is_blank=False,
            timings={"total": 1.0},
            t=t,
            k=k,
            mode=mode,
            generator="stand-in",
        )


# The script runs again for every stroke; the stand-in stays, in the module whose part it plays.
if not hasattr(networks, "stand_in"):
    networks.stand_in = SlowPipeline()
    networks.pipeline = lambda: networks.stand_in

runpy.run_path(str(ROOT / "dashboard" / "app.py"), run_name="__main__")
