"""Hosts as network namespaces, joined by a bridge in a namespace of its own; up in a `with` block, gone after it.

    rfblab0 -- veth --+
                      rfblabx (bridge)          or, with latency where the kernel has no netem: one TUN device a
    rfblab1 -- veth --+                         host, and a process that carries packets between them (relay.py)

Everything made here lies in these namespaces; the machine's own network is not touched. Each host's packets
meet its faults on their way in (loss) and out (rate, latency), so both directions have them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.netlab.link import Link
from rfast_bench.errors import UserError

PREFIX = "rfblab"
SWITCH = f"{PREFIX}x"
DEVICE = "eth0"
NETWORK = "10.77.0"
TOOLS = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables", "ethtool": "ethtool"}
SEGMENT = 1500  # bytes of a packet on the wire at most
RELAY = Path(__file__).with_name("relay.py")


class Missing(UserError):
    """This machine or user cannot have the laboratory; the message says why."""


def check() -> None:
    """Raises Missing, with the reason."""
    if not sys.platform.startswith("linux"):
        raise Missing(f"network namespaces are Linux's; this is {sys.platform}")
    if os.geteuid() != 0:
        raise Missing("network namespaces need root: run this as root (sudo)")
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise Missing(f"no command '{tool}'; install the package {package}")
    there = [name for name in namespaces() if name.startswith(PREFIX)]
    if there:
        names = " ".join(there)
        raise Missing(
            f"namespaces {names} are there already: another laboratory is up, or one was killed; "
            f"`for n in {names}; do ip netns del $n; done` removes them"
        )


def namespaces() -> list[str]:
    """The names of all there are."""
    return [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line.strip()]


def run(*command: str, text: str | None = None) -> str:
    """What a command prints. Raises Missing when it fails."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def name_of(host: int) -> str:
    """The namespace of a host."""
    return f"{PREFIX}{host}"


def address_of(host: int) -> str:
    """A host's address, which the others reach it by."""
    return f"{NETWORK}.{host + 1}"


def inside(host: int, *command: str) -> list[str]:
    """A command as it is to be started to run on a host."""
    return ["ip", "netns", "exec", name_of(host), *command]


@contextlib.contextmanager
def laboratory(hosts: int, link: Link) -> Iterator[None]:
    """So many hosts on a network. Raises Missing; takes everything down however the block is left."""
    check()
    with contextlib.ExitStack() as stack:
        for name in map(name_of, range(hosts)):
            _namespace(stack, name)
        if link.latency and not _has_netem():
            _relayed(stack, hosts, link)
        else:
            _bridged(stack, hosts, link)
        for host in range(hosts):
            _faults(host, link)
        yield


def _namespace(stack: contextlib.ExitStack, name: str) -> None:
    run("ip", "netns", "add", name)
    stack.callback(_remove, name)
    run("ip", "-n", name, "link", "set", "lo", "up")


def _remove(name: str) -> None:
    """A namespace and what still runs in it; a namespace would live on with its last process."""
    for pid in run("ip", "netns", "pids", name).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    run("ip", "netns", "del", name)


def _address(host: int, *more: str) -> None:
    name = name_of(host)
    run("ip", "-n", name, "addr", "add", f"{address_of(host)}/24", "dev", DEVICE)
    run("ip", "-n", name, "link", "set", DEVICE, *more, "up")


def _bridged(stack: contextlib.ExitStack, hosts: int, link: Link) -> None:
    _namespace(stack, SWITCH)
    run("ip", "-n", SWITCH, "link", "add", "br0", "type", "bridge")
    run("ip", "-n", SWITCH, "link", "set", "br0", "up")
    for host in range(hosts):
        name, port = name_of(host), f"port{host}"
        far = ["peer", "name", port, "netns", SWITCH]
        run("ip", "link", "add", DEVICE, "netns", name, "type", "veth", *far)
        run("ip", "-n", SWITCH, "link", "set", port, "master", "br0", "up")
        for where, device in ((name, DEVICE), (SWITCH, port)):  # or one "packet" is 64 kB
            features = ["tso", "off", "gso", "off", "gro", "off"]
            run("ip", "netns", "exec", where, "ethtool", "-K", device, *features)
        _address(host)
        if link.latency:
            delay = ["netem", "delay", f"{1000 * link.latency}ms", "limit", "100000"]
            run("tc", "-n", SWITCH, "qdisc", "add", "dev", port, "root", *delay)


def _relayed(stack: contextlib.ExitStack, hosts: int, link: Link) -> None:
    relay = subprocess.Popen(
        [sys.executable, str(RELAY), str(link.latency), *(f"{PREFIX}t{k}" for k in range(hosts))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a terminal's Ctrl-C is for us, who end it
    )
    stack.callback(_end, relay)
    assert relay.stdout is not None
    said = relay.stdout.readline()
    if said.strip() != "ready":
        raise Missing(f"no TUN devices for latency (no netem either): {said}{relay.stdout.read()}".strip())
    for host in range(hosts):
        run("ip", "link", "set", f"{PREFIX}t{host}", "netns", name_of(host), "name", DEVICE)
        _address(host, "mtu", str(SEGMENT), "txqueuelen", "5000")


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _has_netem() -> bool:
    """Tried on a host's own loopback, where nobody is yet."""
    try:
        run("tc", "-n", name_of(0), "qdisc", "add", "dev", "lo", "root", "netem", "delay", "0ms")
    except Missing:
        return False
    run("tc", "-n", name_of(0), "qdisc", "del", "dev", "lo", "root")
    return True


def _faults(host: int, link: Link) -> None:
    """Loss as packets come in, and a rate as they go out."""
    if link.loss:
        run(*inside(host, "nft", "-f", "-"), text=_drop(link.loss))
    if link.rate:
        burst = str(max(16_000, round(link.rate / 100)))  # bytes: 10 ms
        shape = ["tbf", "rate", f"{round(8 * link.rate)}bit", "burst", burst, "latency", "50ms"]
        run("tc", "-n", name_of(host), "qdisc", "add", "dev", DEVICE, "root", *shape)


def _drop(loss: float) -> str:
    return f"""
table netdev lab {{
  chain incoming {{
    type filter hook ingress device "{DEVICE}" priority 0; policy accept;
    numgen random mod 1000000 < {round(1e6 * loss)} counter drop
  }}
}}
"""
