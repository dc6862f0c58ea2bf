"""The studio as a team has it: behind nginx with TLS and a path of its own, on PostgreSQL.

What compose.yaml starts in containers is started here as programs, with the same nginx configuration.
"""

# ruff: noqa: F811 - fixtures of another folder
from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
import yaml

from core.config import ROOT, Settings
from curation.library.library import Library
from tests.conftest import skip_or_fail
from tests.curation.library.conftest import _make_database, postgres_server, postgres_template  # noqa: F401
from tests.dashboard.review_library import fill_library
from tests.e2e.conftest import DESKTOP, PATIENCE_MS, free_port, serve
from tests.e2e.review_page import ReviewPage

TEMPLATE = ROOT / "dashboard" / "deploy" / "studio.conf.template"
START = ROOT / "dashboard" / "deploy" / "start.sh"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
GIGABYTE = 1_000_000_000
PIECE = bytes(4_000_000)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is not installed; on Debian: apt-get install openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=studio",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "certificate_key.pem",
         "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@contextmanager
def nginx(folder: Path, certificate: Path, upstream: int) -> Iterator[int]:
    """Port of an nginx with the shipped configuration before a server of this machine; it ends with the block."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        skip_or_fail("nginx is not installed; on Debian: apt-get install nginx-light")
    assert program is not None
    port = free_port()
    names = {
        "UPSTREAM": f"127.0.0.1:{upstream}", "SERVER_NAME": "localhost", "HTTP_PORT": f"127.0.0.1:{free_port()}",
        "HTTPS_PORT": f"127.0.0.1:{port}", "TLS_CERTIFICATE": certificate / "certificate.pem",
        "TLS_KEY": certificate / "certificate_key.pem", "CACHE": folder / "cache",
    }  # fmt: skip
    assert names.keys() == COMPOSE["services"]["proxy"]["environment"].keys() - {"NGINX_ENVSUBST_FILTER"}
    text = re.sub(r"\$\{(\w+)\}", lambda found: str(names[found[1]]), TEMPLATE.read_text())
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
    )
    with (folder / "nginx.log").open("wb") as output:
        server = subprocess.Popen(
            [program, "-p", folder, "-c", folder / "nginx.conf"], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < deadline:
            try:
                ask(port, "GET", "/")
                break
            except OSError:
                time.sleep(0.05)  # polls a process that is starting
        assert server.poll() is None, (folder / "nginx.log").read_text()
        yield port
    finally:
        server.terminate()
        server.wait(20)


def connect(port: int) -> http.client.HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=120)


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = connect(port)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class _Counting(BaseHTTPRequestHandler):
    """Stands in for the studio where only what arrives matters: tells how many bytes did."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read(min(left, 1 << 20))):
            left -= len(piece)
        self._answer(str(int(self.headers["Content-Length"]) - left).encode())

    def do_GET(self) -> None:
        self._answer(b"body { color: red }\n" * 400, "text/css")

    def _answer(self, body: bytes, kind: str = "text/plain") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[int]:
    """Port of nginx before a server that counts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with nginx(tmp_path_factory.mktemp("nginx"), certificate, server.server_address[1]) as port:
            yield port
        server.shutdown()


def test_an_upload_of_a_gigabyte_passes_and_one_beyond_the_limit_does_not(counting: int) -> None:
    connection = connect(counting)
    path = "/studio/_stcore/upload_file/visitor/file-1234"
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", str(GIGABYTE))
    connection.endheaders()
    for _ in range(GIGABYTE // len(PIECE)):
        connection.send(PIECE)
    assert connection.getresponse().read() == str(GIGABYTE).encode()
    connection.close()
    status, _, _ = ask(counting, "PUT", path, **{"Content-Length": str(3 * GIGABYTE)})
    assert status == 413


def test_who_asks_too_much_is_told_to_wait_and_scripts_are_packed_and_kept(counting: int) -> None:
    _, headers, body = ask(counting, "GET", "/studio/static/a.css", **{"Accept-Encoding": "gzip"})
    assert (headers["Content-Encoding"], len(body) < 1000, headers["X-Cache"]) == ("gzip", True, "MISS")
    assert ask(counting, "GET", "/studio/static/a.css")[1]["X-Cache"] == "HIT"
    assert "max-age" in headers["Strict-Transport-Security"]
    assert ask(counting, "GET", "/studio/metrics")[0] == 404
    assert ask(counting, "GET", "/")[1]["Location"].endswith("/studio/")
    connection, answers = connect(counting), []
    while len(answers) < 300 and 429 not in answers:  # 40 at once and 10 a second are let through
        connection.request("GET", "/studio/api/images")
        answer = connection.getresponse()
        answer.read()
        answers.append(answer.status)
    connection.close()
    assert answers[:40] == [200] * 40
    assert answers[-1] == 429


@pytest.fixture
def database(
    postgres_server: str, postgres_template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """Address of an empty library's PostgreSQL, which the studio reads from a file."""
    for address in _make_database(postgres_server, postgres_template):
        (tmp_path / "address").write_text(address + "\n")
        monkeypatch.setenv("STUDIO_DATABASE_FILE", str(tmp_path / "address"))
        yield address


