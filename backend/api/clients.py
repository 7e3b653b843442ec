"""Who a client is, for what is shared between clients: its address."""

from __future__ import annotations

import ipaddress

NETWORK_BITS = 64  # of an IPv6 address, by which networks are given out: a client has all that are in its own


def client_of(address: str) -> str:
    """The client behind an IP address."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((int(ipaddress.IPv6Address(address)), NETWORK_BITS), strict=False))
