"""What people name or send is read within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.untrusted_files import MAX_YAML_BYTES, load_json, load_yaml, read_regular_file


def test_plain_yaml_is_read() -> None:
    assert load_yaml("loop:\n  steps: 100\n  rates: [1e-3, 0.5]\n") == {
        "loop": {"steps": 100, "rates": ["1e-3", 0.5]}
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &a [x, x]\nb: [*a, *a]", "aliases.*line 2"),
        ("base: &b {a: 1}\nmore: {<<: *b}", "aliases"),
        ("a: [", "flow"),
        ("[" * 20_000, "nested"),
        ("a: " + "9" * 10_000, "cannot be read"),
        ("a: 2001-99-99", "cannot be read"),
        ("a: !!python/object/apply:os.getcwd []", "constructor"),
        ("# " + "x" * MAX_YAML_BYTES, "at most"),
    ],
)
def test_yaml_that_is_more_than_it_seems_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load_yaml(text)


def test_json_nested_without_end_is_damaged_json() -> None:
    with pytest.raises(ValueError, match="nested"):
        load_json("[" * 200_000)


def test_a_file_is_regular_and_not_larger_than_allowed(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(b"x" * 100)
    assert read_regular_file(file, 100) == b"x" * 100
    with pytest.raises(ValueError, match="at most"):
        read_regular_file(file, 99)
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ".", "/dev/zero"):
        with pytest.raises(ValueError, match="no regular file"):
            read_regular_file(tmp_path / name)
