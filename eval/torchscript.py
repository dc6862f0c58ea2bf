"""A user's TorchScript network: a program, so it runs only where the operator allows that very file, and shut in.

``STUDIO_TORCHSCRIPT`` names files by sha256 (whatever they are called) or by full path. One rule for the pages and
for the command line. What an allowed network still cannot do is written in `eval.torchscript_child`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn

from core.config import settings

ENDINGS = (".pt", ".pth", ".torchscript", ".ts")
MAX_BYTES = 4_000_000_000
_CHILD = Path(__file__).with_name("torchscript_child.py")


class TorchScriptRefused(ValueError):
    """The operator has not allowed this file; the message says how that is done."""


def read_allowed(path: Path) -> bytes:
    """Read a TorchScript file that the settings allow.

    Raises
    ------
    TorchScriptRefused
        If they do not name it.
    """
    data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    sha256 = hashlib.sha256(data).hexdigest()
    for entry in settings().torchscript:
        if entry.lower() == sha256 or (Path(entry).is_absolute() and Path(entry).resolve() == path.resolve()):
            return data
    raise TorchScriptRefused(
        f"{path.name} is TorchScript, which is a program and is not run unasked. Save it as ONNX, or have the "
        f"operator of this machine allow this very file: STUDIO_TORCHSCRIPT={sha256}"
    )


class IsolatedNetwork(nn.Module):
    """A TorchScript network in a process of its own, without network and with nothing writable.

    It takes and gives float32 tensors on the CPU.

    Raises
    ------
    ValueError
        If it is no TorchScript.
    RuntimeError
        If this machine cannot isolate it; nothing of it was run then.
    """

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__()
        self._name = name
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)], cwd="/", env={"LC_ALL": "C.UTF-8"}, close_fds=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._end = weakref.finalize(self, _end, self._process)
        try:
            answer, _ = self._ask({"threads": settings().threads}, data)
        except ValueError as error:
            raise ValueError(
                f"{error} A plain state dict is not TorchScript; save the network with torch.jit.trace(...).save(), "
                "or as ONNX."
            ) from error
        if reason := answer.get("cannot_isolate"):
            self._end()
            raise RuntimeError(
                f"{name} is not run: TorchScript is only run isolated, and this machine cannot do that ({reason}). "
                "Save the network as ONNX."
            )

    def forward(self, *batches: Tensor) -> Tensor:
        rows = [np.ascontiguousarray(batch.detach().cpu().numpy(), np.float32) for batch in batches]
        header = {"shapes": [row.shape for row in rows]}
        answer, data = self._ask(header, b"".join(row.tobytes() for row in rows))
        return torch.from_numpy(np.frombuffer(data, np.float32).reshape(answer["shape"]).copy())

    def _ask(self, header: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        with self._turn:
            try:
                _send(self._process.stdin, header, data)
                line = self._process.stdout.readline()  # type: ignore[union-attr]
                answer: dict[str, Any] = json.loads(line)
                content = self._process.stdout.read(answer["bytes"])  # type: ignore[union-attr]
            except (BrokenPipeError, ValueError) as error:
                self._end()
                raise ValueError(
                    f"{self._name} ended while it ran (exit {self._process.returncode}): it crashed, took too much "
                    "memory, or more than five minutes of processor time for one picture."
                ) from error
        if reason := answer.get("error"):
            raise ValueError(f"{self._name} cannot be run: {reason}")
        return answer, content


def _send(target: IO[bytes] | None, header: dict[str, Any], data: bytes) -> None:
    assert target is not None
    target.write(json.dumps(header | {"bytes": len(data)}).encode() + b"\n" + data)
    target.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except BrokenPipeError:
            pass
    process.kill()
    process.wait()
