"""The parts of a scenario, a file each, with the defaults that users get; `base.py` and `units.py` are what they are
made of.
"""
