"""How long visitors wait for the photo of their last stroke while others draw, and what is painted for nobody.

Each visitor adds a stroke every few seconds; the networks paint one face at a time for all of them, and who
has drawn on gives a turn up, as on the Draw page. A single visitor beforehand gives the wait to compare with.

``python -m tests.benchmarks.many_visitors`` prints one JSON object. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from core.conversion.settings import ConversionSettings
from dashboard.shared import networks
from dashboard.shared.conversion_queue import Superseded
from dashboard.shared.resources import DEMO


class Visitor(threading.Thread):
    """A pen, and behind it a page that asks for the photo of the newest drawing until it has the last one."""

    def __init__(
        self, sketches: Sequence[np.ndarray], *, strokes: int, every_s: float, delay_s: float
    ) -> None:
        super().__init__()
        self.sketches, self.strokes, self.every_s, self.delay_s = sketches, strokes, every_s, delay_s
        self.newest = self.asked = 0  # strokes of the drawing, and of the one that the page is busy with
        self.drawn = threading.Condition()
        self.drawn_at = 0.0
        self.photos = self.in_vain = 0
        self.wait_s = float("nan")

    @property
    def is_superseded(self) -> bool:
        return self.newest > self.asked

    def draw(self) -> None:
        time.sleep(self.delay_s)
        for _ in range(self.strokes):
            with self.drawn:
                self.newest += 1
                self.drawn_at = time.perf_counter()
                self.drawn.notify()
            time.sleep(self.every_s)

    def run(self) -> None:
        threading.Thread(target=self.draw).start()
        while self.asked < self.strokes:
            with self.drawn:
                self.drawn.wait_for(lambda: self.is_superseded)
                self.asked = self.newest
            try:
                networks.generate(self.sketches[self.asked % len(self.sketches)], ConversionSettings())
            except Superseded:
                continue
            self.photos += 1
            self.in_vain += self.is_superseded
        self.wait_s = time.perf_counter() - self.drawn_at


def measure(count: int, sketches: Sequence[np.ndarray], *, strokes: int, every_s: float) -> dict[str, Any]:
    """Let so many visitors draw, evenly spread over the time between two strokes."""
    visitors = [
        Visitor(sketches, strokes=strokes, every_s=every_s, delay_s=every_s * i / count) for i in range(count)
    ]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    waits = np.array([visitor.wait_s for visitor in visitors])
    return {
        "visitors": count,
        "drawings": count * strokes,
        "photos": sum(visitor.photos for visitor in visitors),
        "photos of drawings replaced while they were painted": sum(visitor.in_vain for visitor in visitors),
        "wait for the last photo, s": {
            "median": round(float(np.median(waits)), 3),
            "worst": round(float(waits.max()), 3),
        },
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure one visitor, then many; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=16)
    parser.add_argument("--strokes", type=int, default=20, help="of each visitor")
    parser.add_argument("--every", type=float, default=3.0, metavar="S", help="between two strokes of one")
    options = parser.parse_args(arguments)
    sketches = [np.asarray(Image.open(path).convert("L")) for path in sorted(DEMO.glob("drawings/*.png"))]
    networks.is_superseded = lambda: getattr(threading.current_thread(), "is_superseded", False)
    for _ in networks.until_ready():
        pass
    for sketch in sketches[:3]:
        networks.generate(sketch, ConversionSettings())
    result = {
        "load before": round(os.getloadavg()[0], 1),
        **{
            name: measure(count, sketches, strokes=options.strokes, every_s=options.every)
            for name, count in (("alone", 1), ("together", options.visitors))
        },
    }
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
