"""What every worker meets in either world, the same for every algorithm.

Takes: a scenario and a seed.
Gives: streams of random numbers, compute times, a link's latencies and losses, the outgoing queue, bytes of
    payloads, who still lives.
May import: topology, scenario, breaches, and the contract (`api`, `errors`, `files`).

Whether a message is lost is drawn in `links.py` and decided in `outgoing.py`; of the chunks of an all-reduce in
`ring.py`.
"""
