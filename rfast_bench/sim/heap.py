"""Memory that one vector leaves is wanted by the next at once: the C library is told not to give it back meanwhile."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""As glibc's <malloc.h> numbers them."""
KEPT = 2**30
"""Bytes of free memory at the end of the heap from which some is given back."""
LARGEST = 2**25
"""Bytes from which an array is mapped on its own; glibc allows no more."""


def keep_freed_memory() -> None:
    """For the rest of the process, where the C library is glibc. Otherwise each batch of large gradients is mapped,
    filled with zeros page by page, and unmapped again."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((MMAP_THRESHOLD, LARGEST), (TRIM_THRESHOLD, KEPT), (TOP_PAD, LARGEST)):
            mallopt(option, value)
