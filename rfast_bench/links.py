"""The network of a scenario: latency, bandwidth and loss of every link, with overrides for some."""

from __future__ import annotations

import math
from functools import cached_property

from pydantic import ConfigDict, Field, PrivateAttr

from rfast_bench.spec import Spec
from rfast_bench.timing import Constant, Distribution, Independent, LossModel, Reorder
from rfast_bench.units import Bytes, BytesPerSecond, PositiveSeconds


class LinkOverride(Spec):
    """What is different on the link `from -> to`; what is not given stays as on all links."""

    model_config = ConfigDict(populate_by_name=True)

    sender: int = Field(alias="from", ge=0)
    receiver: int = Field(alias="to", ge=0)
    latency: Distribution | None = None
    bandwidth: BytesPerSecond | None = None
    loss: LossModel | None = None


class LinkSpec(Spec):
    """One link, all said. `bandwidth` in bytes per second, infinite when the scenario names none."""

    latency: Distribution
    bandwidth: float = Field(allow_inf_nan=True)
    loss: LossModel


class CollectiveSpec(Spec):
    """The hops of collectives, where their back-end is not the one that carries messages."""

    latency: Distribution = Constant(mean=0.0)
    bandwidth: BytesPerSecond | None = None
    loss: LossModel = Independent(probability=0.0)

    @cached_property
    def hop(self) -> LinkSpec:
        """As a link; the same for all."""
        return LinkSpec(latency=self.latency, bandwidth=self.bandwidth or math.inf, loss=self.loss)


class NetworkSpec(Spec):
    """Every link of the simulated network, and how lost reliable messages are sent again."""

    latency: Distribution = Constant(mean=0.0)
    bandwidth: BytesPerSecond | None = None
    """Of each worker's own outgoing link; none is infinite."""
    loss: LossModel = Independent(probability=0.0)
    """Of a message of the model's size; smaller ones are lost less."""
    reorder: Reorder | None = None
    retransmit_timeout: PositiveSeconds | None = None
    """None is the kindest to reliable methods: a round trip plus the transmission."""
    silence_timeout: PositiveSeconds | None = None
    """After so long a silence a neighbour is given up, until it is heard again. None: nobody ever is."""
    message_bytes: Bytes | None = None
    """What a model weighs on the network; None is its true size."""
    links: tuple[LinkOverride, ...] = ()
    collective: CollectiveSpec | None = None
    """None: chunks of a collective go over the links, as messages do."""

    _links: dict[tuple[int, int], LinkSpec] = PrivateAttr(default_factory=dict)

    def link(self, sender: int, receiver: int) -> LinkSpec:
        """The link `sender -> receiver` with its overrides; the last one that names it wins."""
        if not self._links:
            self._links[-1, -1] = self._with(None)
            for override in self.links:
                self._links[override.sender, override.receiver] = self._with(override)
        return self._links.get((sender, receiver)) or self._links[-1, -1]

    def hop(self, sender: int, receiver: int) -> LinkSpec:
        """What a chunk of a collective meets on its way."""
        return self.link(sender, receiver) if self.collective is None else self.collective.hop

    def _with(self, own: LinkOverride | None) -> LinkSpec:
        bandwidth = own.bandwidth if own and own.bandwidth else self.bandwidth
        return LinkSpec(
            latency=own.latency if own and own.latency else self.latency,
            bandwidth=bandwidth or math.inf,
            loss=own.loss if own and own.loss else self.loss,
        )
