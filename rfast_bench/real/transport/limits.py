"""What strangers on the network may take of a process: connections, time, memory; each has a bound."""

from __future__ import annotations

import resource

HANDSHAKE = 10_000
"""Milliseconds that a peer has to say who it is."""
BACKLOG = 1024
"""Connections that may wait to be accepted."""
CONNECTIONS = 1 << 16
"""Open files of a process, where the system grants so many: idle connections must not use them up."""
SMALLEST, MODELS = 1 << 26, 64
"""A frame may have so many bytes, or as many as so many models have."""


def largest(model_bytes: float) -> int:
    """Bytes of the largest frame that is sent or let in."""
    return max(SMALLEST, round(MODELS * model_bytes))


def make_room() -> None:
    """Let this process have as many files open as the system grants, for each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
