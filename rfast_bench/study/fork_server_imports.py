"""What a launcher and its runs need, imported without the garbage collector: nothing of it is garbage.

The server that runs are forked from begins with this module, and so does the launcher.
"""

from __future__ import annotations

import atexit
import gc

_collecting = gc.isenabled()
gc.disable()
try:
    import rfast_bench.study.sweep  # noqa: F401
finally:
    gc.freeze()
    if _collecting:
        gc.enable()
    gc.unfreeze()  # back, and counted as old: the next look at the young ones is not a look at everything
atexit.register(gc.freeze)  # or an interpreter that ends looks at everything once more: 0.3 s
