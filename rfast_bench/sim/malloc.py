"""Memory that one vector leaves is wanted by the next at once: the C library is told not to give it back meanwhile,
and the system to hand out what a run will hold in large pages.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
"""As glibc's <malloc.h> numbers them."""
KEPT = 2**30
"""Bytes of free memory at the end of the heap from which some is given back, between runs."""
ALL = -1
"""Instead of `KEPT`: nothing is given back."""
YOUNG, OBJECTS = 100_000, 400
"""New objects, in all and for each worker with its links, from which on the garbage collector looks at them."""
OBJECT = 100
"""Bytes of a small object, roughly."""
MOST_LEFT = 2**28
"""Bytes of earlier runs that may lie about."""
LARGEST = 2**25
"""Bytes from which an array is mapped on its own; glibc allows no more."""
MAPPINGS = 2**16
"""How many arrays may be mapped on their own; glibc's default."""


class Leftovers:
    """What earlier runs of this process held and nobody wants any more. It holds itself together in circles."""

    size = 0  # bytes

    @classmethod
    def collect(cls) -> None:
        """Have it collected where it is worth the look at all objects."""
        if cls.size > MOST_LEFT:
            gc.collect()
            cls.size = 0


@contextmanager
def uncollected(workers: int) -> Iterator[None]:
    """What is built for a run stays for the whole of it, and messages die by themselves: the garbage collector need
    not look at them again and again."""
    Leftovers.collect()
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG + OBJECTS * workers, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.freeze()  # with what the run has made, which thus counts as old as well
        gc.unfreeze()
        Leftovers.size += OBJECTS * OBJECT * workers


@contextmanager
def kept_memory(expected: int) -> Iterator[None]:
    """Freed memory is kept meanwhile, where the C library is glibc; `expected` bytes, which the caller will come to
    hold, are in large pages where the system has them.

    Otherwise each batch of large gradients is mapped, filled with zeros page by page, and unmapped again; and a
    model of 63 kB costs 16 page faults when it is made.
    """
    Leftovers.size += expected
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    if libc is None or not hasattr(libc, "mallopt"):
        yield
        return
    for option, value in ((MMAP_THRESHOLD, LARGEST), (TRIM_THRESHOLD, ALL), (TOP_PAD, LARGEST)):
        libc.mallopt(option, value)
    if expected >= LARGEST:
        _in_large_pages(libc, expected)
    try:
        yield
    finally:
        libc.mallopt(TRIM_THRESHOLD, KEPT)


def _in_large_pages(libc: ctypes.CDLL, size: int) -> None:
    """Let the heap grow by `size` bytes, none of which is touched, and ask for large pages there."""
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.mallopt(MMAP_MAX, 0)
    start = libc.malloc(size)
    libc.mallopt(MMAP_MAX, MAPPINGS)
    if start is None:
        return
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    whole = (start + size - first) // mmap.PAGESIZE * mmap.PAGESIZE
    libc.madvise(first, whole, mmap.MADV_HUGEPAGE)
    libc.free(start)
