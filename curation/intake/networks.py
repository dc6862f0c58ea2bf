"""Which IP addresses lie in the public internet, and which no download may ever reach."""

from __future__ import annotations

import ipaddress

# Public by the registries, but nothing that a picture can lie on; the rest is known to `ipaddress`.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # a cloud's own service, seen from inside its machines only
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "64:ff9b:1::/48",  # translation into local networks
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)
# Where clouds hand out keys to their own machines. No setting opens these: no picture lies there.
_METADATA = tuple(
    ipaddress.ip_network(network)
    for network in (
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public internet: no machine, network or service of our own.

    IPv4 addresses wrapped in IPv6 (mapped, NAT64) are judged by the address inside.

    >>> is_public("93.184.216.34"), is_public("::ffff:10.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    ip = _unwrapped(address)
    if ip is None:
        return False
    is_special = ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local
    return ip.is_global and not is_special and not any(ip in network for network in _NEVER)


def is_metadata(address: str) -> bool:
    """Whether an IP address is (or wraps) one where a cloud tells its machines their secrets."""
    ip = _unwrapped(address)
    return ip is not None and any(ip in network for network in _METADATA)


def _unwrapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that counts; None for what is none, or has a scope (fe80::1%eth0) and so is local."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return None
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
