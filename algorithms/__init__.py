"""The algorithms, one paper a file. A file here is found by its name: `r_fast.py` is `r-fast`."""
