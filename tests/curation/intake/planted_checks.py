"""Checks that go wrong on purpose, in a module that spawned workers can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from curation.intake.children import CheckPictures, Task
from curation.intake.picture import RejectedFile
from curation.library.records import Original


@dataclass(frozen=True)
class BrokenDecoder(CheckPictures):
    """Hangs, dies, grabs memory or writes files where a file tells it to; else the real check."""

    def check(self, task: Task) -> Original | RejectedFile:
        data = task.content.read(self.limits)
        if data == b"hang":
            time.sleep(10_000)
        if data == b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if data == b"leave":
            os._exit(3)
        return super().check(task)
