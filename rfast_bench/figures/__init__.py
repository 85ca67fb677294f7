"""Figures by matplotlib and seaborn: of runs, of sweeps, of topologies.

Takes: records and their numbers.
Gives: PNG and SVG files.
May import: analysis, records, and the contract (`api`, `errors`, `files`).
"""
