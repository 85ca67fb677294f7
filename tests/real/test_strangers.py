"""Strangers at a run's ports: they deliver nothing, end nothing, and change no record."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from rfast_bench import problems
from rfast_bench.errors import UserError
from rfast_bench.plan.runs import Run
from rfast_bench.problems.evaluation import Evaluator
from rfast_bench.real.launch import secret
from rfast_bench.real.transport.keys import Keys
from rfast_bench.real.transport.message import HELLO, OPEN, POST, SEND, Message, Refused, pack, unpack
from rfast_bench.real.transport.sockets import Mail
from rfast_bench.real.transport.store import hosted
from rfast_bench.real.world import realise
from tests.support.handmade import make_run
from tests.support.strangers import FRAME, SAID, Strangers, listening, push, say, speaking

pytestmark = [pytest.mark.timeout(240)]
RUN, SECRET = b"run-0001", b"s" * 32


def message(kind: int = SEND, payload: Any = None, sender: int = 0) -> Message:
    return Message(kind, 0, sender, "x", 1, 0, 0.0, 0.0, payload)


class Two:
    """Two mails of one run; what comes to worker 1 is in `came`."""

    def __init__(self, **more: Any) -> None:
        self.came: list[Message] = []
        self.sender, self.receiver = (
            Mail(k, RUN, "127.0.0.1", self.came.append, threading.RLock(), 0, Keys(SECRET), **more)
            for k in range(2)
        )
        for mail in (self.sender, self.receiver):
            mail.connect({0: self.sender.address, 1: self.receiver.address})
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._receive, args=(m,)) for m in self.mails]
        for thread in self._threads:
            thread.start()

    @property
    def mails(self) -> tuple[Mail, Mail]:
        return self.sender, self.receiver

    @property
    def port(self) -> int:
        return int(self.receiver.address.rpartition(":")[2])

    def _receive(self, mail: Mail) -> None:
        while not self._over.is_set():
            mail.receive(0.01)

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for mail in self.mails:
            mail.close()

    def until(self, done: Callable[[], bool], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            time.sleep(0.005)
        assert done()


@pytest.fixture
def two() -> Iterator[Two]:
    made = Two()
    yield made
    made.close()


# ------------------------------------------------------------------------------------------------ at the door
@pytest.mark.parametrize("what", SAID)
def test_what_strangers_say_ends_no_worker(two: Two, what: str) -> None:
    """At the plain pipe and at one that conflates: ZeroMQ of old, in parts, made the latter abort."""
    two.sender.post(1, message(POST))
    two.until(lambda: len(two.receiver._inlets) == 1)
    ports = [two.port, *(int(at.rpartition(":")[2]) for _, at in two.receiver._inlets.values())]
    strangers = [say(port, SAID[what]) for port in ports for _ in range(3)]
    for _ in range(5):
        two.sender.send(1, message(SEND, 7))
    two.until(lambda: [m.payload for m in two.came if m.kind == SEND] == [7] * 5)
    for stranger in strangers:
        stranger.close()
    assert not +two.receiver.counts.refused


def test_who_speaks_zeromq_without_the_key_delivers_nothing(two: Two) -> None:
    whole = bytes(pack(RUN, message(SEND, "forged")))
    with speaking() as context:
        pushing = [push(context, two.port, parts) for parts in ([whole], [FRAME], [b"", whole])]
        time.sleep(0.5)
        two.sender.send(1, message(SEND, "true"))
        two.until(lambda: bool(two.came))
        assert len(pushing) == 3
    assert [m.payload for m in two.came] == ["true"]
    assert two.receiver.counts.received == 1


def test_who_has_another_key_is_turned_away_and_counted(two: Two) -> None:
    """One that has learnt the server's key, which is no secret by CURVE's design."""
    known, own = Keys(SECRET), Keys(b"o" * 32)
    with speaking() as context:
        pusher = context.socket(zmq.PUSH)
        own.sends(pusher)
        pusher.curve_serverkey = known._server.public
        pusher.connect(two.receiver.address)
        pusher.send(bytes(pack(RUN, message(SEND, "forged"))), zmq.NOBLOCK)
        two.until(lambda: two.receiver.counts.refused["key"] > 0)
    assert two.came == []
    assert two.receiver.counts.plain()["refused"]["key"] > 0


def test_a_frame_that_is_damaged_malformed_or_of_nobody_is_dropped_and_counted(two: Two) -> None:
    damaged = bytearray(pack(RUN, message(SEND, np.arange(3.0))))
    damaged[-3] ^= 1
    for frame in (bytes(damaged), FRAME, bytes(pack(RUN, message(SEND, sender=9)))):
        two.receiver.accept(frame)
    two.receiver.accept(bytes(pack(RUN, message(OPEN, sender=4))))
    two.receiver.accept(bytes(pack(RUN, message(HELLO, 3))))
    refused = {"checksum": 1, "another run": 1, "sender": 2, "form": 1}
    assert two.receiver.counts.plain()["refused"] == refused
    assert two.came == []


@pytest.mark.parametrize(
    "form",
    ["", "[", "7", "[1]", '["x", {"dtype": "O", "shape": [1]}]', '["x", {"dtype": "<f8", "shape": [99]}]',
     '["x", {"dtype": 3, "shape": 1}]', '["x", {"tuple": 4}]', '[{"dtype": "<f8", "shape": [0]}, 1]',
     '["x", {"dtype": "<f8", "shape": [-1]}]', "[" * 5000, "\x80"],
)  # fmt: skip
def test_a_form_that_no_worker_writes_is_refused(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "dumps", lambda value: form)
    frame = bytes(pack(RUN, message(SEND, 1)))
    monkeypatch.undo()
    with pytest.raises(Refused, match="form"):
        unpack(RUN, frame)


def test_what_is_too_large_is_told_to_the_sender_and_not_let_in() -> None:
    two = Two(largest=10_000)
    try:
        with pytest.raises(UserError, match=r"on channel 'x' has 80\d\d\d bytes; one may have 10000 at most"):
            two.sender.send(1, message(SEND, np.zeros(10_000)))
        two.sender._largest = 1 << 20
        two.sender.send(1, message(SEND, np.zeros(10_000)))
        two.sender.send(1, message(SEND, 1))
        time.sleep(0.5)
        assert not [m for m in two.came if isinstance(m.payload, np.ndarray)]
    finally:
        two.close()


def test_a_store_listens_on_its_own_address_alone() -> None:
    before = set(listening(os.getpid()))
    store = hosted("127.0.0.1", 0, 5)
    (port,) = set(listening(os.getpid())) - before
    assert port == store.port
    with pytest.raises(OSError, match="refused"):
        say_at("127.0.0.2", port)
    store.set("a", "b")
    assert store.get("a") == b"b"
    with pytest.raises(OSError, match="in use"):
        hosted("127.0.0.1", port, 5)


def say_at(host: str, port: int) -> None:
    import socket

    socket.create_connection((host, port), timeout=1).close()


# ------------------------------------------------------------------------------------------------- secrets
def test_a_secret_is_new_each_time_and_mixed_with_the_users_own() -> None:
    one, other = secret.make({}), secret.make({})
    assert len(one) == len(other) == 32
    assert one != other
    words = [{}, {secret.VARIABLE: "a"}, {secret.VARIABLE: "b" * 200}, {secret.VARIABLE: secret.OFF}]
    found = [secret.shared(one, environment) for environment in words]
    assert len(set(found)) == 4
    assert found[3] == secret.make(words[3]) == b""
    assert len({secret.fingerprint(own) for own in found}) == 4


def test_a_secret_is_for_this_user_only(tmp_path: Path) -> None:
    secret.write(tmp_path / "secret", b"abc")
    assert (tmp_path / "secret").read_bytes() == b"abc"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_zeromq_without_curve_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq, "has", lambda what: False)
    with pytest.raises(UserError, match=r"built without CURVE.*RFAST_BENCH_SECRET=off"):
        secret.make({})
    assert secret.make({secret.VARIABLE: "off"}) == b""


# ---------------------------------------------------------------------------------------------- whole runs
RAW: dict[str, Any] = {
    "name": "visited",
    "world": "real",
    "workers": 3,
    "problem": {"kind": "logistic-regression", "dataset": "wine", "l2": 0.1, "batch_size": "full"},
    "compute": "20 ms",
    "network": {},
    "stop": {"time": "3 s"},
    "evaluate": {"every": "0.5 s"},
    "real": {"startup_timeout": "200 s"},
}
ALGORITHMS = [{"name": "r-fast", "step_size": 0.05}, {"name": "ring-allreduce", "step_size": 0.5}]


def visited(run: Run) -> tuple[Any, set[int]]:
    problem = problems.build(run.scenario.problem, run.scenario.workers, run.seed)
    with Strangers(os.getpid()) as strangers:
        outcome = realise(run, problem, Evaluator(problem, problems.reference(problem)))
    return outcome, strangers.visited


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: a["name"])
def test_strangers_at_every_port_change_no_record(algorithm: dict[str, Any]) -> None:
    outcome, ports = visited(make_run(algorithm, **RAW))
    assert len(ports) >= 4  # the store's, and the plain pipe of each worker
    assert outcome.stopped_by == "time"
    curves, workers = outcome.frames["curves"], outcome.frames["workers"]
    np.testing.assert_allclose(curves["time"], [*np.arange(0, 3, 0.5), 3.0])
    assert workers["worker"].tolist() == [0, 1, 2]
    assert workers["gradients"].min() > 0
    assert workers["gradients"].sum() > 60  # of 450; the machine may be busy
    assert curves["loss"].iloc[-1] < 0.9 * curves["loss"].iloc[0]
    assert outcome.notes["real"]["deaths"] == []
    assert not any(t["refused"] for t in outcome.notes["real"]["transport"])
    left = curves["residual"].iloc[-1]
    assert np.isnan(left) or left < 1e-12
