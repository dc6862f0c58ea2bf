"""Let visitors draw on a real server over websockets: who is answered, what is painted in vain, CPU and memory.

Each visitor speaks Streamlit's own protocol: opens the Draw page, adds a stroke every few seconds and, as a
browser does, sends each as soon as it is drawn. A photo names the number of strokes that it was made from, so
an answer to somebody else's drawing would show. A single visitor beforehand gives the waits to compare with.

``python -m tests.benchmarks.many_pages`` prints one JSON object. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.config import ROOT
from core.face_frame import FRAME
from core.pipeline import SketchToFacePipeline
from core.strokes import Stroke, render_strokes
from dashboard.shared.resources import DEMO
from dashboard.views.draw.drawing import data_url, fabric_from_strokes
from data.demo.make_drawings import load_strokes
from tests.e2e.conftest import serve

PHOTO = re.compile(r"Photo made from your drawing of (\d+) stroke")
PATIENCE_S = 300


@dataclass
class Answer:
    """When a drawing was sent, and when its photo came."""

    sent: float
    came: float | None = None


@dataclass
class Visitor:
    """A browser without a screen: it keeps what the page shows, and sends what is drawn."""

    url: str
    objects: list[str]  # the strokes as the canvas writes them, JSON
    pictures: list[str]  # the drawing after each of them, a PNG in place
    answers: dict[int, Answer] = field(default_factory=dict)
    wrong: int = 0
    runs: int = 0
    _canvas: str = ""
    _fragment: str = ""
    _page: str = ""
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def visit(self, *, count: int, every_s: float, delay_s: float = 0.0) -> None:
        """Open the page, draw so many strokes, and stay until the photo of the last one is there."""
        address = f"{self.url.replace('http', 'ws', 1)}/_stcore/stream"
        options: Any = {
            "subprotocols": ["streamlit"],
            "max_size": None,
            "ping_interval": None,
        }  # browsers do not ping
        async with websockets.connect(address, **options) as socket:
            listening = asyncio.create_task(self._listen(socket))
            await self._ask(socket, BackMsg())
            async with asyncio.timeout(PATIENCE_S):
                while not (self._canvas and self._idle.is_set()):
                    await self._next(listening)
            await asyncio.sleep(delay_s)
            for number in range(1, count + 1):
                message, started = self._drawn(number), time.perf_counter()
                self.answers[number] = Answer(started)
                await self._ask(socket, message)
                await asyncio.sleep(max(0.0, every_s - (time.perf_counter() - started)))
            async with asyncio.timeout(PATIENCE_S):
                while self.answers[count].came is None:
                    await self._next(listening)
            listening.cancel()

    async def _next(self, listening: asyncio.Task[None]) -> None:
        """Wait for a message, or raise what ended the listening."""
        self._changed.clear()
        waiting = asyncio.create_task(self._changed.wait())
        await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if listening.done():
            listening.result()
            raise ConnectionError("the server closed the connection")

    async def _ask(self, socket: websockets.ClientConnection, message: BackMsg) -> None:
        message.rerun_script.page_script_hash = self._page
        self._idle.clear()
        await socket.send(message.SerializeToString())

    def _drawn(self, number: int) -> BackMsg:
        """What the canvas sends after a stroke: its strokes, and their picture."""
        message = BackMsg()
        message.rerun_script.fragment_id = self._fragment
        state = message.rerun_script.widget_states.widgets.add()
        state.id = self._canvas
        raw = f'{{"objects": [{",".join(self.objects[:number])}]}}'
        state.json_value = f'{{"drawing": {{"raw": {raw}, "data": "{self.pictures[number - 1]}"}}}}'
        return message

    async def _listen(self, socket: websockets.ClientConnection) -> None:
        async for data in socket:
            message = ForwardMsg()
            message.ParseFromString(bytes(data))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page = message.new_session.page_script_hash
                self.runs += 1
            elif kind == "script_finished":
                self._idle.set()
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._see(message)
            self._changed.set()

    def _see(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "bidi_component" and "drawable" in element.bidi_component.component_name:
            self._canvas, self._fragment = element.bidi_component.id, message.delta.fragment_id
        for picture in element.imgs.imgs if kind == "imgs" else ():
            if found := PHOTO.search(picture.alt):
                self._answered(int(found[1]))

    def _answered(self, number: int) -> None:
        answer = self.answers.get(number)
        if answer is None:
            self.wrong += 1
        elif answer.came is None:
            answer.came = time.perf_counter()


def visitor(url: str, path: Path, count: int, rng: np.random.Generator) -> Visitor:
    """A visitor who draws an example, and then shaken copies of its strokes; all is rendered before the clock runs."""
    strokes = load_strokes(path)[:count]
    while len(strokes) < count:
        stroke = strokes[rng.integers(len(strokes))]
        strokes.append(Stroke(stroke.width, stroke.points + rng.normal(0, 3, 2).astype(np.float32)))
    fabric = fabric_from_strokes([{"width": one.width, "points": one.points.tolist()} for one in strokes])
    rgba, pictures = np.zeros((FRAME, FRAME, 4), np.uint8), []
    for stroke in strokes:
        rgba[..., 3] = np.maximum(rgba[..., 3], 255 - render_strokes([stroke]))
        pictures.append(data_url(rgba))
    return Visitor(url, [json.dumps(one) for one in fabric["objects"]], pictures)


async def draw(url: str, visitors: int, *, count: int, every_s: float) -> list[Visitor]:
    """Let so many visitors draw, evenly spread over the time between two strokes."""
    rng = np.random.default_rng(0)
    paths = sorted((DEMO / "drawings").glob("*.json"))
    drawers = [visitor(url, paths[i % len(paths)], count, rng) for i in range(visitors)]
    delays = [every_s * i / visitors for i in range(visitors)]
    visits = zip(drawers, delays, strict=True)
    await asyncio.gather(*(one.visit(count=count, every_s=every_s, delay_s=delay) for one, delay in visits))
    return drawers


def conversions(url: str) -> Counter[str]:
    """Conversions of the server so far by outcome, as its ``/metrics`` counts them."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found: Counter[str] = Counter()
    for line in lines:
        if line.startswith("studio_conversions_total{"):
            outcome, number = re.search(r'outcome="(\w+)".* (\S+)$', line).groups()  # type: ignore[union-attr]
            found[outcome] += int(float(number))
    return found


