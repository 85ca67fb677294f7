"""A call in a fresh interpreter that somebody else's process starts, such as a worker of a Dask or Ray cluster.

That process may have been started in any folder, and may have imported another version of this package or none. So it
is sent a function by value that needs nothing of ours (`fresh`), and what it starts imports the package from the very
folders that the sender has it from. Where these do not exist, on another machine, what is installed there is
imported; whether it is the same is for the called function to say (`environment.digest`).
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

from rfast_bench.processes.environment import locations
from rfast_bench.processes.isolated import Died, die_after

START = """
import json, os, sys
from importlib.util import spec_from_file_location

places = json.loads(sys.argv[1])


class Sender:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in places:
            home = places[name]
            return spec_from_file_location(
                name, os.path.join(home, "__init__.py"), submodule_search_locations=[home]
            )


if all(map(os.path.isdir, places.values())):
    sys.meta_path.insert(0, Sender)
from rfast_bench.processes.fresh import serve

serve()
"""
"""What the interpreter runs; its argument is the JSON of `locations`."""
Ending = tuple[int | None, bytes, str, str]
"""Exit code, the pickled answer (empty without one), the last that was said on stderr, the machine's name."""


def fresh(call: bytes, start: str, places: dict[str, str]) -> Ending:
    """The pickled value of the pickled `(function, args)`, from an interpreter that dies with this process.

    It travels by value: it may name nothing outside itself.
    """
    import json
    import os
    import socket
    import subprocess
    import sys
    import tempfile

    command = [sys.executable, "-c", start, json.dumps(places)]
    own = {"PYTHONSAFEPATH": "1", **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}}
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env={**os.environ, **own}
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(call)
                child.stdin.flush()  # not closed before it has answered: that would tell of this process's end
                answer = child.stdout.read()
            except BrokenPipeError:
                answer = b""
            except BaseException:
                child.kill()
                raise
        code = child.returncode
        said.seek(0)
        words = said.read().decode(errors="replace").strip()
    if words:
        print(words, file=sys.stderr)
    return code, answer, words.rpartition("\n")[2], socket.gethostname()


def by_value(function: Any) -> Callable[..., Ending]:
    """The same function as one of `__main__`: pickled for a cluster, it takes its code along."""
    copy = FunctionType(function.__code__, {"__name__": "__main__", "__builtins__": __builtins__})
    copy.__module__ = "__main__"
    return copy


def packed(function: Callable[..., Any], *args: Any) -> tuple[bytes, str, dict[str, str]]:
    """The arguments of `fresh` for a call."""
    return pickle.dumps((function, args)), START, locations()


def spawned(function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` returns in a fresh interpreter. Raises Died."""
    code, answer, said, _ = fresh(*packed(function, *args))
    if not answer:
        raise Died(code, said)
    return pickle.loads(answer)


def serve() -> None:
    """In the interpreter: the call on stdin, its value on stdout."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # what an algorithm prints must not mix with the answer
        function, args = pickle.load(sys.stdin.buffer)
        threading.Thread(target=die_after, args=(sys.stdin.buffer.read,), daemon=True).start()
        pickle.dump(function(*args), out)
        out.flush()
    os._exit(0)  # the thread still reads
