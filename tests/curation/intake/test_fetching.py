"""One file from a server with bad manners: what comes back, and what is given up and how soon."""

import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from curation.intake import addresses
from curation.intake.addresses import AddressRefused, FetchFailed, resolve
from curation.intake.fetching import Fetched, FetchLimits, fetch
from tests.curation.intake.web_server import WebServer, picture, picture_at

ANY_PORT = ((1, 65535),)
LIMITS = FetchLimits(
    max_bytes=1_000_000,
    connect_timeout_s=5,
    read_timeout_s=5,
    total_timeout_s=20,
    ports=ANY_PORT,
    allow_private=True,
)
HASTY = FetchLimits(
    max_bytes=1_000_000,
    connect_timeout_s=0.2,
    read_timeout_s=0.2,
    total_timeout_s=0.4,
    ports=ANY_PORT,
    allow_private=True,
)


def get(url: str, limits: FetchLimits = LIMITS, **options) -> Fetched:
    return fetch(url, limits, user_agent="Studio/1.0", **options)


def failure(url: str, limits: FetchLimits = LIMITS, **options) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        get(url, limits, **options)
    return failed.value


def test_a_file_comes_with_its_headers_and_address(web: WebServer) -> None:
    found = get(web.url("picture/1?size=2#part"))
    assert found.data == picture_at("/picture/1?size=2")
    assert found.headers["Content-Type"] == "image/jpeg"
    assert found.address.url == web.url("picture/1?size=2")
    assert web.hosts == {f"127.0.0.1:{web.port}"}


def test_content_encoding_is_undone(web: WebServer) -> None:
    assert get(web.url("gzip")).data == picture(7)


@pytest.mark.parametrize(
    ("path", "code", "passing"),
    [
        ("endless", "too_large", False),
        ("gzip_bomb", "too_large", False),
        ("brotli", "bad_encoding", False),
        ("loop", "too_many_redirects", False),
        ("forbidden", "http_403", False),
        ("cut_short", "cut_short", True),
        ("broken", "broken_connection", True),
        ("header_flood", "broken_connection", True),
        ("busy_for_long", "http_503", True),
    ],
)
def test_a_file_that_does_not_come_says_why(web: WebServer, path: str, code: str, passing: bool) -> None:
    failed = failure(web.url(path))
    assert (failed.code, failed.passing) == (code, passing)


@pytest.mark.parametrize("path", ["slow", "trickle", "slow_header"])
def test_a_server_that_dawdles_is_given_up_in_time(web: WebServer, path: str) -> None:
    failed = failure(web.url(path), HASTY)
    assert (failed.code, failed.passing) == ("timeout", True)


def test_content_length_is_not_trusted(web: WebServer) -> None:
    assert len(get(web.url("lying_length")).data) == 10
    too_small = FetchLimits(max_bytes=100, ports=ANY_PORT, allow_private=True)
    assert failure(web.url("picture"), too_small).code == "too_large"


def test_a_long_file_may_be_read_in_part(web: WebServer) -> None:
    limits = FetchLimits(max_bytes=100, ports=ANY_PORT, allow_private=True)
    assert get(web.url("picture"), limits, keep_start=True).data == get(web.url("picture")).data[:100]


def test_redirects_are_followed_and_every_hop_is_shown_first(web: WebServer) -> None:
    web.redirects = {"redirect/1": "/redirect/2", "redirect/2": f"//localhost:{web.port}/picture/3"}
    seen: list[str] = []
    assert get(web.url("redirect/1"), before_hop=lambda address: seen.append(address.url)).data
    assert seen == [web.url("redirect/1"), web.url("redirect/2"), f"http://localhost:{web.port}/picture/3"]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("file:///etc/passwd", "bad_scheme"),
        ("http://me:pw@example.org/", "credentials"),
        ("http://example.org:70000/", "bad_url"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "bad_scheme"),
    ],
)
def test_a_redirect_to_what_is_not_fetched_is_refused(web: WebServer, location: str, code: str) -> None:
    web.redirects = {"redirect": location}
    with pytest.raises(AddressRefused) as refused:
        get(web.url("redirect"))
    assert refused.value.code == code


PRIVATE_PLACES = [
    "http://127.0.0.1/x",
    "http://10.0.0.1/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://0x7f.1/x",
    "http://localhost/x",
]


@pytest.mark.parametrize("location", PRIVATE_PLACES)
def test_a_redirect_into_a_private_network_is_refused_before_connecting(
    web: WebServer, location: str
) -> None:
    """The first hop is let through by hand: what is tested is that each further one is checked as well."""
    web.redirects = {"redirect": location}

    def first_hop_is_public(
        host: str, port: int, *, allow_private: bool, timeout_s: float
    ) -> tuple[str, ...]:
        is_first = port == web.port
        return resolve(host, port, allow_private=is_first, timeout_s=timeout_s)

    strict = FetchLimits(ports=ANY_PORT, allow_private=False)
    with pytest.raises(AddressRefused) as refused:
        get(web.url("redirect"), strict, resolve_host=first_hop_is_public)
    assert refused.value.code in ("private_address", "metadata_address")
    assert web.asked.total() == 1


def test_the_checked_address_is_connected_to_and_the_name_is_kept(web: WebServer) -> None:
    """A name that cannot be looked up still works: nothing after the check looks it up again."""
    found = get(f"http://pictures.invalid:{web.port}/picture", resolve_host=lambda *_, **__: ("127.0.0.1",))
    assert found.data
    assert web.hosts == {f"pictures.invalid:{web.port}"}


def test_the_next_address_is_tried_where_one_is_dead(web: WebServer) -> None:
    assert get(web.url("picture"), resolve_host=lambda *_, **__: ("127.0.0.2", "127.0.0.1")).data


def test_proxies_of_the_environment_are_not_used(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(web.url("picture")).data


def test_a_port_without_a_server_is_a_passing_failure() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    failed = failure(f"http://127.0.0.1:{port}/")
    assert (failed.code, failed.passing) == ("broken_connection", True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of pictures.invalid, in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=pictures.invalid",
    ]
    command += ["-addext", "subjectAltName=DNS:pictures.invalid", "-keyout", "key.pem", "-out", "cert.pem"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed, so there is no certificate to test with")
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


@pytest.mark.parametrize(
    ("host", "is_trusted", "code"),
    [
        ("pictures.invalid", True, None),
        ("other.invalid", True, "bad_certificate"),
        ("pictures.invalid", False, "bad_certificate"),
    ],
)
def test_the_certificate_must_be_that_of_the_name_not_of_the_address(
    web: WebServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    is_trusted: bool,
    code: str | None,
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    names: list[str | None] = []
    server_side.sni_callback = lambda _socket, name, _context: names.append(name)
    client_side = ssl.create_default_context()
    if is_trusted:
        client_side.load_verify_locations(certificate)
    monkeypatch.setattr(addresses, "_tls", lambda: client_side)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_once() -> None:
            stream, _ = listener.accept()
            try:
                with server_side.wrap_socket(stream, server_side=True) as encrypted:
                    encrypted.recv(4096)
                    encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            except OSError:
                stream.close()

        thread = threading.Thread(target=serve_once, daemon=True)
        thread.start()
        url = f"https://{host}:{listener.getsockname()[1]}/"
        if code is None:
            assert get(url, resolve_host=lambda *_, **__: ("127.0.0.1",)).data == b"hi"
        else:
            assert failure(url, resolve_host=lambda *_, **__: ("127.0.0.1",)).code == code
        thread.join()
    assert names == [host]
