"""The real world: the same algorithm files on real processes, one a worker, over a real network."""
