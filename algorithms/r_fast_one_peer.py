"""One-peer R-FAST: R-FAST that sends to one neighbour an iteration, each in its turn. Beyond the paper.

Iteration k sends v to out-neighbour number k of G(W), and ρ to number k of G(A), both modulo how many there are. These
are ordered by (j - i) mod n: where both graphs have the same edges, one peer gets both. The letters are those of
`r_fast.py`, and

    here         meaning
    own_share    a_ii while there is anybody to give to; the peer of the iteration gets 1 - a_ii
    k            iterations done; travels with v as its number
    seen[j]      the number of the last v of j that was mixed in
    peers_W, _A  out-neighbours of G(W) and of G(A), in the order of their turns

A model is mixed in once: of in-neighbours that sent nothing new nothing is taken, and the weights w_ij of the others
and w_ii are scaled to sum to 1. ρ stays a running sum for each edge, so the ledger and `settle` are R-FAST's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rfast_bench.algorithms.r_fast import RFast
from rfast_bench.api import Node, OwnShareA, StepSize, Vector


class RFastOnePeer(RFast):  # type: ignore[misc, unused-ignore]  # a fresh clone sees Any
    """One worker of one-peer R-FAST: two messages an iteration, whatever the graphs."""

    default_topology = "exponential"

    def __init__(
        self,
        x0: Vector,
        *,
        step_size: StepSize,
        own_share: OwnShareA = 0.5,
        compensated: bool | None = None,
    ) -> None:
        super().__init__(x0, step_size=step_size, compensated=compensated)
        self.own_share = own_share
        self.k = 0
        self.seen: dict[int, int] = {}
        self.peers_W: Sequence[int] = ()
        self.peers_A: Sequence[int] = ()

    def settle(self, node: Node) -> None:
        """R-FAST's, and the turns anew. `seen` stays: what lies in the letter box of one that comes back is old."""
        super().settle(node)
        self.peers_W, self.peers_A = (
            sorted(out, key=lambda j: (j - node.id) % node.n) for out in (node.out_W, node.out_A)
        )

    def mix(self, node: Node, v: Vector, x0: Vector) -> Vector:
        """Post v to this iteration's peer and mix it with the models not mixed before. x⁰ counts for nobody."""
        for j in self.turn(self.peers_W):
            node.post(j, "v", (self.k, v))
        W, none = node.W, (-1, v)
        x, total = W[node.id] * v, W[node.id]
        for j in node.in_W:
            number, v_j = node.newest(j, "v", none)
            if number != self.seen.get(j, -1):
                self.seen[j] = number
                x = x + W[j] * v_j
                total = total + W[j]
        return x / total

    def sharing(self, node: Node) -> tuple[Mapping[int, float], Sequence[int]]:
        """a_ii for itself and all the rest for this iteration's peer."""
        peer = self.turn(self.peers_A)
        own = self.own_share if peer else 1.0
        return {node.id: own, **dict.fromkeys(peer, 1.0 - own)}, peer

    def track(self, node: Node, g_new: Vector) -> None:
        """R-FAST's; an iteration is done with it."""
        super().track(node, g_new)
        self.k += 1

    def turn(self, peers: Sequence[int]) -> Sequence[int]:
        """Whose turn it is among them: one, or nobody where there are none."""
        return peers and (peers[self.k % len(peers)],)

    @classmethod
    def messages(cls, out_W: int, out_A: int) -> int:
        """One v and one ρ, where there is anybody to have them."""
        return min(out_W, 1) + min(out_A, 1)

    @classmethod
    def vectors(cls, edges_w: float, edges_a: float) -> float:
        """R-FAST's, but each edge of G(W) has a v of its own, not one that all of a worker's share."""
        whole: float = super().vectors(edges_w, edges_a)
        return whole + edges_w
