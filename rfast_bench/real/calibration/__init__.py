"""Measures gradients and links of this machine, and writes the simulated scenario that stands for it."""
