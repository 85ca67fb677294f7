"""Which worker this process is, and where all workers meet: as torchrun or srun put it into the environment."""

from __future__ import annotations

import fcntl
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from rfast_bench.errors import UserError

GET_ADDRESS = 0x8915
"""Linux's SIOCGIFADDR: an interface's address."""
FIRST_PORT = 29500
"""As torchrun's."""


@dataclass(frozen=True)
class RankInfo:
    """A process's place among the workers. `local` is its number on this machine: which GPU is its own."""

    rank: int
    workers: int
    local: int
    host: str  # of the store
    port: int
    hosts_store: bool  # whether this process has to open the store that the others connect to
    attempt: str = "0"  # torchrun's count of restarts: what an earlier attempt stored does not count

    @classmethod
    def found(cls, environment: Mapping[str, str]) -> RankInfo:
        """Raises UserError when no launcher said what is needed."""
        if "RANK" in environment:
            return _of_torchrun(environment)
        if "SLURM_PROCID" in environment:
            return _of_slurm(environment)
        raise UserError(
            "no worker's number in the environment: start this by torchrun (RANK) or srun (SLURM_PROCID), "
            "or use `rfast-bench run --world real` on one machine"
        )

    def address(self) -> str:
        """This machine's own address on the way to the store: the others reach this machine by it."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect((self.host, self.port))  # sends nothing
                return str(probe.getsockname()[0])
        except OSError as problem:
            raise UserError(f"MASTER_ADDR={self.host} is not to be reached from here: {problem}") from problem

    def environment(self, address: str) -> dict[str, str]:
        """What the worker's process is told, whoever started this one."""
        own = {"RANK": str(self.rank), "LOCAL_RANK": str(self.local), "WORLD_SIZE": str(self.workers)}
        own |= {"MASTER_ADDR": self.host, "MASTER_PORT": str(self.port)}
        name = interface(address)
        return own | ({"GLOO_SOCKET_IFNAME": name} if name else {})


def _of_torchrun(environment: Mapping[str, str]) -> RankInfo:
    missing = [name for name in ("WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT") if name not in environment]
    if missing:
        raise UserError(f"RANK is in the environment but {missing[0]} is not: torchrun sets both")
    rank = int(environment["RANK"])
    agent = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return RankInfo(
        rank=rank,
        workers=int(environment["WORLD_SIZE"]),
        local=int(environment.get("LOCAL_RANK", "0")),
        host=environment["MASTER_ADDR"],
        port=int(environment["MASTER_PORT"]),
        hosts_store=rank == 0 and not agent,
        attempt=environment.get("TORCHELASTIC_RESTART_COUNT", "0"),
    )


def _of_slurm(environment: Mapping[str, str]) -> RankInfo:
    rank = int(environment["SLURM_PROCID"])
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST", "localhost")
    spread = int(environment.get("SLURM_JOB_ID", "0")) % 1000  # two jobs may share a node
    return RankInfo(
        rank=rank,
        workers=int(environment.get("SLURM_STEP_NUM_TASKS") or environment["SLURM_NTASKS"]),
        local=int(environment.get("SLURM_LOCALID", "0")),
        host=environment.get("MASTER_ADDR") or first_host(nodes),
        port=int(environment.get("MASTER_PORT") or FIRST_PORT + spread),
        hosts_store=rank == 0,
    )


def first_host(nodes: str) -> str:
    """The first of Slurm's list of hosts.

    >>> first_host("gpu[007-009,12],login"), first_host("a,b"), first_host("n[0-1]-ib")
    ('gpu007', 'a', 'n0-ib')
    """
    found = re.match(r"([^\[,]*)(?:\[(\w+)[^\]]*\])?([^,\[]*)", nodes)
    return "".join(part or "" for part in found.groups()) if found else nodes


def interface(address: str) -> str | None:
    """The network interface that has an IPv4 address; gloo wants it by name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, GET_ADDRESS, struct.pack("256s", name.encode()))
            except OSError:  # it has none
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None
