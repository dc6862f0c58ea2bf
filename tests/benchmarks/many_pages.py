"""Let visitors draw on a real server over websockets: who is answered, what is painted in vain, CPU and memory.

Each visitor speaks Streamlit's own protocol: opens the Draw page, adds a stroke every few seconds and, as a
browser does, sends each as soon as it is drawn. A photo names the number of strokes that it was made from, so
an answer to somebody else's drawing would show. A single visitor beforehand gives the waits to compare with, and
visitors who come, draw two strokes and go show what is left of them in memory.

``python -m tests.benchmarks.many_pages`` prints one JSON object. The machine should have nothing else to do.
``--drawn 120`` lets everybody begin with so many strokes on the paper: what five minutes come to, in half a minute.
``--anew 15`` lets everybody begin a new drawing after so many strokes: what grows in memory then is not the drawings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import threading
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
from core.training.request import RunRequest
from core.training.run_control import create, stop_now
from core.training.runs import ATTEMPTS, read_run
from dashboard.shared.resources import DEMO
from dashboard.views.draw.drawing import data_url, fabric_from_strokes
from data.demo.make_drawings import load_strokes
from tests.e2e.conftest import pid_of_last_job, serve

PHOTO = re.compile(r"Photo made from your drawing of (\d+) stroke")
PATIENCE_S = 300
LOOK_EVERY_S = 1.0
CONVERSIONS_EACH = 100  # after so many the memory is written down
VISITS_EACH, VISITS_AT_ONCE = 50, 4


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
    drawn: int = 0  # so many of them are on the paper before the first one that is timed
    anew: int = 0  # after so many strokes a new drawing is begun; 0 for never
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
        first = (number - 1) // self.anew * self.anew if self.anew else 0
        raw = f'{{"objects": [{",".join(self.objects[first : self.drawn + number])}]}}'
        picture = self.pictures[self.drawn + number - 1]
        state.json_value = f'{{"drawing": {{"raw": {raw}, "data": "{picture}"}}}}'
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
                self._answered(int(found[1]) - self.drawn)

    def _answered(self, strokes: int) -> None:
        """Note the photo of the latest drawing of so many strokes."""
        sent = len(self.answers)
        number = sent - (sent - strokes) % self.anew if self.anew else strokes
        answer = self.answers.get(number)
        if answer is None:
            self.wrong += 1
        elif answer.came is None:
            answer.came = time.perf_counter()


def visitor(
    url: str, path: Path, count: int, rng: np.random.Generator, drawn: int = 0, anew: int = 0
) -> Visitor:
    """A visitor who draws an example, and then shaken copies of its strokes; all is rendered before the clock runs."""
    strokes = load_strokes(path)[: min(anew, count) if anew else drawn + count]
    known = len(strokes)
    while len(strokes) < drawn + count:
        stroke = strokes[len(strokes) % anew % known if anew else rng.integers(len(strokes))]
        strokes.append(Stroke(stroke.width, stroke.points + rng.normal(0, 3, 2).astype(np.float32)))
    fabric = fabric_from_strokes([{"width": one.width, "points": one.points.tolist()} for one in strokes])
    rgba, pictures = np.zeros((FRAME, FRAME, 4), np.uint8), []
    for number, stroke in enumerate(strokes):
        if anew and number % anew == 0:
            rgba[..., 3] = 0
        rgba[..., 3] = np.maximum(rgba[..., 3], 255 - render_strokes([stroke]))
        pictures.append(data_url(rgba))
    return Visitor(url, [json.dumps(one) for one in fabric["objects"]], pictures, drawn, anew)


def drawers_of(url: str, visitors: int, count: int, drawn: int = 0, anew: int = 0) -> list[Visitor]:
    """So many visitors, each with a drawing of so many strokes."""
    rng = np.random.default_rng(0)
    paths = sorted((DEMO / "drawings").glob("*.json"))
    return [visitor(url, paths[i % len(paths)], count, rng, drawn, anew) for i in range(visitors)]


async def draw(drawers: list[Visitor], *, count: int, every_s: float) -> None:
    """Let visitors draw, evenly spread over the time between two strokes."""
    visitors = len(drawers)
    delays = [every_s * i / visitors for i in range(visitors)]
    visits = zip(drawers, delays, strict=True)
    await asyncio.gather(*(one.visit(count=count, every_s=every_s, delay_s=delay) for one, delay in visits))


async def come_and_go(drawers: list[Visitor]) -> None:
    """Let visitors come, draw two strokes and go, a few at a time."""
    seats = asyncio.Semaphore(VISITS_AT_ONCE)

    async def visit(one: Visitor) -> None:
        async with seats:
            await one.visit(count=2, every_s=0.5)

    await asyncio.gather(*map(visit, drawers))


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


class Watch(threading.Thread):
    """What the server needs while visitors draw: how late its event loop is, and its memory."""

    def __init__(self, url: str, server: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.url, self.server = url, server
        self.slowest_s = 0.0
        self.memory: list[int] = []  # MB, after each so many conversions
        self._ended = threading.Event()

    def run(self) -> None:
        begun = conversions(self.url)["made"]
        while not self._ended.wait(LOOK_EVERY_S):
            asked = time.perf_counter()
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=PATIENCE_S) as answer:
                answer.read()
            self.slowest_s = max(self.slowest_s, time.perf_counter() - asked)
            if conversions(self.url)["made"] - begun >= CONVERSIONS_EACH * (len(self.memory) + 1):
                self.memory.append(memory_mb(self.server))

    def end(self) -> None:
        self._ended.set()
        self.join()


def memory_mb(server: psutil.Process) -> int:
    """Resident memory."""
    return round(server.memory_info().rss / 1e6)


def measure_beside(url: str, server: psutil.Process, pairs: Path, root: Path, drawn: int) -> dict[str, Any]:
    """A single visitor's waits while a training that the page started wants every core, and who got how much."""
    run = create(root, RunRequest(
        name="beside", kind="autoencoder", preset="autoencoder", data=pairs, validation="auto", steps=100_000,
        batch_size=8, image_size=128, lr=1e-4, device="cpu",
    ))  # fmt: skip
    try:
        while not (now := read_run(root, run.name)).step:
            if not now.is_alive:
                raise RuntimeError(f"the training is {now.state}")
            time.sleep(1)
        training = psutil.Process(pid_of_last_job(run.folder / ATTEMPTS))
        before, started = _cpu_s(training), time.perf_counter()
        found = measure(url, server, 1, count=30, every_s=2, drawn=drawn)
        share = (_cpu_s(training) - before) / (time.perf_counter() - started)
    finally:
        stop_now(root, run.name)
    return found | {"share of a core that the training took": round(share, 2)}


