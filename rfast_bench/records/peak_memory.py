"""The most memory that a process ever had, as runs record it."""

from __future__ import annotations

import re
import resource
from pathlib import Path


def peak() -> int:
    """The most resident memory that this process ever had, bytes. Linux's `ru_maxrss` would not do: a process that
    was started by a larger one takes over that one's."""
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return 1024 * int(kilobytes)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
