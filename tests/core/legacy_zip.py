"""Zip files as Windows has written them: names in the code page of the machine, and nothing says which."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def legacy_zip(files: Mapping[str, bytes], page: str) -> bytes:
    """Pack files under names in a code page, without the flag that says UTF-8."""
    buffer, renamed = io.BytesIO(), {}
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (name, data) in enumerate(files.items()):
            raw = name.encode(page)
            renamed[f"{number}".encode().ljust(len(raw), b"%")] = raw
            archive.writestr(f"{number}".ljust(len(raw), "%"), data)
    data = buffer.getvalue()
    for placeholder, raw in renamed.items():
        assert data.count(placeholder) == 2, "the placeholder must stand in both headers and nowhere else"
        data = data.replace(placeholder, raw)
    return data
