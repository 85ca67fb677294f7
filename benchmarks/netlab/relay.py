"""Carries packets between TUN devices, each after a delay: latency for kernels without netem.

    relay.py SECONDS DEVICE...

Makes the devices, says `ready` when they are there, and ends with its standard input. Device k is host k: packets
go by the last byte of their IPv4 destination, which is k + 1. The devices vanish with this process.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

MAKE_DEVICE = 0x400454CA
"""Linux's TUNSETIFF."""
TUN, BARE = 0x0001, 0x1000  # IP packets, without a header of the driver's own
AT_ONCE = 64
"""Packets taken from one device before the others get their turn."""
MOST = 100_000
"""Packets under way; more are dropped, as a router's full queue does."""


def open_device(name: str) -> int:
    """A new TUN device; read and write packets on the descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, MAKE_DEVICE, struct.pack("16sH22x", name.encode(), TUN | BARE))
    return device


class Relay:
    """All packets wait equally long, so a queue holds them in the order of leaving."""

    def __init__(self, devices: list[int], delay: float) -> None:
        self._devices, self._delay = devices, delay
        self._under_way: deque[tuple[float, int, bytes]] = deque()

    def wait(self) -> float:
        """Seconds until the next packet is due; at most one."""
        return max(0.0, min(1.0, self._under_way[0][0] - time.monotonic())) if self._under_way else 1.0

    def take(self, device: int) -> None:
        """Packets that a host has sent."""
        for _ in range(AT_ONCE):
            try:
                packet = os.read(device, 65535)
            except OSError:  # none left
                return
            host = packet[19] - 1 if packet[0] >> 4 == 4 else -1
            if 0 <= host < len(self._devices) and len(self._under_way) < MOST:
                self._under_way.append((time.monotonic() + self._delay, host, packet))

    def deliver(self) -> None:
        """Packets that are due."""
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _, host, packet = self._under_way.popleft()
            try:
                os.write(self._devices[host], packet)
            except OSError:  # the host's queue is full or its device is down: lost, as on any network
                continue


def main(delay: float, names: list[str]) -> None:
    """Until the standard input is closed."""
    devices = [open_device(name) for name in names]
    relay, poll = Relay(devices, delay), select.epoll()
    for source in (*devices, sys.stdin.fileno()):
        poll.register(source, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for source, _ in poll.poll(relay.wait()):
            if source == sys.stdin.fileno():
                return
            relay.take(source)
        relay.deliver()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
