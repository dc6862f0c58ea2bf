"""Connections to addresses that were checked, with a time limit that a trickle cannot stretch."""

from __future__ import annotations

import io
import socket
import ssl
import time
from functools import cache

import certifi

from curation.intake.addresses import WebAddress


def connect(
    address: WebAddress, checked: tuple[str, ...], *, deadline: float, timeout_s: float
) -> socket.socket:
    """A connection to one of the checked addresses, encrypted for the host's name where that is asked.

    Parameters
    ----------
    checked
        IP addresses of the host that `curation.intake.addresses.resolve` let pass, tried in turn.
    deadline
        On `time.monotonic`'s clock.

    Raises
    ------
    OSError
        If none answers in time, or the certificate is not the host's.
    """
    trouble: OSError | None = None
    for ip in checked[:4]:
        left = min(timeout_s, deadline - time.monotonic())
        if left <= 0:
            break
        try:
            stream = socket.create_connection((ip, address.port), timeout=left)
        except OSError as error:
            trouble = error
            continue
        if address.scheme == "http":
            return stream
        try:
            return _tls().wrap_socket(stream, server_hostname=address.host.rstrip("."))
        except BaseException:
            stream.close()
            raise
    raise trouble or TimeoutError("no time left to connect")


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class TimedSocket:
    """As much of a socket as `http.client` uses, with a time limit over all reads together."""

    def __init__(self, stream: socket.socket, deadline: float, read_timeout_s: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._read_timeout_s = read_timeout_s

    def sendall(self, data: bytes) -> None:
        self._limit_time()
        self._stream.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self))

    def receive_into(self, buffer: memoryview) -> int:
        self._limit_time()
        return self._stream.recv_into(buffer)

    def close(self) -> None:
        """The stream is closed by whoever opened it."""

    def _limit_time(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this file is over")
        self._stream.settimeout(min(left, self._read_timeout_s))


class _TimedReader(io.RawIOBase):
    def __init__(self, source: TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        return self._source.receive_into(buffer)
