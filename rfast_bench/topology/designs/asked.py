"""`rfast_bench.topology.design`: what the command says, as an object."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rfast_bench.errors import UserError
from rfast_bench.topology.designs import pair
from rfast_bench.topology.designs.objective import Network, Objective


def design(
    latency: ArrayLike,
    sending: ArrayLike | None = None,
    *,
    compute: float = 0.0,
    objective: Objective = "loop-time",
    root: int | None = None,
    max_degree: int | None = None,
) -> pair.Design:
    """A pair of spanning trees with a common root for a network, and how far from the best it can be.

    `latency`, `sending`: seconds by [receiver, sender], shape (n, n): of the link (`inf` where there is none), and for
    handing a message to it (bytes / bandwidth; 0 by default). `compute`: seconds of an iteration. `root`: any by
    default. `max_degree`: most children in a tree. Raises UserError.
    """
    delays = np.array(latency, dtype=float)
    if delays.ndim != 2 or delays.shape[0] != delays.shape[1] or not delays.size:
        raise UserError(f"latency: expected a square array, found shape {delays.shape}")
    costs = np.zeros_like(delays) if sending is None else np.array(sending, dtype=float)
    if costs.shape != delays.shape:
        raise UserError(f"sending: expected shape {delays.shape}, found {costs.shape}")
    for name, array in (("latency", delays), ("sending", costs)):
        if np.isnan(array).any() or (array < 0).any():
            raise UserError(f"{name}: expected seconds of at least 0")
        np.fill_diagonal(array, 0.0)
    return pair.design(Network(delays, costs, compute), objective, root, max_degree)
