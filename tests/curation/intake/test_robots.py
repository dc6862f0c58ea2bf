"""What hosts ask of crawlers, read from a real server."""

from email.message import Message

import pytest

from curation.intake.addresses import parse_url
from curation.intake.fetching import FetchLimits
from curation.intake.robots import MAX_ROBOTS_BYTES, Permission, RobotsRules, opts_out, product_token
from tests.curation.intake.web_server import WebServer

AGENT = "Sketch2FaceStudio/1.0 (test)"
LIMITS = FetchLimits(allow_private=True, ports=((1, 65535),))


def ask(web: WebServer, path: str = "private/1.jpg", rules: RobotsRules | None = None) -> Permission:
    rules = rules or RobotsRules(LIMITS, user_agent=AGENT, pause=lambda _: None)
    return rules.permission(parse_url(web.url(path), ports=LIMITS.ports))


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /private/", False),
        ("User-agent: *\nDisallow: /private/\nAllow: /private/1", True),
        ("User-agent: OtherBot\nDisallow: /", True),
        ("User-agent: sketch2facestudio\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Sketch2FaceStudio\nDisallow:", True),
        ("User-agent: *\nDisallow: /*.jpg$", False),
        ("<html>no robots here</html>", True),
        ("\ufeffUser-agent: *\nDisallow: /", False),
    ],
)
def test_the_rules_for_us_are_followed(web: WebServer, robots: str, allowed: bool) -> None:
    web.robots = robots
    assert ask(web).is_allowed is allowed


@pytest.mark.parametrize("status", [404, 410, 401, 403])
def test_a_site_without_rules_allows_everything(web: WebServer, status: int) -> None:
    web.robots = status
    assert ask(web) == Permission(True)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_rules_that_cannot_be_had_forbid_everything_for_now(web: WebServer, status: int) -> None:
    web.robots = status
    assert ask(web) == Permission(False, is_reachable=False)
    assert web.asked["robots.txt"] == 3


def test_a_site_is_asked_once(web: WebServer) -> None:
    web.robots = "User-agent: *\nDisallow: /private/"
    rules = RobotsRules(LIMITS, user_agent=AGENT)
    assert [ask(web, path, rules).is_allowed for path in ("private/1", "open/1", "private/2")] == [
        False,
        True,
        False,
    ]
    assert web.asked["robots.txt"] == 1


def test_of_an_endless_file_the_start_counts(web: WebServer) -> None:
    web.robots = "User-agent: *\nDisallow: /private/\n" + "# padding\n" * (MAX_ROBOTS_BYTES // 5)
    assert not ask(web).is_allowed
    assert ask(web, "open/1").is_allowed


def test_a_crawl_delay_is_read_and_capped(web: WebServer) -> None:
    web.robots = "User-agent: *\nCrawl-delay: 2.5"
    assert ask(web).crawl_delay_s == 2.5
    web.robots = "User-agent: *\nCrawl-delay: 86400"
    assert ask(web).crawl_delay_s == 60


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"X-Robots-Tag": "noai"}, "X-Robots-Tag: noai"),
        ({"X-Robots-Tag": "NoIndex, NoImageAI"}, "X-Robots-Tag: noimageai"),
        ({"X-Robots-Tag": "noindex, nofollow"}, None),
        ({"X-Robots-Tag": "otherbot: noai"}, None),
        ({"X-Robots-Tag": "sketch2facestudio: noai"}, "X-Robots-Tag: noai"),
        ({"X-Robots-Tag": "otherbot: noindex, noai"}, None),
        ({"X-Robots-Tag": "unavailable_after: 25 Jun 2010 15:00:00 PST, noai"}, "X-Robots-Tag: noai"),
        ({"TDM-Reservation": "1"}, "TDM-Reservation: 1"),
        ({"TDM-Reservation": "0"}, None),
    ],
)
def test_headers_that_keep_a_picture_out_of_training_sets(
    headers: dict[str, str], expected: str | None
) -> None:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert opts_out(message, AGENT) == expected


def test_every_one_of_several_headers_is_read() -> None:
    message = Message()
    message["X-Robots-Tag"] = "otherbot: noai"
    message["X-Robots-Tag"] = "noimageai"
    assert opts_out(message, AGENT) == "X-Robots-Tag: noimageai"


def test_robots_files_call_us_by_our_name() -> None:
    assert product_token(AGENT) == "Sketch2FaceStudio"
