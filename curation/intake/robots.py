"""What a host asks of programs that visit it: robots.txt (RFC 9309) and opt-outs in its answers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.message import Message

from protego import Protego

from curation.intake.addresses import AddressRefused, FetchFailed, WebAddress
from curation.intake.fetching import FetchLimits, fetch

MAX_ROBOTS_BYTES = 512_000  # RFC 9309 asks for at least 500 KiB
ROBOTS_TIMEOUT_S = 20.0
KEPT_S = 24 * 3600.0
UNREACHABLE_KEPT_S = 60.0
ATTEMPTS = 3
MAX_CRAWL_DELAY_S = 60.0
OPT_OUTS = frozenset({"noai", "noimageai"})
# The site answered that it has no rules, or the picture itself will fail for the same reason.
_MEANS_NO_RULES = ("http_2", "http_4", "too_many_redirects", "bad_certificate")
_WITH_VALUE = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)  # directives of X-Robots-Tag that hold a colon and are no crawler's name


@dataclass(frozen=True)
class Permission:
    """Whether a URL may be fetched, and how slowly."""

    is_allowed: bool
    is_reachable: bool = True  # False where robots.txt could not be had; then nothing may be fetched for now
    crawl_delay_s: float = 0.0  # seconds between two visits that the host asks for; 0 where it does not say


@dataclass
class _Rules:
    """One site's rules. Held while they are fetched, so that they are asked for once."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parsed: Protego | None = None
    is_reachable: bool = True
    until: float = float("-inf")


class RobotsRules:
    """The robots.txt of every site that was asked about, fetched once and kept for a day.

    A missing file (4xx) allows everything; one that cannot be had (5xx, 429, no answer) forbids
    everything until it can, as RFC 9309 says. Of a longer file only the start is read.
    """

    def __init__(
        self,
        limits: FetchLimits,
        *,
        user_agent: str,
        backoff_s: float = 1.0,
        pause: Callable[[float], object] = time.sleep,
        before_fetch: Callable[[WebAddress], None] | None = None,
    ) -> None:
        self._limits = replace(
            limits,
            max_bytes=MAX_ROBOTS_BYTES,
            total_timeout_s=min(limits.total_timeout_s, ROBOTS_TIMEOUT_S),
        )
        self._user_agent = user_agent
        self._name = product_token(user_agent)
        self._backoff_s = backoff_s
        self._pause = pause
        self._before_fetch = before_fetch
        self._sites: dict[str, _Rules] = {}
        self._lock = threading.Lock()

    def permission(self, address: WebAddress) -> Permission:
        """What the rules say about one address."""
        with self._lock:
            rules = self._sites.setdefault(address.site, _Rules())
        with rules.lock:
            if time.monotonic() >= rules.until:
                rules.parsed, rules.is_reachable = self._read(address)
                kept = KEPT_S if rules.is_reachable else UNREACHABLE_KEPT_S
                rules.until = time.monotonic() + kept
            if not rules.is_reachable:
                return Permission(False, is_reachable=False)
            if rules.parsed is None:
                return Permission(True)
            delay = rules.parsed.crawl_delay(self._name) or 0.0
            return Permission(
                bool(rules.parsed.can_fetch(address.url, self._name)),
                crawl_delay_s=min(float(delay), MAX_CRAWL_DELAY_S),
            )

    def _read(self, address: WebAddress) -> tuple[Protego | None, bool]:
        """The parsed file (or None where there is none), and whether the site could be asked."""
        for attempt in range(ATTEMPTS):
            try:
                found = fetch(
                    f"{address.site}/robots.txt",
                    self._limits,
                    user_agent=self._user_agent,
                    accept="text/plain,*/*;q=0.1",
                    before_hop=self._before_fetch,
                    keep_start=True,
                )
                return Protego.parse(found.data.decode("utf-8-sig", "replace")), True
            except FetchFailed as failed:
                if not failed.passing:  # of an address: the file itself will be refused for the same reason
                    is_refused = isinstance(failed, AddressRefused)
                    return None, is_refused or failed.code.startswith(_MEANS_NO_RULES)
            if attempt + 1 < ATTEMPTS:
                self._pause(self._backoff_s * 2.0**attempt * random.uniform(0.5, 1.0))
        return None, False


def product_token(user_agent: str) -> str:
    """The name that robots.txt calls a program by: ``Studio`` of ``Studio/1.0 (...)``."""
    return user_agent.partition("/")[0].strip()


def opts_out(headers: Message, user_agent: str) -> str | None:
    """The header with which a host keeps a picture out of training sets, or None.

    ``X-Robots-Tag: noai`` or ``noimageai``, for everyone or for this program by name, and
    ``TDM-Reservation: 1`` (the W3C community's TDM Reservation Protocol).
    """
    name = product_token(user_agent).lower()
    for value in headers.get_all("X-Robots-Tag", []):
        addressee = ""
        for part in str(value).lower().split(","):
            before, colon, after = part.strip().partition(":")
            directive = part.strip()
            if colon and before.strip() not in _WITH_VALUE:
                addressee, directive = before.strip(), after.strip()
            if directive in OPT_OUTS and addressee in ("", "*", name):
                return f"X-Robots-Tag: {directive}"
    if str(headers.get("TDM-Reservation", "")).strip() == "1":
        return "TDM-Reservation: 1"
    return None
