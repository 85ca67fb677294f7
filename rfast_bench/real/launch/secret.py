"""The secret of one run, by which its workers know each other: made by the launcher, handed over in a file of mode
0600, never on a command line.

Where an external launcher starts the ranks, rank 0 leaves it in the run's folder, which all of them see; what stands in
the environment variable RFAST_BENCH_SECRET is mixed in, and `off` there does without.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import zmq

from rfast_bench.errors import UserError

VARIABLE, OFF = "RFAST_BENCH_SECRET", "off"
FILE = "secret"


def make(environment: Mapping[str, str]) -> bytes:
    """The secret of a new run; empty where the user does without. Raises UserError."""
    if environment.get(VARIABLE) == OFF:
        return b""
    if not zmq.has("curve"):
        raise UserError(
            f"this ZeroMQ ({zmq.zmq_version()}) was built without CURVE, by which workers know each other: "
            f"install the wheel of pyzmq, or set {VARIABLE}={OFF} on a network that nobody else reaches"
        )
    return secrets.token_bytes(32)


def shared(found: bytes, environment: Mapping[str, str]) -> bytes:
    """What a rank makes of the secret that rank 0 left, with the user's own mixed in."""
    own = environment.get(VARIABLE, "")
    return b"" if own == OFF else blake2b(found, key=_key(own), digest_size=32).digest()


def fingerprint(secret: bytes) -> str:
    """By which ranks see whether they have the same, and nobody sees what."""
    return blake2b(secret, person=b"fingerprint", digest_size=8).hexdigest() if secret else OFF


def write(path: Path, content: bytes) -> None:
    """Leave what only this user may read, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)


def _key(word: str) -> bytes:
    """Of any length to one that fits."""
    return blake2b(word.encode()).digest() if word else b""
