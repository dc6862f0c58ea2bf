"""Download a list of pictures into the library: politely, within limits, and resumably.

A few threads fetch, each of them one file at a time, which it takes into the library before the next.
Every outcome is noted in the library's ``jobs/downloads.jsonl``; a second run over the same list skips
what has ended and tries again what failed for a passing reason.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from curation.intake.addresses import AddressRefused, parse_url
from curation.intake.download_crew import Crew, DownloadConfig
from curation.intake.download_journal import DownloadJournal, Entry
from curation.intake.take import Answer, take_bytes
from curation.intake.url_lists import UrlEntry
from curation.library.records import Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

SOURCE = "url"

__all__ = ["DownloadConfig", "download_list"]


def download_list(
    library: Library,
    entries: Sequence[UrlEntry],
    *,
    config: DownloadConfig | None = None,
    uploader: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Generator[Answer, None, None]:
    """Fetch every URL once and put what proves to be a picture into the library.

    Close the generator to stop early; what was done stays done.

    Parameters
    ----------
    uploader
        Who asked for it; part of each image's provenance.

    Yields
    ------
    Answer
        One a URL, named by it, in the order they end. ``failed`` is an outcome that the next run tries
        again; ``refused`` is final.

    Raises
    ------
    OSError
        If the library cannot be written.
    """
    config = config or DownloadConfig()
    wanted = list({entry.url: entry for entry in reversed(entries)}.values())[::-1]
    journal = DownloadJournal(library.files.jobs)
    try:
        known, fresh, done = journal.read(), [], 0
        for entry in wanted:
            answer = _answer_at_once(library, entry, known.get(entry.url), config, uploader)
            if answer is None:
                fresh.append(entry)
                continue
            done += 1
            if progress is not None:
                progress(done, len(wanted))
            yield answer
        if progress is not None:
            progress(done, len(wanted))
        for answer in _fetch_and_take(library, fresh, config, journal, uploader):
            done += 1
            if progress is not None:
                progress(done, len(wanted))
            yield answer
    finally:
        journal.close()


def _fetch_and_take(
    library: Library, entries: list[UrlEntry], config: DownloadConfig, journal: DownloadJournal, uploader: str
) -> Iterator[Answer]:
    rules = config.rules()

    def settle(entry: UrlEntry, found: bytes | Answer) -> Answer:
        answer = found if isinstance(found, Answer) else _take(library, entry, found, uploader)
        journal.append(
            Entry(
                entry.url,
                answer.outcome,
                answer.image_id,
                answer.code,
                answer.sentence,
                details=_details(entry),
                rules=rules,
            )
        )
        return answer

    crew = Crew(entries, config, settle)
    try:
        yield from crew.answers()
    finally:
        crew.stop()


def _take(library: Library, entry: UrlEntry, data: bytes, uploader: str) -> Answer:
    origin = Provenance(
        source=SOURCE,
        name=entry.url,
        url=entry.url,
        page=entry.page,
        licence=entry.licence,
        author=entry.author,
        uploader=uploader,
    )
    return replace(take_bytes(library, data, origin), name=entry.url)


def _answer_at_once(
    library: Library, entry: UrlEntry, before: Entry | None, config: DownloadConfig, uploader: str
) -> Answer | None:
    """The answer where none has to be fetched: the URL is none, or an earlier run has its final answer."""
    try:
        parse_url(entry.url, ports=config.ports)
    except AddressRefused as refused:
        return Answer(entry.url, "refused", "", refused.code, str(refused))
    if before is None or before.outcome == "failed":
        return None
    if before.outcome == "refused" and before.rules != config.rules():
        return None
    if before.outcome in ("added", "known"):
        return _known_again(library, entry, before, uploader)
    return Answer(entry.url, before.outcome, before.image_id, before.code, before.sentence)


def _known_again(library: Library, entry: UrlEntry, before: Entry, uploader: str) -> Answer | None:
    """An image that came before; if the list says something else about it now, that is added.

    None where the library has it no longer: fetched again, it is known as deleted for good.
    """
    if not library.files.original(before.image_id).is_file():
        return None
    if before.details == _details(entry):
        return Answer(entry.url, "known", before.image_id)
    return _take(library, entry, library.read_original(before.image_id), uploader)


def _details(entry: UrlEntry) -> tuple[str, str, str]:
    return (entry.licence, entry.author, entry.page)
