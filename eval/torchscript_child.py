"""Run a TorchScript network with nothing writable, no network and no files but the interpreter's.

Started by `eval.torchscript` as a script of its own, with an empty environment. It takes the network's bytes on its
standard input, shuts itself in, and only then loads them: TorchScript can map files (``torch.from_file``), so it is a
program. What the kernel enforces, for this process and without any privilege:

- Landlock: no file is created, changed or removed, and none is read outside the interpreter's own folders;
- seccomp: no socket is made, no program started, no other process signalled, no file opened for writing;
- resource limits: files of no size, bounded memory, bounded processor time for each call.

Where any of this cannot be had, it says so and nothing is loaded.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import platform
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import IO, Any

MEMORY_BYTES = 16_000_000_000  # of addresses; torch alone maps several GB
CALL_CPU_S = 300.0

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ_RIGHTS = 1 << 0 | 1 << 2 | 1 << 3  # execute (libraries are mapped so), read a file, list a folder
# Landlock's rights by its version: files and folders, then moving, truncating, devices; TCP; signals and sockets.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OPENAT = {"x86_64": 257, "aarch64": 56}
_OPENAT2, _ENOSYS, _EACCES = 437, 38, 13
# What Landlock leaves open: sockets, other processes, programs, a file's mode, owner, times and attributes.
_DENIED = {
    "x86_64": (
        2, 41, 53, 59, 62, 76, 85, 90, 91, 92, 93, 94, 101, 129, 132, 188, 189, 190, 200, 235, 260, 261, 268, 280, 310,
        311, 321, 322, 424, 425, 438, 452,
    ),
    "aarch64": (
        5, 6, 7, 45, 52, 53, 54, 55, 88, 117, 129, 130, 138, 198, 199, 221, 270, 271, 280, 281, 424, 425, 438, 452,
    ),
}  # fmt: skip


class CannotIsolateError(RuntimeError):
    """This machine's kernel does not give what shutting a program in takes."""


def shut_in(readable: list[str]) -> None:
    """Give up, for this process and all its threads to come, whatever a network has no need of.

    Raises
    ------
    CannotIsolateError
        If the kernel lacks a part of it; nothing may be run then.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _AUDIT_ARCH:
        raise CannotIsolateError(f"{sys.platform} on {machine} is not known to it")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise CannotIsolateError("the kernel lacks no_new_privs")
    _restrict_files(libc, readable)
    _restrict_calls(libc, machine)
    _check()


def _restrict_files(libc: Any, readable: list[str]) -> None:
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        raise CannotIsolateError("the kernel lacks Landlock (Linux 5.13 or later, and switched on)")
    rights = (1 << max(bits for since, bits in _FILE_RIGHTS.items() if since <= version)) - 1
    fields = [rights, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    wanted = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_LANDLOCK_CREATE, wanted, ctypes.c_size_t(len(wanted)), 0)
    if ruleset < 0:
        raise CannotIsolateError("Landlock takes no rules here")
    for name in readable:
        folder = os.open(name, os.O_PATH | os.O_CLOEXEC)
        given = _READ_RIGHTS if Path(name).is_dir() else _READ_RIGHTS & ~(1 << 3)
        rule = struct.pack("=Qi", given, folder)
        if libc.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0) != 0:
            raise CannotIsolateError("Landlock takes no rules here")
        os.close(folder)
    if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise CannotIsolateError("Landlock cannot be entered here")
    os.close(ruleset)


def _restrict_calls(libc: Any, machine: str) -> None:
    """Install the filter, a program for the kernel's classic BPF: (code, jump if, jump if not, value) each."""
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill, errno = 0x7FFF0000, 0x80000000, 0x00050000
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    program = [
        (load, 0, 0, 4), (equal, 1, 0, _AUDIT_ARCH[machine]), (give, 0, 0, kill),  # another architecture's numbers
        (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (give, 0, 0, kill),
    ]  # fmt: skip
    for number in _DENIED[machine]:
        program += [(equal, 0, 1, number), (give, 0, 0, errno | _EACCES)]
    program += [
        (equal, 0, 1, _OPENAT2), (give, 0, 0, errno | _ENOSYS),  # its flags are out of sight: callers fall back
        (equal, 1, 0, _OPENAT[machine]), (give, 0, 0, allow),
        (load, 0, 0, 32), (any_bit, 0, 1, writing), (give, 0, 0, errno | _EACCES), (give, 0, 0, allow),
    ]  # fmt: skip
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    header = struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(packed))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        raise CannotIsolateError("the kernel takes no seccomp filter here")


