"""Fixtures of the intake's tests."""

from collections.abc import Iterator

import pytest

from tests.curation.intake.web_server import WebServer, serve_badly


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server with bad manners, on this machine."""
    with serve_badly() as server:
        yield server