def test_no_decision_is_lost_where_the_studio_restarts_behind_nginx(
    browser, database: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("STUDIO_DATA", str(data))
    fill_library(data / "library", 65)
    port = free_port()
    (tmp_path / "nginx").mkdir()

    def start() -> object:
        return serve(ROOT / "dashboard" / "app.py", tmp_path / "log.txt", base_path="/studio", port=port)

    with ExitStack() as stack, Library.open(data / "library", database) as library:
        studio = stack.enter_context(ExitStack())
        studio.enter_context(start())
        proxy = stack.enter_context(nginx(tmp_path / "nginx", certificate, port))
        context = browser.new_context(**DESKTOP, ignore_https_errors=True)
        stack.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        page, sockets = ReviewPage(context.new_page()), []
        page.page.on("websocket", lambda socket: sockets.append(socket.url))
        page.open(f"https://127.0.0.1:{proxy}/studio")
        assert sockets[0] == f"wss://127.0.0.1:{proxy}/studio/_stcore/stream"
        page.name_oneself("Ann")
        ids = page.ids()
        page.press("asd" * 5)
        ending = threading.Thread(target=studio.close)
        ending.start()
        page.press("asd" * 5)  # while it ends
        ending.join()
        page.press("asd" * 5)  # while there is none; a dialog about the connection may take the keys
        shown = [decision for decision in page.decisions() if decision]
        assert shown == (["keep", "unsure", "reject"] * 20)[: len(shown)]
        assert len(shown) >= 30
        studio.enter_context(start())
        page.settled()
        decided = ids[: len(shown)]
        assert [str(one) for one in library.table()["decision"][decided]] == shown
        assert all(list(reviewers) == ["Ann"] for reviewers in library.table()["reviewers"][decided])


def told_by_operator(certificate: Path, data: Path, rows: Path) -> dict[str, str]:
    return os.environ | {
        "STUDIO_NAME": "localhost", "STUDIO_OPEN": "1", "STUDIO_PRELOAD": "0", "STUDIO_DATA": str(data),
        "SECRETS": str(certificate), "ROWS": str(rows), "PYTHON": sys.executable,
    }  # fmt: skip


@contextmanager
def started_by_one_command(certificate: Path, data: Path, rows: Path) -> Iterator[tuple[int, str]]:
    """Port of the whole studio as ``make team`` starts it, and the address of its database; it ends with the block."""
    port = free_port()
    environment = told_by_operator(certificate, data, rows) | {
        "PORT": str(free_port()), "HTTP_PORT": f"127.0.0.1:{free_port()}", "HTTPS_PORT": f"127.0.0.1:{port}",
    }  # fmt: skip
    started = subprocess.Popen(
        [START], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )  # fmt: skip
    assert started.stdout is not None
    said = ""
    try:
        while "STUDIO_DATABASE='" not in said:
            line = started.stdout.readline()
            assert line, said
            said += line
        yield port, re.findall("STUDIO_DATABASE='(.*)'", said)[0]
        started.terminate()
        rest, _ = started.communicate(timeout=90)
        assert started.returncode == 0, said + rest
        assert "Traceback" not in rest
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)


