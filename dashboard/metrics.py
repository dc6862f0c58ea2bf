"""``GET /metrics`` for Prometheus, and ``GET /health``: whether the networks are loaded.

The figures are for this machine alone, or for who sends the token of ``STUDIO_API_TOKEN``; health is for everybody
and names no file. Neither loads anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import anyio.to_thread
from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.config import settings
from core.processes.jobs import jobs
from dashboard.api import needs_token
from dashboard.hosts import is_loopback
from dashboard.shared.conversions import REGISTRY
from dashboard.shared.jobs import job_folders
from dashboard.shared.links import address

STATES = ("running", "done", "failed", "stopped", "interrupted")
KINDS = ("add", "judge", "split", "export", "training", "comparison")
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
WHY = {
    "waiting": "Not loaded yet: the first visitor of Draw has them loaded.",
    "damaged": "The networks are missing or damaged. On the server, python -m core.doctor says which file it is.",
}


class StudioCollector(Collector):
    """Look at what is not counted as it happens, whenever somebody asks: background jobs, and the networks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the figures as they are now."""
        ready = float(_readiness() == "ready")
        yield GaugeMetricFamily("studio_ready", "1 once the networks are loaded.", value=ready)
        found = GaugeMetricFamily(
            "studio_jobs",
            "Background jobs that are on record; of a training or comparison its latest attempt.",
            labels=["kind", "state"],
        )
        counts = _count_jobs(settings().data)
        for kind, state in sorted({*product(KINDS, STATES), *counts}):
            found.add_metric([kind, state], counts[kind, state])
        yield found


def _readiness() -> str:
    from dashboard.shared import networks  # here, because its caches want a server that runs

    return networks.readiness()


def _count_jobs(data: Path) -> Counter[tuple[str, str]]:
    folders = job_folders(data)
    counts = Counter((job.kind, job.state) for folder in folders.pop("library") for job in jobs(folder))
    for kind, each in folders.items():
        latest = (next(iter(jobs(folder)), None) for folder in each)
        counts.update((kind, job.state) for job in latest if job is not None)
    return counts


REGISTRY.register(StudioCollector())
ProcessCollector(registry=REGISTRY)


async def get_metrics(request: Request) -> Response:
    """Answer with all figures in Prometheus' text format."""
    return await (_figures if _is_of_this_machine(request) else needs_token(_figures))(request)


async def _figures(_request: Request) -> Response:
    body = await anyio.to_thread.run_sync(generate_latest, REGISTRY)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_of_this_machine(request: Request) -> bool:
    """Tell whether a program here asks for itself; a proxy here asks for others."""
    is_here = request.client is not None and is_loopback(request.client.host)
    return is_here and not any(name in request.headers for name in FORWARDED)


async def get_health(_request: Request) -> Response:
    """Answer 200 once the networks are loaded, 503 with the reason before or where they cannot be."""
    state = await anyio.to_thread.run_sync(_readiness)
    if state == "ready":
        return JSONResponse({"ready": True})
    return JSONResponse({"ready": False, "why": WHY[state]}, 503)


def routes() -> list[Route]:
    """List what the server has to know of; see ``dashboard/app.py``."""
    return [
        Route(address("metrics"), get_metrics, methods=["GET"]),
        Route(address("health"), get_health, methods=["GET"]),
    ]
