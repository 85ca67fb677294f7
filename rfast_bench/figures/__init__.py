"""Figures by matplotlib and seaborn: of runs, of sweeps, of topologies.

Takes: records and their numbers.
Gives: PNG, SVG, PDF and PGF files; drawings on axes that are given.
May import: analysis, records, and the contract (`api`, `errors`, `files`).
"""
