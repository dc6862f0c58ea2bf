"""A stranger's picture is decoded in another process, which may hang, explode or die."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import image_child
from core.errors import UnsafeImage
from core.image_child import decode_in_child
from tests.core.planted_decoders import do_as_told


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Children of this test's own, with two seconds a file."""
    monkeypatch.setattr(image_child, "TIMEOUT_S", 2.0)
    image_child._children.cache_clear()
    yield
    image_child._children().close()
    image_child._children.cache_clear()


@pytest.mark.usefixtures("impatient")
def test_whatever_a_decoder_does_costs_that_file_alone() -> None:
    reasons = {b"hang": "within 2 s", b"die": "SIGSEGV", b"grab": "GB of memory", b"refuse": "No picture"}
    for data, reason in reasons.items():
        with pytest.raises(UnsafeImage, match=reason):
            decode_in_child(do_as_told, data)
        assert decode_in_child(do_as_told, b"good") != os.getpid()


@pytest.mark.usefixtures("impatient")
def test_a_child_killed_between_two_files_costs_none() -> None:
    child = decode_in_child(do_as_told, b"good")
    (process,) = (process for process in multiprocessing.active_children() if process.pid == child)
    process.kill()
    process.join()
    assert decode_in_child(do_as_told, b"good") != child


@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "."])
def test_only_regular_files_are_opened(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafeImage, match="no regular file"):
        decode_in_child(do_as_told, tmp_path / name)
