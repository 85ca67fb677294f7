"""The network of a scenario: latency, bandwidth and loss of every link, with overrides for some."""

from __future__ import annotations

import math
from functools import cached_property

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from rfast_bench.errors import UserError
from rfast_bench.scenario.sections.link_files import Matrix, read_bandwidth, read_latency
from rfast_bench.scenario.sections.losses import Independent, LossModel
from rfast_bench.scenario.sections.timing import Constant, Distribution, Reorder
from rfast_bench.scenario.values.base import DataPath, Spec
from rfast_bench.scenario.values.forms import Form, one_of
from rfast_bench.scenario.values.units import Bytes, BytesPerSecond, PositiveSeconds


def _by_either_name(form: Form) -> None:
    """A link's ends are `from` and `to`, or `sender` and `receiver`."""
    names = {"from": "sender", "to": "receiver"}
    for short, long in names.items():
        form["properties"][long] = {**form["properties"][short], "deprecated": True}
    del form["required"]
    form["allOf"] = [one_of(short, long) for short, long in names.items()]


class LinkOverride(Spec):
    """What is different on the link `from -> to`; what is not given stays as on all links."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra=_by_either_name)

    sender: int = Field(alias="from", ge=0)
    """The worker that sends."""
    receiver: int = Field(alias="to", ge=0)
    """The worker that receives."""
    latency: Distribution | None = None
    """Time from the last byte sent to the arrival on this link."""
    bandwidth: BytesPerSecond | None = None
    """Of this link."""
    loss: LossModel | None = None
    """How messages are lost on this link."""


class LinkSpec(Spec):
    """One link, all said. `bandwidth` in bytes per second, infinite when the scenario names none."""

    latency: Distribution
    bandwidth: float = Field(allow_inf_nan=True)
    loss: LossModel


class CollectiveSpec(Spec):
    """The hops of collectives, where their back-end is not the one that carries messages."""

    latency: Distribution = Constant(mean=0.0)
    """Time from the last byte sent to the arrival."""
    bandwidth: BytesPerSecond | None = None
    """Of each worker's outgoing hop; null is infinite."""
    loss: LossModel = Independent(probability=0.0)
    """How chunks of a collective are lost."""

    @cached_property
    def hop(self) -> LinkSpec:
        """As a link; the same for all."""
        return LinkSpec(latency=self.latency, bandwidth=self.bandwidth or math.inf, loss=self.loss)


class NetworkSpec(Spec):
    """Every link of the simulated network, and how lost reliable messages are sent again."""

    latency: Distribution = Constant(mean=0.0)
    """Time from the last byte sent to the arrival."""
    bandwidth: BytesPerSecond | None = None
    """Of each worker's own outgoing link; null is infinite."""
    receive_bandwidth: BytesPerSecond | None = None
    """Of each worker's own inlet, shared by all who send to it; null is infinite."""
    loss: LossModel = Independent(probability=0.0)
    """How messages are lost: a probability, or a model of bursts. It is that of a message of the model's size."""
    reorder: Reorder | None = None
    """Some messages are held back, so that later ones overtake them."""
    retransmit_timeout: PositiveSeconds | None = None
    """When a lost reliable message is sent again; null is a round trip plus the transmission, the shortest there is."""
    silence_timeout: PositiveSeconds | None = None
    """After so long a silence a neighbour is given up, until it is heard again. Null: nobody ever is."""
    message_bytes: Bytes | None = None
    """What a model weighs on the network; null is its true size."""
    latency_matrix: DataPath | None = None
    """A CSV file of every link's own constant latency, in place of `latency`."""
    bandwidth_matrix: DataPath | None = None
    """A CSV file of every link's own bandwidth, in place of `bandwidth`."""
    links: tuple[LinkOverride, ...] = ()
    """What differs on single links, from the matrices too."""
    collective: CollectiveSpec | None = None
    """The hops of an all-reduce, if they are others; null: its chunks go over the links, as messages do."""

    _links: dict[tuple[int, int], LinkSpec] = PrivateAttr(default_factory=dict)
    _overrides: dict[tuple[int, int], LinkOverride] = PrivateAttr(default_factory=dict)
    _latencies: Matrix | None = PrivateAttr(default=None)
    _bandwidths: Matrix | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _read_matrices(self) -> NetworkSpec:
        if self.latency_matrix and self.latency != Constant(mean=0.0):
            raise ValueError("give either latency or latency_matrix")
        if self.bandwidth_matrix and self.bandwidth:
            raise ValueError("give either bandwidth or bandwidth_matrix")
        try:
            if self.latency_matrix:
                self._latencies = read_latency(self.latency_matrix, "latency_matrix")
            if self.bandwidth_matrix:
                self._bandwidths = read_bandwidth(self.bandwidth_matrix, "bandwidth_matrix")
        except UserError as problem:
            raise ValueError(str(problem)) from problem
        self._overrides.update({(own.sender, own.receiver): own for own in self.links})
        return self

    def wrong_size(self, workers: int) -> str:
        """What is wrong with the size of a matrix for so many workers; empty when nothing is."""
        for path, matrix in (
            (self.latency_matrix, self._latencies),
            (self.bandwidth_matrix, self._bandwidths),
        ):
            if matrix is not None and len(matrix) != workers:
                return f"{path} is about {len(matrix)} workers; there are {workers}"
        return ""

    @property
    def resends_at_once(self) -> bool:
        """Whether messages are lost, and one that is sent again costs no time but its transmission."""
        lost = [self.loss, *(own.loss for own in self.links if own.loss is not None)]
        lossy = any(loss != Independent(probability=0.0) for loss in lost)
        quick = self.latency == Constant(mean=0.0) and self.latency_matrix is None and self.reorder is None
        return lossy and quick and self.retransmit_timeout is None

    @property
    def common(self) -> LinkSpec | None:
        """What every link is like; None where some may differ."""
        if self._latencies is not None or self._bandwidths is not None or self._overrides:
            return None
        return self._link(-1, -1)

    def link(self, sender: int, receiver: int) -> LinkSpec:
        """The link `sender -> receiver` with what is its own; the last override that names it wins.

        Raises UserError where the latency matrix says that there is no link.
        """
        if self._latencies is None and self._bandwidths is None and (sender, receiver) not in self._overrides:
            sender = receiver = -1  # as all links
        found = self._links.get((sender, receiver))
        if found is None:
            found = self._links[sender, receiver] = self._link(sender, receiver)
        return found

    def hop(self, sender: int, receiver: int) -> LinkSpec:
        """What a chunk of a collective meets on its way."""
        return self.link(sender, receiver) if self.collective is None else self.collective.hop

    def _link(self, sender: int, receiver: int) -> LinkSpec:
        own = self._overrides.get((sender, receiver))
        latency, bandwidth = self.latency, self.bandwidth
        if own is not None and own.latency is not None:
            latency = own.latency
        elif self._latencies is not None:
            latency = Constant(mean=self._there(sender, receiver, float(self._latencies[receiver, sender])))
        if own is not None and own.bandwidth is not None:
            bandwidth = own.bandwidth
        elif self._bandwidths is not None:
            bandwidth = float(self._bandwidths[receiver, sender])
        loss = own.loss if own is not None and own.loss is not None else self.loss
        return LinkSpec(latency=latency, bandwidth=bandwidth or math.inf, loss=loss)

    def _there(self, sender: int, receiver: int, latency: float) -> float:
        if math.isinf(latency):
            raise UserError(f"{self.latency_matrix}: there is no link {sender} -> {receiver} (latency inf)")
        return latency
