"""One worker's process: `python -m rfast_bench.real.worker.process JOB`.

Its number and the store are in the environment, as torchrun sets it: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT.
The process's own thread watches the clock and the store; two more run the algorithm (see `driver.py`).
"""

from __future__ import annotations

import gc
import math
import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from rfast_bench import problems
from rfast_bench.conditions import buckets
from rfast_bench.conditions.compute_times import sized, work_of
from rfast_bench.conditions.faults.links import FaultyLinks
from rfast_bench.conditions.faults.schedule import schedule
from rfast_bench.conditions.liveness import Liveness
from rfast_bench.conditions.randomness.seeds import Streams, stream
from rfast_bench.problems import Problem
from rfast_bench.processes.environment import machine
from rfast_bench.real.halts import ending, waits
from rfast_bench.real.halts.guard import guarded
from rfast_bench.real.samples.kept_models import KeptModels
from rfast_bench.real.samples.results import models_file, save
from rfast_bench.real.samples.sampler import FINER, Counters, Sampler
from rfast_bench.real.transport.collective import Collective
from rfast_bench.real.transport.group import Group
from rfast_bench.real.transport.inlet import Doorway
from rfast_bench.real.transport.keys import Keys
from rfast_bench.real.transport.limits import largest
from rfast_bench.real.transport.patience import Patience
from rfast_bench.real.transport.sockets import Mail
from rfast_bench.real.transport.store import ANSWER, PrefixStore, Store, joined
from rfast_bench.real.worker.activities import Job, Reporting, Work
from rfast_bench.real.worker.clock import RunClock
from rfast_bench.real.worker.compute import Compute, compute_for
from rfast_bench.real.worker.driver import Driver
from rfast_bench.real.worker.gpu import Staging, check_gpus, gpu_of, staging_for
from rfast_bench.real.worker.hops import hops_of
from rfast_bench.real.worker.injected_network import Faults
from rfast_bench.real.worker.node import RealNode
from rfast_bench.real.worker.optimizer import Optimizer, epochs_done
from rfast_bench.real.worker.overlap import in_backward
from rfast_bench.real.worker.snapshot import Snapshots
from rfast_bench.real.worker.stopping import LOOK, End, Progress, Reporter
from rfast_bench.records.peak_memory import peak
from rfast_bench.scenario.sections.optimizer import PLAIN
from rfast_bench.topology.membership import Membership

FAREWELL = 60.0
"""Seconds that a worker stays after its end, so that the others do not lose it before theirs."""


