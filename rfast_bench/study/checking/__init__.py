"""What `rfast-bench check` is asked for, and what it tries in both worlds in miniature. Builds on `study/run.py`."""
