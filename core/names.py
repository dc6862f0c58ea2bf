"""Names of files and things, read and compared in one way wherever they come from.

A Mac writes ``é`` and Hangul in pieces (NFD), Windows and Linux whole (NFC); old zips and lists hold the bytes
of a Korean, Japanese, Chinese or western code page and do not say which. Names are kept in NFC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_RARE = 0.3  # a character that a code page has, but that hardly stands in a name
_EAST_ASIAN = ("cp949", "cp932", "gbk", "big5")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run
_SAMPLE_BYTES, _SAMPLE_NAMES = 1 << 16, 2000


def normal_name(name: str) -> str:
    """Write a name with whole characters (NFC): what two systems write differently becomes one name."""
    return unicodedata.normalize("NFC", name)


def search_key(text: str) -> str:
    """Fold a text for comparing without regard to case: ``STRASSE`` finds ``Straße``."""
    return text.lower() if text.isascii() else normal_name(normal_name(text).casefold())


def harmless_cell(value: Any) -> Any:
    """Write a table's cell so that a spreadsheet does not take it for a formula: strangers wrote it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


def find_file(folders: Sequence[Path], name: str) -> Path:
    """Find a file that a table names, as another system wrote its name; the first folder's where none has it.

    Tried are the name itself, ``\\`` for ``/``, and whole or decomposed characters.
    """
    forms = [name, name.replace("\\", "/")]
    forms += [unicodedata.normalize(form, forms[1]) for form in ("NFC", "NFD")]
    places = [folder / each for folder in folders for each in dict.fromkeys(forms)]
    return next((place for place in places if place.is_file()), folders[0] / forms[1])


def decode_names(names: Iterable[bytes]) -> list[str]:
    """Decode names of one origin by the code page that all of them make most sense in.

    UTF-8 where it is; else of the code pages below the one whose characters are the most usual in a name,
    and the first of equals. What makes no sense in it is cp437, as the zip standard has it.
    """
    raw = list(names)
    foreign = [name for name in raw if not name.isascii()]
    sample = foreign[:_SAMPLE_NAMES]
    page = "utf-8" if _is_utf8(foreign) else max(_PAGES, key=lambda page: _sense(sample, page))
    return [_decode(name, page) for name in raw]


def decode_text(data: bytes) -> str:
    """Decode a text file as Excel, PowerShell and editors save it: UTF-8, UTF-16, or an East Asian code page.

    Raises
    ------
    UnicodeDecodeError
        If it is none of them.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    head = data[:1000]
    for zeros, page in ((head[1::2], "utf-16-le"), (head[::2], "utf-16-be")):
        if len(head) >= 4 and zeros.count(0) > 0.9 * len(zeros) and head.count(0) <= 0.6 * len(head):
            return data.decode(page)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        sample = data[:_SAMPLE_BYTES].rpartition(b"\n")[0] or data
        page = max(_EAST_ASIAN, key=lambda page: _sense([sample], page))
        if _sense([sample], page) <= 2 * _RARE:
            raise
        return data.decode(page)


def _decode(name: bytes, page: str) -> str:
    try:
        return name.decode(page)
    except UnicodeDecodeError:
        return name.decode("cp437")  # has a character for every byte


def _is_utf8(names: Iterable[bytes]) -> bool:
    try:
        return all(isinstance(name.decode(), str) for name in names)
    except UnicodeDecodeError:
        return False


def _sense(names: Sequence[bytes], page: str) -> float:
    """How usual the foreign characters are in names, by bytes: 0 to 1, -1 where a byte is none at all."""
    score = length = 0.0
    for name in names:
        try:
            text = name.decode(page)
        except UnicodeDecodeError:
            return -1.0
        if any(unicodedata.category(c) in ("Cc", "Co", "Cn") and not c.isspace() for c in text):
            return -1.0
        for word in re.findall(r"[^\W\d_]+|.", text):
            for character in word:
                if not character.isascii():
                    written = character.encode(page)
                    length += len(written)
                    score += len(written) * _PAGES[page](written, word)
    return score / length if length else 1.0


def _korean(written: bytes, _word: str) -> float:
    if written[0] > 0xC8:
        return _RARE
    return 1.0 if written[0] >= 0xB0 and written[-1] >= 0xA1 else 0.9  # of KS X 1001, or added by Windows


def _japanese(written: bytes, _word: str) -> float:
    if len(written) == 1:
        return _RARE  # half-width katakana: what Hangul and Chinese look like
    return 1.0 if 0x81 <= written[0] <= 0x97 else 0.8  # kana and kanji of level 1, or rarer ones


def _simplified(written: bytes, _word: str) -> float:
    return 1.0 if 0xB0 <= written[0] <= 0xD7 and written[-1] >= 0xA1 else _RARE  # level 1 of GB 2312


def _traditional(written: bytes, _word: str) -> float:
    return 0.95 if 0xA4 <= written[0] <= 0xC6 else _RARE  # level 1 of Big5


def _russian(_written: bytes, word: str) -> float:
    return 0.95 if all("А" <= letter <= "ё" for letter in word) else 0.0


def _western(_written: bytes, word: str) -> float:
    return 1.1 if 0 < sum(not letter.isascii() for letter in word) < len(word) / 2 else 0.0


_PAGES: Mapping[str, Callable[[bytes, str], float]] = {
    "cp949": _korean, "cp932": _japanese, "gbk": _simplified, "big5": _traditional, "cp866": _russian,
    "cp437": _western,
}  # fmt: skip