def _cpu_s(process: psutil.Process) -> float:
    """CPU of a process and of those that it started."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def measure_visits(url: str, server: psutil.Process, visits: int) -> dict[str, Any]:
    """Memory after every few visits that are over."""
    memory = [memory_mb(server)]
    for _ in range(visits // VISITS_EACH):
        asyncio.run(come_and_go(drawers_of(url, VISITS_EACH, 2)))
        memory.append(memory_mb(server))
    return {"visits": visits, f"memory after each {VISITS_EACH}, MB": memory}


def measure(
    url: str, server: psutil.Process, visitors: int, *, count: int, every_s: float, drawn: int, anew: int = 0
) -> dict[str, Any]:
    """Waits of everybody's strokes, and what the server spent meanwhile."""
    drawers = drawers_of(url, visitors, count, drawn, anew)
    before, cpu_before, memory_before = conversions(url), server.cpu_times(), memory_mb(server)
    watch, own_before, started = Watch(url, server), time.process_time(), time.perf_counter()
    watch.start()
    asyncio.run(draw(drawers, count=count, every_s=every_s))
    lasted_s = time.perf_counter() - started
    own_share = (time.process_time() - own_before) / lasted_s
    watch.end()
    spent, cpu = conversions(url) - before, server.cpu_times()
    cpu_s = cpu.user + cpu.system - cpu_before.user - cpu_before.system
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
        "CPU of the server for a photo seen, ms": round(1000 * cpu_s / len(answers)),
        "share of a core that the server took": round(cpu_s / lasted_s, 2),
        "largest message, KB": round(
            max(len(one._drawn(count).SerializeToString()) for one in drawers) / 1e3
        ),
        "slowest answer of the event loop, s": round(watch.slowest_s, 2),
        "share of a core that the visitors took": round(own_share, 2),
        f"memory before, after each {CONVERSIONS_EACH} conversions and at the end, MB": [
            memory_before,
            *watch.memory,
            memory_mb(server),
        ],
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
    parser.add_argument("--drawn", type=int, default=0, help="strokes that each begins with")
    parser.add_argument(
        "--anew", type=int, default=0, metavar="N", help="begin a new drawing after N strokes"
    )
    parser.add_argument("--visits", type=int, default=0, help="visits that come and go in the end")
    parser.add_argument("--beside", type=Path, metavar="PAIRS", help="a training of these, and nothing else")
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="between two strokes of one")
    options = parser.parse_args(arguments)
    if options.drawn and options.anew:
        parser.error("--drawn and --anew exclude each other")
    load = os.getloadavg()[0]
    alone_ms = network_cpu_ms()
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(ROOT / "dashboard" / "app.py", Path(folder) / "log") as url,
    ):
        (server,) = (child for child in psutil.Process().children() if "streamlit" in child.cmdline())
        asyncio.run(draw(drawers_of(url, 1, 3), count=3, every_s=1))  # the networks are loaded
        together = [] if options.beside else [("together", options.visitors, options.strokes)]
        found = {
            name: measure(
                url,
                server,
                count,
                count=strokes,
                every_s=options.every,
                drawn=options.drawn,
                anew=options.anew,
            )
            for name, count, strokes in (("alone", 1, 30), *together)
        }
        if options.beside:
            found["beside a training"] = measure_beside(
                url, server, options.beside, Path(folder), options.drawn
            )
        if options.visits:
            found["visits"] = measure_visits(url, server, options.visits)
    facts = {"load before": round(load, 1), "CPU of the networks alone, ms": round(alone_ms)}
    print(json.dumps(facts | found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
