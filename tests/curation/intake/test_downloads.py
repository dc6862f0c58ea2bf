"""Lists downloaded from a real server into a real library."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from core.atomic_files import append_line
from core.config import ROOT
from curation.intake.downloads import DownloadConfig, Entry, download_list, read_journal
from curation.intake.ingestion import IntakeResult
from curation.intake.url_lists import UrlEntry
from curation.library.library import Library
from tests.curation.intake.web_server import WebServer, picture_at

CONFIG = DownloadConfig(
    interval_s=0.0,
    backoff_s=0.01,
    max_bytes=1_000_000,
    read_timeout_s=5,
    total_timeout_s=20,
    ports=((1, 65535),),
    allow_private=True,
)
HASTY = replace(CONFIG, attempts=2, read_timeout_s=0.2, total_timeout_s=0.4)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library") as opened:
        yield opened


def download(library: Library, *urls: str, config: DownloadConfig = CONFIG) -> dict[str, IntakeResult]:
    return {
        answer.name: answer for answer in download_list(library, list(map(UrlEntry, urls)), config=config)
    }


def one(library: Library, url: str, config: DownloadConfig = CONFIG) -> IntakeResult:
    return download(library, url, config=config)[url]


def originals(library: Library) -> list[Path]:
    """Files under their final names; a killed process may leave a temporary one beside them."""
    found = (library.root / "originals").rglob("*")
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def test_pictures_come_into_the_library_with_where_they_come_from(library: Library, web: WebServer) -> None:
    entries = [
        UrlEntry(web.url("picture/1"), "CC0", "Ann", "http://gallery.example/1"),
        UrlEntry(web.url("picture/2")),
    ]
    seen: list[tuple[int, int]] = []
    answers = list(download_list(library, entries, config=CONFIG, progress=lambda *step: seen.append(step)))
    assert [answer.outcome for answer in answers] == ["added", "added"]
    by_name = {answer.name: answer for answer in answers}
    data = picture_at("/picture/1")
    assert by_name[entries[0].url].image_id == hashlib.sha256(data).hexdigest()
    assert library.read_original(by_name[entries[0].url].image_id) == data
    (origin,) = library.provenance(by_name[entries[0].url].image_id)
    assert (origin.source, origin.url, origin.licence, origin.author) == ("url", entries[0].url, "CC0", "Ann")
    assert origin.page == "http://gallery.example/1"
    assert seen[-1] == (2, 2)


def test_what_is_no_picture_is_refused_and_kept_nowhere(library: Library, web: WebServer) -> None:
    answer = one(library, web.url("html.jpg"))
    assert answer.outcome == "refused"
    assert answer.code in ("active_content", "not_a_picture")
    assert originals(library) == []


@pytest.mark.parametrize(
    ("path", "outcome", "code"),
    [
        ("endless", "refused", "too_large"),
        ("gzip_bomb", "refused", "too_large"),
        ("loop", "refused", "too_many_redirects"),
        ("forbidden", "refused", "http_403"),
        ("noai", "refused", "opted_out"),
        ("busy_for_long", "failed", "http_503"),
        ("broken", "failed", "broken_connection"),
    ],
)
def test_every_failure_has_its_code(
    library: Library, web: WebServer, path: str, outcome: str, code: str
) -> None:
    answer = one(library, web.url(path))
    assert (answer.outcome, answer.code) == (outcome, code)
    assert answer.sentence.endswith(".")
    assert originals(library) == []


def test_a_slow_file_is_tried_again_and_then_left_to_the_next_run(library: Library, web: WebServer) -> None:
    answer = one(library, web.url("slow"), HASTY)
    assert (answer.outcome, answer.code) == ("failed", "timeout")
    assert web.asked["slow"] == 2


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_server_in_trouble_is_asked_again(library: Library, web: WebServer, status: int) -> None:
    web.flaky_status = status
    assert one(library, web.url("flaky")).outcome == "added"
    assert web.asked["flaky"] == 3


def test_a_file_cut_short_is_fetched_again(library: Library, web: WebServer) -> None:
    assert one(library, web.url("cut_short")).outcome == "added"


def test_retry_after_is_honoured(library: Library, web: WebServer) -> None:
    web.flaky_headers = {"Retry-After": "1"}
    started = time.monotonic()
    assert one(library, web.url("flaky"), replace(CONFIG, backoff_s=0.0)).outcome == "added"
    assert time.monotonic() - started >= 2  # two refusals, a second each: a lower bound holds on any machine


def test_a_longer_retry_after_than_we_wait_for_ends_the_try_at_once(library: Library, web: WebServer) -> None:
    assert one(library, web.url("busy_for_long")).outcome == "failed"
    assert web.asked["busy_for_long"] == 1


def test_robots_rules_are_obeyed_unless_they_are_switched_off(library: Library, web: WebServer) -> None:
    web.robots = "User-agent: *\nDisallow: /private/"
    answers = download(library, web.url("private/1"), web.url("open/1"))
    assert answers[web.url("private/1")].code == "robots"
    assert answers[web.url("open/1")].outcome == "added"
    assert web.asked["private/1"] == 0
    assert one(library, web.url("private/1"), replace(CONFIG, obey_robots=False)).outcome == "added"


def test_a_redirect_does_not_lead_around_robots_rules(library: Library, web: WebServer) -> None:
    web.robots = "User-agent: *\nDisallow: /private/"
    web.redirects = {"redirect": "/private/1"}
    assert one(library, web.url("redirect")).code == "robots"


def test_opt_outs_may_be_overruled(library: Library, web: WebServer) -> None:
    assert one(library, web.url("noai"), replace(CONFIG, respect_opt_outs=False)).outcome == "added"


def test_private_addresses_need_the_setting(
    library: Library, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_setting = replace(CONFIG, allow_private=None)
    assert one(library, web.url("picture"), by_setting).code == "private_address"
    assert web.asked.total() == 0
    monkeypatch.setenv("STUDIO_ALLOW_PRIVATE_ADDRESSES", "1")
    assert one(library, web.url("picture"), by_setting).outcome == "added"


def test_bad_urls_are_answered_without_a_request(library: Library, web: WebServer) -> None:
    answers = download(library, "file:///etc/passwd", "nonsense", "http://a@b.example/", web.url("picture"))
    assert [answer.code for answer in answers.values()] == ["bad_scheme", "bad_scheme", "credentials", ""]


def test_visits_to_one_host_keep_their_distance(library: Library, web: WebServer) -> None:
    urls = [web.url(f"picture/{number}") for number in range(5)]
    download(library, *urls, config=replace(CONFIG, interval_s=0.1))
    moments = sorted(web.moments)
    assert all(later - earlier >= 0.05 for earlier, later in zip(moments, moments[1:], strict=False))
    assert moments[-1] - moments[0] >= 0.35


def test_a_second_run_asks_for_nothing_that_has_ended(library: Library, web: WebServer) -> None:
    urls = [web.url("picture/1"), web.url("html.jpg"), web.url("forbidden")]
    first = download(library, *urls)
    asked = web.asked.total()
    second = download(library, *urls)
    assert web.asked.total() == asked
    assert second[urls[0]] == replace(first[urls[0]], outcome="known")
    assert second[urls[1]] == first[urls[1]]
    assert second[urls[2]] == first[urls[2]]


def test_a_second_run_tries_again_what_failed_for_a_passing_reason(library: Library, web: WebServer) -> None:
    assert one(library, web.url("flaky"), replace(CONFIG, attempts=1)).outcome == "failed"
    assert one(library, web.url("flaky")).outcome == "added"


def test_rules_of_a_site_that_cannot_be_had_are_asked_for_in_the_next_run(
    library: Library, web: WebServer
) -> None:
    web.robots = 500
    quick = replace(CONFIG, attempts=1)
    assert one(library, web.url("picture/6"), quick).code == "robots_unreachable"
    web.robots = 404
    assert one(library, web.url("picture/6"), quick).outcome == "added"


def test_new_details_of_a_known_url_are_added_without_a_request(library: Library, web: WebServer) -> None:
    url = web.url("picture")
    answer = one(library, url)
    asked = web.asked.total()
    list(download_list(library, [UrlEntry(url, licence="CC0", author="Ann")], config=CONFIG))
    assert web.asked.total() == asked
    assert {origin.licence for origin in library.provenance(answer.image_id)} == {"", "CC0"}


def test_an_image_that_was_deleted_for_good_does_not_come_back(library: Library, web: WebServer) -> None:
    url = web.url("picture")
    library.delete_for_good([one(library, url).image_id], who="Ann", why="asked for it")
    for _ in range(2):
        assert one(library, url).outcome == "deleted"
    assert originals(library) == []


def test_a_repeated_url_is_fetched_once(library: Library, web: WebServer) -> None:
    url = web.url("picture")
    assert len(list(download_list(library, [UrlEntry(url), UrlEntry(url)], config=CONFIG))) == 1
    assert web.asked["picture"] == 1


def test_closing_the_generator_stops_and_keeps_what_was_done(library: Library, web: WebServer) -> None:
    urls = [web.url(f"picture/{number}") for number in range(30)]
    running = download_list(library, list(map(UrlEntry, urls)), config=CONFIG)
    first = next(running)
    running.close()
    assert web.asked.total() < 30
    again = download(library, *urls)
    assert again[first.name] == replace(first, outcome="known")
    assert len(originals(library)) == 30


def test_a_crawl_delay_holds_from_the_first_file_on(library: Library, web: WebServer) -> None:
    web.robots = "User-agent: *\nCrawl-delay: 0.3"
    download(library, *[web.url(f"picture/{number}") for number in range(4)])
    moments = sorted(web.moments)
    assert moments[-1] - moments[0] >= 0.8


def test_a_library_that_cannot_be_written_ends_the_download(library: Library, web: WebServer) -> None:
    class Full:
        """The library on a disk that is full."""

        root, files = library.root, library.files

        def add_many(self, arrivals: object) -> list[str]:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        list(download_list(Full(), [UrlEntry(web.url("picture"))], config=CONFIG))
    assert one(library, web.url("picture")).outcome == "added"


def test_a_torn_line_of_the_journal_costs_that_line_only(tmp_path: Path) -> None:
    path = tmp_path / "downloads.jsonl"
    append_line(path, asdict(Entry("http://a/1", "added", "1" * 64)))
    with path.open("ab") as file:
        file.write(b'{"url": "http://a/2", "outc')
    append_line(path, asdict(Entry("http://a/3", "refused", code="http_404")))
    assert set(read_journal(path)) == {"http://a/1", "http://a/3"}


RUN = """
import sys
from pathlib import Path
from curation.intake.downloads import download_list
from curation.intake.url_lists import UrlEntry
from curation.library.library import Library
from tests.curation.intake.test_downloads import CONFIG
if __name__ == "__main__":
    with Library.open(Path(sys.argv[1])) as library:
        for answer in download_list(library, [UrlEntry(url) for url in sys.argv[2:]], config=CONFIG):
            print(answer.outcome, flush=True)
"""


def test_a_killed_download_loses_nothing_and_fetches_nothing_twice(tmp_path: Path, web: WebServer) -> None:
    urls = [web.url(f"picture/{number}") for number in range(12)]
    command = [sys.executable, "-c", RUN, str(tmp_path / "library"), *urls]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for answers_before_death in (1, 3, 4):
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            for _ in range(answers_before_death):
                assert run.stdout.readline()
            run.send_signal(signal.SIGKILL)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) == 12
    with Library.open(tmp_path / "library") as library:
        assert len(originals(library)) == len(library.table()) == 12
        assert all(len(origins) == 1 for origins in library.provenances(library.table().index).values())
        lines = (library.files.jobs / "downloads.jsonl").read_text().splitlines()
    urls_noted = [json.loads(line)["url"] for line in lines]
    assert sorted(set(urls_noted)) == sorted(urls)
    # Beyond each file once: what was on its way at three deaths, in four threads and a queue.
    assert sum(web.asked[f"picture/{number}"] for number in range(12)) <= 12 + 3 * 7
