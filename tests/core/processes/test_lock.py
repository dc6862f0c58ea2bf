"""A lock that ends with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.processes import lock
from core.processes.lock import Held, hold, is_held, share
from tests.conftest import ROOT

HOLDER = """
import sys, threading
from pathlib import Path
from core.processes.lock import hold
with hold(Path(sys.argv[1]), "held"):
    print("holding", flush=True)
    threading.Event().wait()
"""


def test_a_lock_is_held_for_the_length_of_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_PROBE_S", 0.0)
    path = tmp_path / "lock"
    assert not is_held(path)
    with hold(path, "first"):
        assert is_held(path)
        with pytest.raises(Held, match="second"), hold(path, "second"):
            pass
    assert not is_held(path)
    with hold(path, "third"):
        pass


def test_a_lock_is_shared_by_many_or_held_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_PROBE_S", 0.0)
    path = tmp_path / "lock"
    with share(path, "first"), share(path, "second"):
        with pytest.raises(Held, match="alone"), hold(path, "alone"):
            pass
        assert not is_held(path)
    with hold(path, "alone"), pytest.raises(Held, match="third"), share(path, "third"):
        pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"holding\n"
        assert is_held(path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not is_held(path)
