"""The pipelines on a real Airflow, in an environment of its own, with real photos: killed once in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from curation.library.library import Library
from tests.conftest import ROOT, skip_or_fail

PIPELINES = ROOT / "curation" / "airflow"
PHOTOS = 4
TRY = """
import json, sys
import studio
run = getattr(studio, sys.argv[1]).test(run_conf=json.loads(sys.argv[2]), mark_success_pattern="approve")
print("ended as", run.state)
"""


class Airflow:
    """Airflow's Python, and the studio's in the variables of its tasks."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self.python = folder / "environment" / "bin" / "python"
        self.environment = os.environ | {
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PIPELINES),
            "AIRFLOW_VAR_STUDIO_PYTHON": sys.executable,
            "AIRFLOW_VAR_STUDIO_WEBHOOK": webhook,
            "OMP_NUM_THREADS": "1",
        }

    def install(self) -> None:
        """Make the environment and Airflow's database."""
        packages = ["-r", PIPELINES / "requirements.txt", "-c", PIPELINES / "constraints.txt"]
        uv = [sys.executable, "-m", "uv", "--quiet"]
        for command in (
            [*uv, "venv", "--python", sys.executable, self.python.parent.parent],
            [*uv, "pip", "install", "--python", self.python, *packages],
            [self.python, "-m", "airflow", "db", "migrate"],
        ):
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
            if done.returncode:
                skip_or_fail(f"Airflow cannot be installed: {done.stderr[-500:]}")

    def start(self, name: str, **parameters: object) -> subprocess.Popen[str]:
        """Run a pipeline as ``dag.test()`` does, in a process group of its own."""
        return subprocess.Popen(
            [self.python, "-c", TRY, name, json.dumps(parameters)],
            cwd=PIPELINES,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, name: str, **parameters: object) -> None:
        """Run a pipeline to its end, which must be a good one."""
        with self.start(name, **parameters) as process:
            out, _ = process.communicate(timeout=500)
        assert "ended as success" in out, out[-5000:]


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return []


@pytest.fixture(scope="module")
def webhook(messages: list[str]) -> Iterator[str]:
    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(204)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, webhook: str) -> Airflow:
    found = Airflow(tmp_path_factory.mktemp("airflow"), webhook)
    found.install()
    return found


@pytest.fixture(scope="module")
def library(
    tmp_path_factory: pytest.TempPathFactory, airflow: Airflow, omi_dir: Path, landmarker_path: Path
) -> Path:
    """A library that a killed run and another after it have filled."""
    drop, root = tmp_path_factory.mktemp("drop"), tmp_path_factory.mktemp("library") / "library"
    for number in range(1, PHOTOS + 1):
        shutil.copy(omi_dir / f"{number:04d}.jpg", drop)
    shutil.copy(omi_dir / "0001.jpg", drop / "again.jpg")
    with Library.open(root):
        pass
    parameters = {
        "library": str(root),
        "sources": [str(drop)],
        "shard_size": 2,
        "workers": 1,
        "grown_by": PHOTOS,
    }
    killed = airflow.start("intake", **parameters)
    deadline = time.monotonic() + 400
    with Library.open(root) as found:
        while not found.counts()["examined"]:
            assert killed.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        assert 0 < found.counts()["examined"] < PHOTOS
    airflow.run("intake", **parameters)
    return root


def test_a_run_after_a_killed_one_judges_everything_once_and_tells_reviewers(
    library: Path, messages: list[str]
) -> None:
    with Library.open(library) as found:
        assert (found.counts()["images"], found.counts()["examined"]) == (PHOTOS, PHOTOS)
        assert set(found.table()["status"]) == {"ok"}
        assert sorted(len(found.provenance(str(one))) for one in found.table().index) == [1, 1, 1, 2]
    assert messages == [f"{PHOTOS} faces wait for review, {PHOTOS} more than when we wrote last."]


def test_an_approved_release_is_frozen_and_exported(library: Path, airflow: Airflow, tmp_path: Path) -> None:
    out = tmp_path / "first"
    airflow.run("release", library=str(library), version="first", who="Ann", out=str(out))
    with Library.open(library) as found:
        (version,) = found.versions()
        kept = (found.table()["state"] == "keep").sum()
    assert (version.name, version.who, len(version.ids)) == ("first", "Ann", kept)
    manifest = (out / "manifest.jsonl").read_text().splitlines()
    assert len(manifest) == kept > 0
