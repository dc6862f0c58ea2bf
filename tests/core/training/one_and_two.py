"""The same training in one process and in two, as the command line starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from core.config import ROOT


def train_in_one_and_two(module: str, arguments: Mapping[str, object], folder: Path) -> tuple[Path, Path]:
    """Folders of both runs; a failure shows what the training said."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    flags = [f"--{key}={value}" for key, value in arguments.items()]
    for name in ("one", "two"):
        launcher = [] if name == "one" else _two_processes()
        command = [sys.executable, *launcher, "-m", module, *flags, f"--loop.out={folder / name}"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{name}: {done.stderr[-6000:]}"
    return folder / "one", folder / "two"


def _two_processes() -> list[str]:
    """A fixed meeting place: --standalone's gives up when a busy machine is late with its signs of life."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    meet = ["--master_addr=127.0.0.1", f"--master_port={port}"]
    return ["-m", "torch.distributed.run", "--nproc_per_node=2", *meet]
