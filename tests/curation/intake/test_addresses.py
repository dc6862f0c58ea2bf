"""Addresses that a download may reach, and the many ways to write one that it may not."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.intake.addresses import AddressRefused, is_public, join_url, parse_url, resolve

PUBLIC = [
    "93.184.216.34", "1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
    "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:81b::200e",
    "::ffff:93.184.216.34", "64:ff9b::5db8:d822",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1",
    "172.31.255.255", "192.168.0.1", "169.254.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:100.64.0.1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:a00:1::", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "ff0e::1", "", "localhost", "1.2.3",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_lead_inside_or_nowhere_are_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_ipv4_address_in_ipv6_changes_nothing(address: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    nat64 = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | int(address))
    assert is_public(str(nat64)) == is_public(str(address))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_registries_call_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(str(address)):
        assert not (
            address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
        )


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_url"),
        ("   ", "bad_url"),
        ("cat.jpg", "bad_scheme"),
        ("//example.org/x", "bad_scheme"),
        ("file:///etc/passwd", "bad_scheme"),
        ("ftp://example.org/x", "bad_scheme"),
        ("gopher://example.org/x", "bad_scheme"),
        ("data:image/png;base64,AAAA", "bad_scheme"),
        ("javascript://example.org/%0aalert(1)", "bad_scheme"),
        ("http://", "bad_url"),
        ("http:///x", "bad_url"),
        ("http://[::1", "bad_url"),
        ("http://[fe80::1%25eth0]/", "bad_url"),
        ("http://exa\tmple.org/", "bad_url"),
        ("http://example.org/\r\nHost: evil", "bad_url"),
        ("http://example.org\\@evil.org/", "bad_url"),
        ("http://example.org/" + "x" * 5000, "bad_url"),
        ("http://me:secret@example.org/", "credentials"),
        ("http://example.org@evil.org/", "credentials"),
        ("http://@evil.org/", "credentials"),
        ("http://example.org:22/", "bad_port"),
        ("http://example.org:0/", "bad_port"),
        ("http://example.org:6379/", "bad_port"),
        ("http://example.org:99999/", "bad_url"),
    ],
)
def test_a_url_that_is_not_fetched_says_why(url: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        parse_url(url)
    assert refused.value.code == code
    assert not refused.value.passing
    assert str(refused.value).endswith((".", "!"))


def test_a_url_is_taken_apart_as_it_will_be_sent() -> None:
    address = parse_url("HTTPS://Bücher.Example:8443/ä b.jpg?q=ö#part")
    assert (address.scheme, address.host, address.port) == ("https", "xn--bcher-kva.example", 8443)
    assert address.target == "/%C3%A4%20b.jpg?q=%C3%B6"
    assert address.site == "https://xn--bcher-kva.example:8443"
    assert parse_url("http://example.org").authority == "example.org"
    assert parse_url("http://[2606:2800::1]:8000/x").authority == "[2606:2800::1]:8000"


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "http://example.org/", "//"]))
def test_whatever_is_written_as_a_url_is_parsed_or_refused(text: str, start: str) -> None:
    try:
        address = parse_url(start + text)
    except AddressRefused:
        return
    assert address.scheme in ("http", "https")
    assert address.target.startswith("/")
    assert address.url.isascii()
    assert not any(character.isspace() for character in address.url)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b.jpg", "http://example.org/b.jpg"),
        ("b.jpg#x", "http://example.org/a/b.jpg"),
        ("//10.0.0.1/x", "http://10.0.0.1/x"),
        ("file:///etc/passwd", "file:///etc/passwd"),
    ],
)
def test_a_redirect_is_joined_to_where_it_comes_from(location: str, url: str) -> None:
    assert join_url(parse_url("http://example.org/a/index"), location) == url


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "localhost", "::1", "0"]
)
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        resolve(host, 80)
    assert refused.value.code == "private_address"
    assert "STUDIO_ALLOW_PRIVATE_ADDRESSES=1" in str(refused.value)


def test_a_setting_lets_this_machine_be_reached() -> None:
    assert resolve("127.0.0.1", 80, allow_private=True) == ("127.0.0.1",)


METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254",
]
METADATA += ["100.100.100.200", "168.63.129.16"]


@pytest.mark.parametrize("host", METADATA)
def test_no_setting_opens_the_metadata_service_of_a_cloud(host: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        resolve(host, 80, allow_private=True)
    assert refused.value.code == "metadata_address"


def answering(*addresses: str):
    def lookup(host: str, port: int, **_: object) -> list[tuple]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return lookup


def test_one_private_address_among_public_ones_spoils_the_name() -> None:
    with pytest.raises(AddressRefused) as refused:
        resolve("rebind.example", 80, lookup=answering("93.184.216.34", "10.0.0.1"))
    assert refused.value.code == "private_address"
    assert resolve("good.example", 80, lookup=answering("93.184.216.34", "1.1.1.1", "1.1.1.1")) == (
        "93.184.216.34",
        "1.1.1.1",
    )


@pytest.mark.parametrize(
    ("errno", "code", "passing"),
    [
        (socket.EAI_NONAME, "unknown_host", False),
        (socket.EAI_AGAIN, "lookup_failed", True),
        (socket.EAI_FAIL, "lookup_failed", True),
    ],
)
def test_a_failed_lookup_says_whether_to_try_again(errno: int, code: str, passing: bool) -> None:
    def lookup(*_: object, **__: object) -> list[tuple]:
        raise socket.gaierror(errno, "no")

    with pytest.raises(AddressRefused) as refused:
        resolve("nowhere.example", 80, lookup=lookup)
    assert (refused.value.code, refused.value.passing) == (code, passing)


def test_a_lookup_that_never_ends_is_given_up() -> None:
    import threading

    never = threading.Event()

    def lookup(*_: object, **__: object) -> list[tuple]:
        never.wait(20)
        return []

    with pytest.raises(AddressRefused) as refused:
        resolve("slow.example", 80, timeout_s=0.01, lookup=lookup)
    never.set()
    assert refused.value.passing