class Worker:
    """Everything one worker's process holds."""

    def __init__(self, job: Job, rank: int, store: Store) -> None:
        self.run, self.rank, self.store = job.run, rank, store
        self.life = int(os.environ.get("INCARNATION", "0"))
        self.scenario = job.run.scenario
        self.faults, self.clock = schedule(self.scenario, self.run.seed), RunClock()
        self.ended = threading.Event()
        self.group = Group(self.run.algorithm_class.__name__, self.ended)
        self.problem = self._problem()
        self.staging: Staging = staging_for(self.device)
        self.lock = threading.RLock()
        self.node = self._node()
        make: Any = self.run.algorithm_class
        self.algorithm = make(self.problem.start, **self.run.algorithm.parameters)
        self.batches, work = self._load(Streams(self.run.seed))
        self.compute: Compute = compute_for(
            *(self.scenario, rank, self.run.seed, self.clock, self.ended.wait, work)
        )
        models = KeptModels(models_file(job.folder, rank), self.scenario.real.samples_memory)
        epochs = epochs_done(self.run, self.problem, lambda: self.driver)
        finer = 1 if self.run.algorithm_class.synchronous else FINER
        every = self.scenario.evaluate.every
        self.sampler = Sampler(every, self.algorithm, models, self._counters, epochs, finer)
        self.driver = self._driver()
        self.optimizer = Optimizer(self.run, self.problem, rank, store, self.algorithm)
        if self.run.training != PLAIN:
            self.optimizer.join(self.driver)
        host = job.host or self.scenario.real.host
        known = (self.life, Keys(job.secret) if job.secret else None, largest(self.node.faults.model_size))
        self.node.mail = Mail(rank, job.token, host, self.driver.deliver, self.lock, *known)
        self.snapshots = Snapshots(
            *(self.faults, rank, job.folder, self.algorithm, self.lock, self.optimizer.filter)
        )

    # ---------------------------------------------------------------------------------------- building
    @property
    def device(self) -> str:
        if self.scenario.real.device == "cpu":
            return "cpu"
        return f"cuda:{gpu_of(int(os.environ.get('LOCAL_RANK', '0')))}"

    def _problem(self) -> Problem:
        n, some, where = self.scenario.workers, self.run.computing, f"{self.run.point.source}: problem"
        dealt = problems.build(self.scenario.problem, len(some) or n, self.run.seed, where)
        return problems.placed(problems.seated(dealt, some, n), self.device)

    def _node(self) -> RealNode:
        model_size = self.problem.dim * self.problem.dtype.itemsize
        network, self.topology = self.scenario.network, self.run.build_topology()
        links = FaultyLinks(self.faults, self.run.seed)
        faults = Faults(network, self.run.seed, self.rank, model_size, links)
        doorway = None if network.receive_bandwidth is None else Doorway(network, self.rank, model_size)
        return RealNode(self.rank, self.topology, faults, self.run.seed, self.clock, self.staging, doorway)

    def _load(self, streams: Streams) -> tuple[Iterator[Any], Iterator[float]]:
        """The worker's mini-batches, and how long the gradient of each takes where times are emulated."""
        batches = self.problem.sampler(self.rank, streams("batches", self.rank))
        return sized(
            self.scenario, self.rank, batches, work_of(self.scenario, self.rank, streams), self._size
        )

    def _size(self, batch: Any) -> int:
        return self.problem.size(self.rank, batch)

    def _driver(self) -> Driver:
        work = Work(self._gradient, self.batches, self._size, self.group.mean, self._wait_until)
        budget = self.scenario.stop.iterations if self.run.algorithm_class.synchronous else None
        driver = Driver(
            *(self.node, self.algorithm, work, self.compute, self.sampler, self.clock, self.lock, budget)
        )
        known = (self.scenario.network, self.run.seed, self.group.gather, self.faults)
        driver.hops = hops_of(self.node, *known)
        if self.run.training == PLAIN:
            own = (self.problem, self.rank, self.group, self.compute, self.clock, self.node.faults.scale)
            driver.overlap = in_backward(*own) or driver.overlap
        return driver

    def _gradient(self, at: Any, batch: Any) -> Any:
        gradient = self.problem.gradients([self.rank], self.problem.stack([at]), [batch])[0]
        self.staging.settle()
        return gradient

    def _wait_until(self, time: float) -> None:
        left = time - self.clock()
        if left > 0:
            self.ended.wait(None if math.isinf(left) else left)

    def _counters(self) -> Counters:
        log, faults = self.driver.log, self.node.faults
        done = (len(log.done), max(0, len(log.asked) - 1), log.samples)
        return (*done, faults.sent, faults.lost, self.node.superseded, faults.bytes_sent)

    # ----------------------------------------------------------------------------------------- running
    def meet(self) -> None:
        """Find the others, warm up, and agree on the start."""
        real, n = self.scenario.real, self.scenario.workers
        self.store.set(f"mail/{self.rank}", self.node.mail.address)
        self._warm_up()
        self.store.wait([f"mail/{k}" for k in range(n)], timedelta(seconds=real.startup_timeout))
        self.node.mail.connect({k: self.store.get(f"mail/{k}").decode() for k in range(n)})
        if self.run.algorithm_class.collective:
            place = "cpu" if real.collectives == "host" else self.device
            self._check_gpus(place)
            self.group.join(Collective(self.store, self.rank, n, real.process_group_timeout, place))
        self.clock.agree(self.store, self.rank, n, real.startup_timeout)

    def come_back(self) -> None:
        """Join a run that is under way, in the place of a worker that died."""
        self.store.set(f"mail/{self.rank}", self.node.mail.address)
        self._warm_up()
        n = self.scenario.workers
        self.node.mail.connect({k: self.store.get(f"mail/{k}").decode() for k in range(n)})
        self.clock.join(self.store)
        self.snapshots.restore()
        self.optimizer.come_back()
        self.sampler.skip(self.clock())
        with self.lock:
            self.node.mail.hello()

    def _check_gpus(self, place: str) -> None:
        """Before the collectives' group is formed. Raises CannotRun."""
        if place != "cpu":
            self.store.set(f"gpu/{self.rank}", f"{place} of {machine()}")
            check_gpus({k: self.store.get(f"gpu/{k}").decode() for k in range(self.scenario.workers)})

    def _warm_up(self) -> None:
        """One gradient on a batch of its own stream: libraries load, buffers are touched."""
        buckets.read(self.run.buckets.values())
        batches = self.problem.sampler(self.rank, stream(self.run.seed, "warm-up", self.rank))
        for _ in range(2):
            self._gradient(self.algorithm.model, next(batches))
        gc.collect()
        gc.freeze()

    def play(self) -> None:
        """From the start of the run to its end."""
        wake = threading.Event()
        cpu = time.process_time()
        self.driver.on_failure = wake.set
        silence = self.scenario.network.silence_timeout
        if silence is not None and self.algorithm.elastic:
            membership = Membership(self.topology)
            self.driver.liveness = Liveness(membership, self.node, silence, self.clock())
        self.driver.start()
        for body in (self.driver.engine, self.driver.receiver):
            threading.Thread(target=body, daemon=True).start()
        self.stopped_by, end = self._watch(wake)
        self.driver.freeze(end)
        self.ended.set()
        self.cpu_seconds = time.process_time() - cpu

    def _watch(self, wake: threading.Event) -> End:
        self._progress = Progress(self.store, self.rank)
        reporter = Reporter(self._report, Reporting(self.driver.failed), wake)
        reason, end = "time", self.scenario.stop.time or float("inf")
        while (now := self.clock()) < end:
            if self.driver.failure is not None:
                raise self.driver.failure
            self.snapshots.take(now)
            wake.wait(max(0.0, min(LOOK, end - self.clock())))
            wake.clear()
            if reporter.told is not None and reporter.told[1] < end:
                reason, end = reporter.told
        reporter.close()
        return reason, end

    def _report(self) -> End | None:
        """In a thread of its own."""
        log = self.driver.log
        if self.optimizer.common is not None:
            self.optimizer.common.read()
        parked = log.parked == log.parked
        return self._progress.report(max(0, len(log.asked) - 1), log.samples, parked, self.clock())

    def leave(self, folder: Path) -> None:
        """Write what there is to evaluate, and wait until all have."""
        self.store.set(f"leaving/{self.rank}", "")
        residual = type(self.algorithm).residual([self.algorithm])
        reads, compute, log = self.node.reads, self.compute, self.driver.log
        logs: dict[str, Any] = {
            **log.gradients,
            **{"work": compute.work, "lateness": compute.lateness, "planned": compute.planned},
            **{"read_time": reads.time, "read_age": reads.age},
            **{"read_sender": reads.sender, "read_count": reads.count},
            "position": self.optimizer.positions,
            "residual": np.array([] if residual is None else self.staging.to_host(residual), dtype=float),
        }
        about = {
            **{"stopped_by": self.stopped_by, "clock": self.clock.described()},
            **{"parked": log.parked if log.parked == log.parked else None},
            **{"transport": self.node.mail.counts.plain(), "waits": waits.plain(self.driver)},
            "process": {
                "cpu_seconds": self.cpu_seconds,
                "largest_memory": peak(),
                "waited_for_disk": self.sampler.models.waited,
            },
        }
        save(folder, self.rank, self.sampler, logs, about)
        self.store.set(f"done/{self.rank}", "")
        self.store.wait(["farewell"], timedelta(seconds=FAREWELL))


def main(path: Path) -> None:
    """Do one worker's part of the job in the file `path`."""
    sys.setswitchinterval(5e-4)  # seconds; the receiver must not wait long for the engine's thread
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    job: Job = pickle.loads(path.read_bytes())  # written by the launcher, in its own folder
    rank = int(os.environ["RANK"])
    with threadpool_limits(limits=1):
        with Patience(2 * job.run.scenario.real.startup_timeout + ANSWER):
            store = joined(os.environ)
            worker = Worker(job, rank, PrefixStore(job.prefix, store) if job.prefix else store)
            worker.come_back() if worker.life else worker.meet()
        with guarded(worker.driver):
            worker.play()
        worker.leave(job.folder)


def end_process(path: Path) -> NoReturn:
    """`main`, then the end of this process, even if a thread is in a collective that will never end."""
    try:
        main(path)
    except BaseException as problem:  # noqa: BLE001 (whatever it is, it is told and ends the process)
        os._exit(ending.told(problem))
    os._exit(0)


if __name__ == "__main__":
    end_process(Path(sys.argv[1]))
