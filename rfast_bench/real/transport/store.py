"""Where the workers of a run meet: torch's key-value store over TCP, whose types its public module does not export."""

from __future__ import annotations

from torch._C._distributed_c10d import PrefixStore, Store, TCPStore

__all__ = ["PrefixStore", "Store", "TCPStore"]
