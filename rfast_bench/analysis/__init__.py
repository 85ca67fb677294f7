"""Records into numbers: what several seeds say together, tables and their formats, both worlds compared.

Takes: records.
Gives: summaries as data frames, and the text of their cells.
May import: records, scenario, and the contract (`api`, `errors`, `files`).

The speed-up column: `tables.py` sets a run beside the baseline's of the same seed, `outcomes.py` divides their times
and takes the median over seeds, `cell_text.py` words it.
"""