def test_one_command_starts_all_of_it_without_containers_and_ends_it(
    certificate: Path, tmp_path: Path
) -> None:
    for program in ("nginx", "envsubst"):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            skip_or_fail(f"{program} is not installed; on Debian: apt-get install nginx-light gettext-base")
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        skip_or_fail("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="studio-rows-", dir="/tmp") as name:
        rows = Path(name)
        rows.chmod(0o711)  # for PostgreSQL's own user, where these tests are root's
        for statement in ("CREATE TABLE kept (id int)", "SELECT * FROM kept"):
            with started_by_one_command(certificate, tmp_path / "data", rows / "rows") as (port, address):
                deadline = time.monotonic() + 90
                while (answer := ask(port, "GET", "/studio/health"))[0] == 502:  # the studio is starting
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
                assert "ready" in json.loads(answer[2])
                with psycopg.connect(address, autocommit=True) as connection:
                    connection.execute(statement)
            with pytest.raises(OSError):
                ask(port, "GET", "/studio/health")
            assert not (rows / "rows" / "postmaster.pid").exists()
        backup = [START, sys.executable, "-m", "dashboard.backup", "create", tmp_path / "backup.zip"]
        environment = told_by_operator(certificate, tmp_path / "data", rows / "rows")
        subprocess.run(backup, env=environment, capture_output=True, check=True)
        assert (tmp_path / "backup.zip").stat().st_size > 0
        assert not (rows / "rows" / "postmaster.pid").exists()


def test_one_command_says_what_is_missing(tmp_path: Path) -> None:
    def told(**environment: str) -> str:
        done = subprocess.run(
            [START], env={"PATH": os.environ["PATH"]} | environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 1
        return done.stderr

    assert "STUDIO_NAME" in told()
    assert "certificate.pem is missing" in told(STUDIO_NAME="localhost", SECRETS=str(tmp_path))
    for name in ("certificate.pem", "certificate_key.pem"):
        (tmp_path / name).touch()
    assert "sign_in.toml is missing" in told(STUDIO_NAME="localhost", SECRETS=str(tmp_path))


def test_compose_names_settings_secrets_and_limits_that_there_are() -> None:
    services = COMPOSE["services"]
    known = {f"STUDIO_{name.upper()}" for name in Settings.model_fields}
    pipelines = (ROOT / "curation" / "airflow" / "studio.py").read_text()
    for name in [*services["studio"]["environment"], *services["airflow"]["environment"]]:
        assert name.removesuffix("_FILE") in known or not name.startswith("STUDIO_")
        assert not name.startswith("AIRFLOW_VAR_") or name.removeprefix("AIRFLOW_VAR_").lower() in pipelines
    for name, service in services.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert {"mem_limit", "cpus", "healthcheck"} <= service.keys(), name
        assert set(service["secrets"]) <= COMPOSE["secrets"].keys(), name
        for value in map(str, service["environment"].values()):
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert "ports" not in services["studio"] and "ports" not in services["database"]
    assert services["airflow"]["profiles"] and services["airflow"]["ports"] == ["127.0.0.1:8080:8080"]
    assert COMPOSE["networks"]["inside"]["internal"]
    built = re.findall(r"^FROM \S+(?: AS (\S+))?$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert (
        services["airflow"]["build"]["target"] in built and built[-1] == ""
    )  # the studio is what is built else
