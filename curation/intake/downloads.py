"""Download a list of pictures into the library: politely, within limits, and resumably.

A few threads fetch, each of them one file at a time, which it takes into the library before the next.
Every outcome is noted in the library's ``jobs/downloads.jsonl``; a second run over the same list skips
what has ended and tries again what failed for a passing reason.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.atomic_files import append_line
from core.untrusted_files import read_json_lines
from curation.intake.addresses import AddressRefused, FetchFailed, WebAddress, parse_url
from curation.intake.fetching import FetchLimits, fetch
from curation.intake.ingestion import IntakeResult, ingest_bytes
from curation.intake.pacing import HostQueue, HostRequest, RateLimiter
from curation.intake.robots import RobotsRules, opts_out
from curation.intake.url_lists import UrlEntry
from curation.library.records import Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

USER_AGENT = "Sketch2FaceStudio/1.0 (collects pictures for training; obeys robots.txt)"
MOMENT_S = 0.05  # a reserved moment that is later than this is reserved anew
ANSWERS_AHEAD = 100
SITE_IN_TROUBLE = frozenset({"http_429", "http_503"})


@dataclass(frozen=True)
class DownloadConfig(FetchLimits):
    """How a list is downloaded, besides what one file may cost."""

    workers: int = 4  # files fetched at once
    interval_s: float = 0.25  # seconds between two requests to the same host; robots.txt may ask for more
    attempts: int = 4  # how often a URL is tried in one run
    # Pause before the second try; it doubles with each further one, up to ``max_pause_s``, and is shortened at random
    # by up to half. A longer ``Retry-After`` is not waited for: the URL is left to the next run.
    backoff_s: float = 1.0
    max_pause_s: float = 60.0
    # obey_robots, respect_opt_outs: robots.txt; ``X-Robots-Tag: noai`` and its like.
    obey_robots: bool = True
    respect_opt_outs: bool = True
    user_agent: str = USER_AGENT

    def rules(self) -> str:
        """Whatever decides what is refused, in short: under other rules a refusal is looked at again."""
        ports = ",".join(f"{low}-{high}" for low, high in self.ports)
        return f"{self.max_bytes} {ports} {self.reaches_private():d}{self.obey_robots:d}{self.respect_opt_outs:d}"


Settle = Callable[[UrlEntry, bytes | IntakeResult], IntakeResult]


class DownloadPool:
    """Fetches entries whose URLs `parse_url` let pass.

    Parameters
    ----------
    settle
        Called in a pool's thread with a file, or with the answer where there is none; takes the file into
        the library and notes what became of it.
    """

    def __init__(self, entries: list[UrlEntry], config: DownloadConfig, settle: Settle) -> None:
        self._config = config
        self._settle = settle
        self._limiter = RateLimiter(config.interval_s)
        self._stopped = threading.Event()
        self._robots = RobotsRules(
            config,
            user_agent=config.user_agent,
            backoff_s=config.backoff_s,
            pause=self._stopped.wait,
            before_fetch=self._wait_turn,
        )
        hosts = [(parse_url(entry.url, ports=config.ports).host, entry) for entry in entries]
        self._queue = HostQueue(hosts, self._limiter)
        self._total = len(entries)
        self._answers: queue.Queue[IntakeResult | BaseException] = queue.Queue(maxsize=ANSWERS_AHEAD)
        self._settling = 0
        self._settled = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"download-{number}")
            for number in range(min(config.workers, len(entries)))
        ]

    def answers(self) -> Generator[IntakeResult, None, None]:
        """One an entry, in the order they are settled; raises what a thread raised."""
        for thread in self._threads:
            thread.start()
        for _ in range(self._total):
            answer = self._answers.get()
            if isinstance(answer, BaseException):
                raise answer
            yield answer

    def stop(self) -> None:
        """Fetch nothing more, and wait for what is on its way into the library.

        A thread that waits for a slow host ends by itself when its time is over, and changes nothing.
        """
        self._stopped.set()
        self._queue.close()
        with self._settled:
            self._settled.wait_for(lambda: self._settling == 0)

    def _work(self) -> None:
        while (request := self._queue.take()) is not None:
            try:
                found = self._try(request)
                if found is None:
                    continue
                self._queue.done()
                answer: IntakeResult | BaseException | None = self._settle_unless_stopped(request.task, found)
            except BaseException as error:  # the disk, or a defect of ours: the caller hears of it
                answer = error
            if answer is not None:
                self._hand_over(answer)

    def _settle_unless_stopped(self, entry: UrlEntry, found: bytes | IntakeResult) -> IntakeResult | None:
        with self._settled:
            if self._stopped.is_set():
                return None
            self._settling += 1
        try:
            return self._settle(entry, found)
        finally:
            with self._settled:
                self._settling -= 1
                self._settled.notify_all()

    def _hand_over(self, answer: IntakeResult | BaseException) -> None:
        while not self._stopped.is_set():
            try:
                self._answers.put(answer, timeout=0.1)
                return
            except queue.Full:
                continue

    def _try(self, request: HostRequest[UrlEntry]) -> bytes | IntakeResult | None:
        """One attempt: the file, or why there is none, or None when the URL is to be tried again."""
        entry = request.task
        hops: list[WebAddress] = []
        try:
            found = fetch(
                entry.url,
                self._config,
                user_agent=self._config.user_agent,
                before_hop=lambda address: self._ask(address, hops, request.interval_s),
            )
        except FetchFailed as failed:
            if failed.code in SITE_IN_TROUBLE and hops:
                pause = self._pause(request.attempt, failed.retry_after_s)
                self._limiter.leave_alone(hops[-1].host, min(pause, self._config.max_pause_s))
            return self._after_failure(request, failed)
        if self._config.respect_opt_outs:
            header = opts_out(found.headers, self._config.user_agent)
            if header is not None:
                sentence = f"The host keeps this picture out of training sets ({header})."
                return IntakeResult(entry.url, "refused", "", "opted_out", sentence)
        return found.data

    def _ask(self, address: WebAddress, hops: list[WebAddress], reserved_interval_s: float) -> None:
        """Robots rules and pace, before every hop.

        The queue has reserved a moment for the first hop. It is gone if the rules had to be waited for,
        or ask for a slower pace than was known then.
        """
        if self._stopped.is_set():
            raise FetchFailed("stopped", "The download was stopped.", passing=True)
        reserved = time.monotonic()
        if self._config.obey_robots:
            permission = self._robots.permission(address)
            if not permission.is_reachable:
                raise FetchFailed(
                    "robots_unreachable",
                    f"{address.host} does not show its robots.txt now, so nothing is fetched from it.",
                    passing=True,
                )
            if not permission.is_allowed:
                raise FetchFailed("robots", f"{address.host} does not want this fetched (robots.txt).")
            if permission.crawl_delay_s:
                self._limiter.slow_down(address.host, permission.crawl_delay_s)
        is_late = time.monotonic() - reserved > MOMENT_S
        if hops or is_late or self._limiter.interval_s(address.host) > reserved_interval_s:
            self._wait_turn(address)
        hops.append(address)

    def _wait_turn(self, address: WebAddress) -> None:
        self._stopped.wait(self._limiter.reserve(address.host))

    def _after_failure(self, request: HostRequest[UrlEntry], failed: FetchFailed) -> IntakeResult | None:
        is_worth_it = failed.passing and failed.code not in ("robots_unreachable", "stopped")
        pause = self._pause(request.attempt, failed.retry_after_s)
        if is_worth_it and request.attempt + 1 < self._config.attempts and pause <= self._config.max_pause_s:
            self._queue.again(request, pause)
            return None
        outcome = "failed" if failed.passing else "refused"
        return IntakeResult(request.task.url, outcome, "", failed.code, str(failed))

    def _pause(self, attempt: int, retry_after_s: float | None) -> float:
        """Seconds before the next try: what the server asks for, or longer and longer."""
        if retry_after_s is not None:
            return retry_after_s
        return min(self._config.backoff_s * 2.0**attempt, self._config.max_pause_s) * random.uniform(0.5, 1.0)


JOURNAL_NAME = "downloads.jsonl"


@dataclass(frozen=True)
class Entry:
    """One line of the journal, ``jobs/downloads.jsonl`` of the library; the last line on a URL counts."""

    url: str
    # ``added``, ``known``, ``deleted``, ``refused``, or ``failed`` where another try may end better.
    outcome: str
    image_id: str = ""
    code: str = ""
    sentence: str = ""
    details: tuple[str, str, str] = ("", "", "")  # licence, author and page that came with the URL
    rules: str = ""  # what a refusal depended on, see `curation.intake.downloads.DownloadConfig.rules`


def read_journal(path: Path) -> dict[str, Entry]:
    """Read the last entry of every URL."""
    found: dict[str, Entry] = {}
    for values in read_json_lines(path):
        with suppress(ValueError, TypeError, KeyError):  # not ours
            licence, author, page = values.pop("details")
            found[values["url"]] = Entry(**values, details=(licence, author, page))
    return found


SOURCE = "url"


def download_list(
    library: Library,
    entries: Sequence[UrlEntry],
    *,
    config: DownloadConfig | None = None,
    uploader: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Generator[IntakeResult, None, None]:
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
    journal = library.files.jobs / JOURNAL_NAME
    known, fresh = read_journal(journal), []

    def answers() -> Iterator[IntakeResult]:
        for entry in wanted:
            answer = _answer_at_once(library, entry, known.get(entry.url), config, uploader)
            if answer is None:
                fresh.append(entry)
            else:
                yield answer
        yield from _fetch_and_take(library, fresh, config, journal, uploader)

    if progress is not None:
        progress(0, len(wanted))
    for done, answer in enumerate(answers(), start=1):
        if progress is not None:
            progress(done, len(wanted))
        yield answer


def _fetch_and_take(
    library: Library, entries: list[UrlEntry], config: DownloadConfig, journal: Path, uploader: str
) -> Iterator[IntakeResult]:
    rules = config.rules()

    def settle(entry: UrlEntry, found: bytes | IntakeResult) -> IntakeResult:
        answer = found if isinstance(found, IntakeResult) else _take(library, entry, found, uploader)
        kept = (answer.outcome, answer.image_id, answer.code, answer.sentence, _details(entry), rules)
        append_line(journal, asdict(Entry(entry.url, *kept)))
        return answer

    pool = DownloadPool(entries, config, settle)
    try:
        yield from pool.answers()
    finally:
        pool.stop()


def _take(library: Library, entry: UrlEntry, data: bytes, uploader: str) -> IntakeResult:
    origin = Provenance(source=SOURCE, name=entry.url, uploader=uploader, **vars(entry))
    return replace(ingest_bytes(library, data, origin), name=entry.url)


def _answer_at_once(
    library: Library, entry: UrlEntry, before: Entry | None, config: DownloadConfig, uploader: str
) -> IntakeResult | None:
    """The answer where none has to be fetched: the URL is none, or an earlier run has its final answer."""
    try:
        parse_url(entry.url, ports=config.ports)
    except AddressRefused as refused:
        return IntakeResult(entry.url, "refused", "", refused.code, str(refused))
    if before is None or before.outcome == "failed":
        return None
    if before.outcome == "refused" and before.rules != config.rules():
        return None
    if before.outcome in ("added", "known"):
        return _known_again(library, entry, before, uploader)
    return IntakeResult(entry.url, before.outcome, before.image_id, before.code, before.sentence)


def _known_again(library: Library, entry: UrlEntry, before: Entry, uploader: str) -> IntakeResult | None:
    """An image that came before; if the list says something else about it now, that is added.

    None where the library has it no longer: fetched again, it is known as deleted for good.
    """
    if not library.files.original(before.image_id).is_file():
        return None
    if before.details == _details(entry):
        return IntakeResult(entry.url, "known", before.image_id)
    return _take(library, entry, library.read_original(before.image_id), uploader)


def _details(entry: UrlEntry) -> tuple[str, str, str]:
    return (entry.licence, entry.author, entry.page)
