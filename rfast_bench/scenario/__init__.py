"""What a scenario file may say, and how mistakes in it are told. Builds nothing, runs nothing.

Takes: YAML and overrides.
Gives: a checked `Scenario`, or a UserError that names the key, what was found and what is allowed.
May import: the contract (`api`, `errors`, `files`).

`schema.py` is the whole, `algorithms.py` an entry of its list, `problem/` and `sections/` have the other parts, made of
`values/`; `reading.py` tells the mistakes; `user_files/` reads what a scenario names beside it: tables, and classes of
the user's own, whose keywords are keys.
"""
