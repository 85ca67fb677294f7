"""The algorithms, one paper a file. A file here is found by its name: `r_fast.py` is `r-fast`."""

GRAPHS = {
    "r-fast": ("binary-tree", "exponential"),
    "r-fast-one-peer": ("exponential",),
    "s-ab": ("binary-tree", "exponential"),
    "rasgp": ("exponential",),
    "d-psgd": ("ring", "torus", "grid", "hypercube", "complete"),
    "ad-psgd": ("bipartite-exponential", "ring", "hypercube"),
    "adsgd": ("ring", "torus", "grid", "hypercube", "complete"),
    "amelie": ("binary-tree",),
    "fragile": ("binary-tree",),
}
"""The named graphs that each is recommended on; a run on another one has a caution beside it. Of a method that is not
here it is its default graph."""
