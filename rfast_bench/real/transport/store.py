"""Where the workers of a run meet: torch's key-value store over TCP, or in a file, whose types its public module does
not export."""

from __future__ import annotations

from torch._C._distributed_c10d import FileStore, PrefixStore, Store, TCPStore

__all__ = ["FileStore", "PrefixStore", "Store", "TCPStore"]
