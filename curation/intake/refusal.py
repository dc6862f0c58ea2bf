"""Why a file is not taken: a short code for programs and a sentence for people."""

from __future__ import annotations

from core.errors import UnsafeImage

CODES: dict[str, str] = {
    "empty": "0 bytes",
    "too_many_bytes": "larger than any photo, on disk or unpacked",
    "not_a_picture": "content that is none of the known kinds",
    "other_format": "a picture or film in a format that is not read",
    "active_content": "SVG, HTML, PDF, a script or a program",
    "archive": "an archive where a picture is expected",
    "too_many_pixels": "more pixels than are decoded, known from the header",
    "too_small": "a tracking pixel or spacer",
    "damaged": "cut short or broken",
    "polyglot": "a picture and something else in one file",
    "bomb": "small file, huge effort: scans or packed bytes without end",
    "memory": "decoding takes more memory than is allowed",
    "timeout": "decoding takes more time than is allowed",
    "crashed": "the decoder died",
    "unreadable": "the disk or its permissions do not let it be read",
    "unsafe_name": "a name that leads out of the archive or folder",
    "link": "a link or device in place of a file",
    "encrypted": "needs a password",
    "method": "packed in a way that is not unpacked here",
    "too_many_entries": "an archive of more entries than are listed",
    "overlap": "an archive whose entries share bytes",
    "quota": "the archive unpacks to more than is allowed",
}


class RejectedFile(UnsafeImage):
    """A file is not taken, and nothing of it is kept.

    Attributes
    ----------
    code
        One of `CODES`.
    sentence
        For a person: what it is, and what to do where there is something to do.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)  # both, so that it survives the way out of a worker
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence
