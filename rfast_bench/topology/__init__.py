"""Graphs, weights, and the condition that G(W) and G(A) have a root in common.

Takes: the `topology` section of a scenario, or files.
Gives: a `Topology`: weights by worker, roots, Perron vectors.
May import: scenario, and the contract (`api`, `errors`, `files`).

`check/` explains one to the user; `design/` makes a pair for a measured network.
"""
