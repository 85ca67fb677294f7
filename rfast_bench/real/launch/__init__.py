"""Starts the workers of a run and watches them: `local.py` on this machine; `external.py` where torchrun or srun
starts one rank each.
"""
