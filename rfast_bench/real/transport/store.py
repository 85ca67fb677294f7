"""Where the workers of a run meet: torch's key-value store over TCP, or in a file, whose types its public module does
not export.

Over TCP it knows no password. Left to itself it listens on all of a machine's addresses; here it listens on one.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address

from torch._C._distributed_c10d import FileStore, PrefixStore, Store, TCPStore

from rfast_bench.real.transport.limits import BACKLOG, make_room

__all__ = ["FileStore", "PrefixStore", "Store", "TCPStore", "hosted", "joined"]
ANSWER = 60.0
"""Seconds that a worker waits for what the store was asked."""


def hosted(host: str, port: int, timeout: float) -> TCPStore:
    """Open a store that listens on this address, and port (0: any). Raises OSError and DistError."""
    make_room()
    end = timedelta(seconds=timeout)
    family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if _names_a_loopback(host, str(place[0])):
        return TCPStore(host, port, is_master=True, wait_for_workers=False, timeout=end)
    with socket.create_server((str(place[0]), port), family=family, backlog=BACKLOG) as listening:
        store = TCPStore(
            str(place[0]),
            listening.getsockname()[1],
            is_master=True,
            wait_for_workers=False,
            timeout=end,
            master_listen_fd=listening.fileno(),
        )
        listening.detach()  # it is the store's now
    return store


def joined(environment: Mapping[str, str]) -> TCPStore:
    """The store that a worker's environment names; somebody else hosts it."""
    host, port = environment["MASTER_ADDR"], int(environment["MASTER_PORT"])
    return TCPStore(host, port, is_master=False, timeout=timedelta(seconds=ANSWER))


def _names_a_loopback(host: str, address: str) -> bool:
    """Whether a machine's name leads to its own loopback, as with `127.0.1.1` in `/etc/hosts`: others may well reach
    it by that name, and are to be heard."""
    if host in ("localhost", address):
        return False
    return ip_address(address.partition("%")[0]).is_loopback
