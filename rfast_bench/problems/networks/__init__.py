"""Torch modules as problems: one flat vector, gradients without state, and a check before any run.

`problem.py` is the problem; `engine.py` computes on one device; `flat.py`, `buffers.py` and `randomness.py` keep a
module without state; `check.py` tells what is wrong with one; `models/` holds those that come with the suite.
All of this imports torch, which takes a second or more.
"""
