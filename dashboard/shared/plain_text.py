"""Show what people typed as text where Streamlit takes Markdown: labels, messages, captions, options.

A note may hold an image (every visitor's browser would fetch a foreign address) or a link that imitates a sign-in.
Backslashes stop what CommonMark parses; what the page looks for in the finished text as well (addresses, ``:icon:``,
``->``) is broken by a word joiner, which nobody sees.
"""

from __future__ import annotations

import re

from dashboard.shared.texts import translate_sentence

_JOINER = "\u2060"
_MARKUP = re.compile(r"[\\`*\[\]<>|$~&]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK = re.compile(r"^(\d+(?=[.)])|(?=[#+=-]))")  # a list, a heading or a rule begins so
_IN_TEXT = re.compile(
    r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?<=\S)(?=@)|(?<=-)(?=[->])|(?<=[<>~])(?=[=-])", re.IGNORECASE
)


def writable(text: str) -> str:
    r"""Write what is no character as ``\udce9``, such as a byte of a file's name: no page can hold it as it is."""
    return text.encode("utf-8", "backslashreplace").decode()


def as_text(value: object, most: int | None = None) -> str:
    """Escape text of any origin, errors in the visitor's language; line breaks become spaces.

    Parameters
    ----------
    most
        Characters that are shown; the rest is an ellipsis.
    """
    text = " ".join(writable(_said(value)).split())
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    text = _IN_TEXT.sub(_JOINER, text)
    start = _BLOCK.match(text)
    head = (start[0] + "\\") if start else ""
    return head + _MARKUP.sub(r"\\\g<0>", text[len(start[0]) if start else 0 :])


def as_code(value: object) -> str:
    """Set text in the typeface of code; whatever it holds, backticks too, stays within."""
    text = " ".join(writable(str(value)).split()).replace(":material/", f":{_JOINER}material/")
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def without_links(markdown: str) -> str:
    """Keep the structure of a foreign document (headings, tables), but no link, image or HTML."""
    return re.sub(
        r"[\[<$]", r"\\\g<0>", re.sub(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?<=\S)(?=@)", _JOINER, markdown)
    )


def without_folders(value: object) -> str:
    """Keep the names of files in a sentence or an error, as `as_text`, and not where on the server they lie."""
    return re.sub(r"[^\s(]*[/\\](?=[\w.-]+)", "", _said(value))


def _said(value: object) -> str:
    return translate_sentence(value) if isinstance(value, Exception) else str(value)