def measure(url: str, server: psutil.Process, visitors: int, *, count: int, every_s: float) -> dict[str, Any]:
    """Waits of everybody's strokes, and what the server spent meanwhile."""
    before, cpu_before, memory_before = conversions(url), server.cpu_times(), server.memory_info().rss
    drawers = asyncio.run(draw(url, visitors, count=count, every_s=every_s))
    spent, cpu = conversions(url) - before, server.cpu_times()
    answers = [answer for drawer in drawers for answer in drawer.answers.values() if answer.came is not None]
    waits = np.array([answer.came - answer.sent for answer in answers if answer.came is not None])
    return {
        "visitors": visitors,
        "strokes": visitors * count,
        "photos seen": len(answers),
        "answers to somebody else": sum(drawer.wrong for drawer in drawers),
        "last strokes answered": sum(drawer.answers[count].came is not None for drawer in drawers),
        "conversions": dict(spent),
        "conversions run for a photo seen": round(spent["made"] / len(answers), 2),
        "wait, s": {
            "median": round(float(np.median(waits)), 3),
            "p95": round(float(np.quantile(waits, 0.95)), 3),
        },
        "page runs": sum(drawer.runs for drawer in drawers),
        "CPU of the server for a photo seen, ms": round(
            1000 * (cpu.user + cpu.system - cpu_before.user - cpu_before.system) / len(answers)
        ),
        "memory, MB": [round(memory_before / 1e6), round(server.memory_info().rss / 1e6)],
    }


def network_cpu_ms() -> float:
    """CPU of the networks alone for one photo, in this process."""
    pipeline = SketchToFacePipeline.load()
    sketch = render_strokes(load_strokes(sorted((DEMO / "drawings").glob("*.json"))[0]))
    for _ in range(5):
        pipeline(sketch)
    before = time.process_time()
    for _ in range(20):
        pipeline(sketch)
    return 1000 * (time.process_time() - before) / 20


def main(arguments: list[str] | None = None) -> int:
    """Measure one visitor, then many; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=16)
    parser.add_argument("--strokes", type=int, default=150, help="of each visitor")
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="between two strokes of one")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    alone_ms = network_cpu_ms()
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(ROOT / "dashboard" / "app.py", Path(folder) / "log") as url,
    ):
        (server,) = (child for child in psutil.Process().children() if "streamlit" in child.cmdline())
        asyncio.run(draw(url, 1, count=3, every_s=1))  # the networks are loaded
        found = {
            name: measure(url, server, count, count=strokes, every_s=options.every)
            for name, count, strokes in (("alone", 1, 30), ("together", options.visitors, options.strokes))
        }
    facts = {"load before": round(load, 1), "CPU of the networks alone, ms": round(alone_ms)}
    print(json.dumps(facts | found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
