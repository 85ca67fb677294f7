"""Recorded runs as one trace file for Perfetto.

Takes: records of simulated runs, which are done again, and of real ones.
Gives: Chrome trace events as JSON.
May import: study, sim, records, conditions, and the contract (`api`, `errors`, `files`).
"""
