"""Count conversions and write one line about each, never with the drawing: figures and log of the operator."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from core.conversion.settings import ConversionSettings

if TYPE_CHECKING:
    from core.pipeline import FaceResult

logger = logging.getLogger(__name__)

REGISTRY = CollectorRegistry()
CONVERSIONS = Counter(
    "studio_conversions",
    "Conversions by what became of them: made, blank, superseded (given up for a newer drawing) or failed.",
    ["generator", "outcome"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "studio_conversion_seconds",
    "Time of the networks for one photo, without waiting for a turn.",
    ["generator"],
    buckets=(0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
WAITING = Gauge("studio_visitors_waiting", "Drawings that wait for their turn.", registry=REGISTRY)
RUNNING = Gauge("studio_conversions_running", "Drawings that the networks work on.", registry=REGISTRY)
ERRORS = Counter(
    "studio_errors",
    "Failures by kind: conversion, generator (cannot be used), networks (cannot be loaded).",
    ["kind"],
    registry=REGISTRY,
)
for _kind in ("conversion", "generator", "networks"):
    ERRORS.labels(_kind)  # shown from the start, as zero
_SALT = secrets.token_bytes(16)
_PLAIN = re.compile(r"[\w.:+-]+")


class Conversion:
    """One conversion from the moment that it is asked for."""

    def __init__(self) -> None:
        self.asked = time.perf_counter()
        self.waited_s: float | None = None
        self.result: FaceResult | None = None

    def run(self, convert: Callable[[], FaceResult]) -> FaceResult:
        """Call the networks: its turn has come."""
        self.waited_s = time.perf_counter() - self.asked
        WAITING.dec()
        with RUNNING.track_inprogress():
            self.result = convert()
        return self.result

    @property
    def outcome(self) -> str:
        """Tell what became of it, once it has ended."""
        if self.result is not None:
            return "blank" if self.result.is_blank else "made"
        return "superseded" if self.waited_s is None else "failed"


@contextmanager
def followed(wanted: ConversionSettings) -> Iterator[Conversion]:
    """Count a conversion and its time, and log one line, whichever way the block ends."""
    conversion = Conversion()
    error = ""
    WAITING.inc()
    try:
        yield conversion
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        if conversion.waited_s is None:
            WAITING.dec()
        _count(wanted, conversion)
        _log(wanted, conversion, error)


def _count(wanted: ConversionSettings, conversion: Conversion) -> None:
    CONVERSIONS.labels(wanted.generator, conversion.outcome).inc()
    if conversion.outcome == "failed":
        ERRORS.labels("conversion").inc()
    if conversion.result is not None and conversion.outcome == "made":
        SECONDS.labels(wanted.generator).observe(conversion.result.timings["total"] / 1000)


def _log(wanted: ConversionSettings, conversion: Conversion, error: str) -> None:
    waited_s = conversion.waited_s
    if waited_s is None:
        waited_s = time.perf_counter() - conversion.asked
    steps = conversion.result.timings if conversion.result is not None else {}
    facts = {
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "event": "conversion",
        "visitor": _visitor_number(),
        "generator": wanted.generator,
        "stage1": wanted.stage1,
        "mode": wanted.mode,
        "t": wanted.t,
        "k": wanted.k,
        "outcome": conversion.outcome,
        "waited_ms": round(1000 * waited_s, 1),
        "ms": {step: round(value, 1) for step, value in steps.items()},
    }
    if conversion.outcome == "failed":
        facts["error"] = error
    logger.info("conversion", extra={"facts": facts})


def _visitor_number() -> int | None:
    """A number below a million that tells visitors apart until the server ends, and leads back to no session."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return None
    digest = hashlib.blake2b(context.session_id.encode(), key=_SALT, digest_size=8).digest()
    return int.from_bytes(digest, "big") % 1_000_000


class LineFormatter(logging.Formatter):
    """Write a conversion as one line: a JSON object, or ``name=value`` with those of ``ms`` as ``name_ms``."""

    def __init__(self, format: Literal["text", "json"]) -> None:
        super().__init__()
        self.is_json = format == "json"

    def format(self, record: logging.LogRecord) -> str:
        facts: Mapping[str, Any] = getattr(record, "facts", {"event": record.getMessage()})
        if self.is_json:
            return json.dumps(facts, ensure_ascii=False)
        flat = {name: value for name, value in facts.items() if name not in ("time", "event", "ms")}
        flat |= {f"{step}_ms": value for step, value in facts.get("ms", {}).items()}
        pairs = " ".join(f"{name}={_quoted(value)}" for name, value in flat.items())
        return f"{facts.get('time', '')} {facts['event']} {pairs}".strip()


def log_conversions(format: Literal["text", "json"]) -> None:
    """Let lines about conversions go to standard error; called once, where the server starts."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(format))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _quoted(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