def _check() -> None:
    """Try what must not work any more."""

    def write() -> None:
        os.close(os.open(os.devnull, os.O_RDWR))

    def read() -> None:
        os.close(os.open("/etc/passwd", os.O_RDONLY))

    def connect() -> None:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()

    for forbidden in (write, read, connect):
        try:
            forbidden()
        except OSError:
            continue
        raise CannotIsolateError(f"the rules are in force, but the process can still {forbidden.__name__}")


def _interpreter() -> list[str]:
    """Folders and files that torch may still open when it runs: libraries, and what it asks of the processor."""
    wanted = [sys.prefix, sys.base_prefix, "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/proc/cpuinfo",
              "/sys/devices/system/cpu"]  # fmt: skip
    return [name for name in dict.fromkeys(wanted) if Path(name).exists() and Path(name) != Path("/")]


def _warm_up() -> None:
    """Load what torch loads late, as long as files can be opened."""
    import torch

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.AdaptiveAvgPool2d(1),
                                  torch.nn.Flatten(), torch.nn.Linear(4, 4), torch.nn.Softmax(1)).eval()  # fmt: skip
    example = torch.zeros(1, 3, 8, 8)
    traced = torch.jit.trace(network, example)
    for _ in range(3):
        traced(example)


def _receive(source: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    line = source.readline()
    if not line:
        return None
    header = json.loads(line)
    return header, source.read(header["bytes"])


def _send(target: IO[bytes], header: dict[str, Any], data: bytes = b"") -> None:
    target.write(json.dumps(header | {"bytes": len(data)}).encode() + b"\n" + data)
    target.flush()


def _call(network: Any, header: dict[str, Any], data: bytes) -> Any:
    import numpy as np
    import torch

    tensors, start = [], 0
    for shape in header["shapes"]:
        count = int(np.prod(shape))
        values = np.frombuffer(data, np.float32, count, start).reshape(shape)
        tensors.append(torch.from_numpy(values.copy()))
        start += 4 * count
    with torch.no_grad():
        result = network(*tensors)
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"it gives {type(result).__name__}, expected one tensor")
    return result.detach().float().contiguous()


def main() -> None:
    """Serve one network until the input ends."""
    import torch

    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a network's own prints go nowhere
    first = _receive(source)
    if first is None:
        return
    header, data = first
    torch.set_num_threads(header["threads"])
    try:
        _warm_up()
        shut_in(_interpreter())
    except (CannotIsolateError, OSError) as error:
        _send(target, {"cannot_isolate": str(error)})
        return
    network = None
    request: tuple[dict[str, Any], bytes] | None = ({"shapes": None}, b"")
    while request is not None:
        signal.setitimer(signal.ITIMER_PROF, CALL_CPU_S)  # its signal ends the process, whatever it is doing
        try:
            if network is None:
                network = torch.jit.load(io.BytesIO(data), map_location="cpu").eval()
                _send(target, {"ready": True})
            else:
                result = _call(network, *request)
                _send(target, {"shape": list(result.shape)}, result.numpy().tobytes())
        except Exception as error:  # any error of a foreign program is its answer
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            _send(target, {"error": reason[:300]})
            if network is None:
                return
        signal.setitimer(signal.ITIMER_PROF, 0)
        request = _receive(source)


if __name__ == "__main__":
    main()
