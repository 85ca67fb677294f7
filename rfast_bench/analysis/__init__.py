"""Records into numbers: what several seeds say together, tables and their formats, both worlds compared.

Takes: records.
Gives: summaries as data frames, and the text of their cells.
May import: records, scenario, and the contract (`api`, `errors`, `files`).

The speed-up column: `outcomes.py` pairs the seeds, `tables.py` makes the columns, `cell_text.py` words them.
"""
