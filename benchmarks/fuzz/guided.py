"""Bytes that coverage guides, for the readers of text and arrays.

    python -m benchmarks.fuzz.guided -max_total_time=60 -artifact_prefix=/tmp/

Needs `atheris` (`pip install atheris`, on Linux). It ends at the first input that is neither read nor refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

from rfast_bench.errors import UserError


def main() -> None:
    """Hand each input to the reader that its first byte names."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["rfast_bench", "yaml"]):
        from rfast_bench.problems.data.images import parse_cifar_pickle, parse_idx
        from rfast_bench.scenario.reading import read_yaml
        from rfast_bench.scenario.sections.link_files import read_latency
        from rfast_bench.topology.edge_lists import read_all
        from rfast_bench.topology.files import read_matrix
    home = Path(mkdtemp(prefix="rfast-bench-guided-"))
    readers: list[tuple[str, Callable[[Path], object]]] = [
        ("s.yaml", read_yaml),
        ("e.txt", lambda path: read_all({"w": path}, "topology")),
        ("m.csv", lambda path: read_matrix(path, "w")),
        ("m.npy", lambda path: read_matrix(path, "w")),
        ("m.npz", lambda path: read_matrix(path, "w")),
        ("m.graphml", lambda path: read_matrix(path, "w")),
        ("l.csv", lambda path: read_latency(path, "latency")),
        ("i", lambda path: _parsed(lambda: parse_idx(path.read_bytes(), 3))),
        ("p", lambda path: _parsed(lambda: parse_cifar_pickle(path.read_bytes(), "labels"))),
    ]

    def one(data: bytes) -> None:
        name, read = readers[data[0] % len(readers) if data else 0]
        (home / name).write_bytes(data[1:])
        try:
            read(home / name)
        except UserError:
            return

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


def _parsed(parse: Callable[[], object]) -> None:
    """What the reader of a file calls makes a message of these."""
    import pickle

    try:
        parse()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
    ):
        return


if __name__ == "__main__":
    main()
