"""Figures for Prometheus, a health route that knows the networks, and one line about each conversion."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.conversion.settings import ConversionSettings
from core.processes.jobs import write_end, write_record
from dashboard import lifespan, metrics
from dashboard.shared import conversions, networks
from dashboard.shared.conversion_queue import Superseded
from tests.dashboard.fake_page import FakePipeline, drawn

TOKEN = "a-token-of-the-tests-0123456789"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
SHIPPED = ConversionSettings()


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the server would write about conversions, as JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(conversions.LineFormatter("json"))
    conversions.logger.addHandler(handler)
    conversions.logger.setLevel(logging.INFO)
    yield written
    conversions.logger.removeHandler(handler)
    conversions.logger.setLevel(logging.NOTSET)


def client(host: str = "127.0.0.1") -> TestClient:
    return TestClient(Starlette(routes=metrics.routes()), client=(host, 50000))


def figures() -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    answer = client().get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(before: dict[tuple[str, ...], float], *name: str) -> float:
    return figures().get(name, 0) - before.get(name, 0)


def test_a_photo_is_counted_and_timed(pipeline: FakePipeline) -> None:
    before = figures()
    networks.generate(drawn().sketch, SHIPPED)
    assert grown(before, "studio_conversions_total", "pix2pixhd", "made") == 1
    assert grown(before, "studio_conversion_seconds_count", "pix2pixhd") == 1
    assert grown(before, "studio_conversion_seconds_sum", "pix2pixhd") == pytest.approx(0.061)
    assert grown(before, "studio_errors_total", "conversion") == 0


def test_a_blank_page_is_counted_and_not_timed(pipeline: FakePipeline) -> None:
    pipeline.is_blank = True
    before = figures()
    networks.generate(drawn().sketch, SHIPPED)
    assert grown(before, "studio_conversions_total", "pix2pixhd", "blank") == 1
    assert grown(before, "studio_conversion_seconds_count", "pix2pixhd") == 0


def test_a_failure_is_counted_as_one_and_passed_on(pipeline: FakePipeline) -> None:
    pipeline.broken = ("cyclegan",)
    before = figures()
    with pytest.raises(ValueError, match="damaged"):
        networks.generate(drawn().sketch, ConversionSettings(generator="cyclegan"))
    assert grown(before, "studio_conversions_total", "cyclegan", "failed") == 1
    assert grown(before, "studio_errors_total", "conversion") == 1
    assert figures()["studio_conversions_running",] == 0


def test_a_drawing_given_up_for_a_newer_one_is_no_error(
    pipeline: FakePipeline, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "is_superseded", lambda: True)
    before = figures()
    with pytest.raises(Superseded):
        networks.generate(drawn().sketch, SHIPPED)
    assert grown(before, "studio_conversions_total", "pix2pixhd", "superseded") == 1
    assert json.loads(log.getvalue()).keys().isdisjoint({"error"})
    assert grown(before, "studio_errors_total", "conversion") == 0
    assert figures()["studio_visitors_waiting",] == 0


def test_who_waits_and_who_is_served_can_be_seen() -> None:
    seen: list[tuple[float, float]] = []

    def look() -> SimpleNamespace:
        now = figures()
        seen.append((now["studio_visitors_waiting",], now["studio_conversions_running",]))
        return SimpleNamespace(is_blank=False, timings={"total": 1.0})

    with conversions.followed(SHIPPED) as conversion:
        look()
        conversion.run(look)
        look()
    assert seen == [(1, 0), (0, 1), (0, 0)]


def test_jobs_are_counted_by_kind_and_state(data: Path) -> None:
    library, training = data / "library" / "jobs", data / "runs" / "first" / "attempts"
    for folder, job_id, kind, end in (
        (library, "20260101-000000-000000-aaaaaa", "judge", "done"),
        (library, "20260102-000000-000000-aaaaaa", "judge", ""),
        (training, "20260101-000000-000000-aaaaaa", "train", "failed"),
        (training, "20260102-000000-000000-aaaaaa", "train", "stopped"),
        (data / "comparisons" / "one" / "job", "20260101-000000-000000-aaaaaa", "compare", "done"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        write_record(folder / f"{job_id}.json", {"kind": kind, "started": "2026-01-01T00:00:00Z"})
        if end:
            write_end(folder, job_id, end)
    jobs = {name[1:]: value for name, value in figures().items() if name[0] == "studio_jobs"}
    assert {name for name, value in jobs.items() if value} == {
        ("judge", "done"), ("judge", "interrupted"), ("training", "stopped"), ("comparison", "done"),
    }  # fmt: skip
    assert jobs["training", "running"] == jobs["add", "failed"] == 0


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.168.1.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "192.168.1.7"}, 401),  # a proxy here asks for somebody else
        ("127.0.0.1", {"Forwarded": "for=192.168.1.7"}, 401),
        ("192.168.1.7", {"Authorization": "Bearer wrong"}, 401),
        ("192.168.1.7", AUTHORISED, 200),
    ],
)
def test_figures_are_for_this_machine_or_by_token(
    monkeypatch: pytest.MonkeyPatch, host: str, headers: dict[str, str], status: int
) -> None:
    monkeypatch.setenv("STUDIO_API_TOKEN", TOKEN)
    answer = client(host).get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("studio_ready" in answer.text) is (status == 200)


def test_without_a_token_other_machines_get_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUDIO_API_TOKEN", raising=False)
    assert client("192.168.1.7").get("/metrics").status_code == 403


def test_health_follows_the_networks_and_loads_none(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = client("192.168.1.7").get("/health")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["why"].startswith("Not loaded yet")
    assert figures()["studio_ready",] == 0

    before = figures()
    pipeline.error = networks.NetworksDamaged("/srv/weights/face_bank.safetensors is damaged. Restore it.")
    with pytest.raises(networks.NetworksDamaged):
        list(networks.until_ready())
    answer = client().get("/health")
    assert answer.status_code == 503
    assert "core.doctor" in answer.json()["why"] and "/srv" not in answer.text
    assert grown(before, "studio_errors_total", "networks") == 1

    pipeline.error = None
    list(networks.until_ready())
    answer = client().get("/health")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    assert figures()["studio_ready",] == 1


def test_a_server_that_preloads_is_healthy_before_anybody_draws(pipeline: FakePipeline) -> None:
    networks.forget()
    pipeline.error = networks.NetworksDamaged("face_bank.safetensors is damaged. Restore it.")
    lifespan.preload()  # says so in the log, and the server goes on
    assert client().get("/health").status_code == 503
    pipeline.error = None
    lifespan.preload()
    assert client().get("/health").status_code == 200


def test_health_asked_first_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    networks.forget()
    monkeypatch.setattr(networks, "pipeline", lambda: pytest.fail("it loaded the networks"))
    assert client().get("/health").status_code == 503


def test_a_conversion_is_one_line_of_json_without_the_drawing(
    pipeline: FakePipeline, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = SimpleNamespace(session_id="d2b7a3c0-session")
    monkeypatch.setattr(conversions, "get_script_run_ctx", lambda **_: session)
    networks.generate(drawn().sketch, ConversionSettings(t=0.3, k=4, mode="whole"))
    networks.generate(drawn(3).sketch, SHIPPED)
    session.session_id = "another"
    networks.generate(drawn().sketch, SHIPPED)
    first, second, other = map(json.loads, log.getvalue().splitlines())
    assert first.keys() == {
        "time", "event", "visitor", "generator", "stage1", "mode", "t", "k", "outcome", "waited_ms", "ms",
    }  # fmt: skip
    wanted = {
        "event": "conversion",
        "generator": "pix2pixhd",
        "stage1": "whole",
        "mode": "whole",
        "t": 0.3,
        "k": 4,
    }
    assert wanted.items() <= first.items()
    assert first["outcome"] == "made"
    assert first["ms"] == {"encode": 10.0, "project": 0.0, "generate": 50.0, "total": 61.0}
    assert first["visitor"] == second["visitor"] != other["visitor"]
    assert "d2b7" not in log.getvalue()


def test_a_failed_conversion_says_what_kind_of_error_it_was(pipeline: FakePipeline, log: io.StringIO) -> None:
    pipeline.broken = ("pix2pixhd",)
    with pytest.raises(ValueError, match="damaged"):
        networks.generate(np.full((512, 512), 255, np.uint8), SHIPPED)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["outcome"], line["error"], line["visitor"]) == ("failed", "ValueError", None)
    assert "/srv" not in log.getvalue()


def test_plain_text_is_one_line_whatever_a_generator_is_called() -> None:
    facts = {
        "time": "2026-01-01T00:00:00Z", "event": "conversion", "visitor": 7, "generator": "my\nown one",
        "t": 0.5, "ms": {"total": 61.0},
    }  # fmt: skip
    record = logging.makeLogRecord({"msg": "conversion", "facts": facts})
    assert conversions.LineFormatter("text").format(record) == (
        '2026-01-01T00:00:00Z conversion visitor=7 generator="my\\nown one" t=0.5 total_ms=61.0'
    )


@pytest.mark.parametrize("format", ["text", "json"])
def test_lines_go_to_standard_error_once(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    handlers, propagates = list(conversions.logger.handlers), conversions.logger.propagate
    try:
        for _ in range(2):
            conversions.log_conversions(format)
        with conversions.followed(SHIPPED) as conversion:
            conversion.run(lambda: SimpleNamespace(is_blank=False, timings={"total": 1.0}))
    finally:
        conversions.logger.handlers[:] = handlers
        conversions.logger.propagate = propagates
        conversions.logger.setLevel(logging.NOTSET)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("{") is (format == "json")
