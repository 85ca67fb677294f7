"""Whether a method keeps the contract, tried in worlds driven by hand.

Takes: a class and its parameters.
Gives: findings, each with the rule, the line of the method's file, what was seen and a mend.
May import: plan, problems, topology, scenario, breaches, and the contract (`api`, `errors`, `files`).

`check.py` tries every rule. `hand/` is the world driven by hand and what stands for arrays in it; what is tried stands
in `contract_rules.py`, `sharing.py` and `mathematics.py`, and `source.py` and `blame.py` find the line. The command
`check` and the tests of every shipped algorithm are this room; both worlds in miniature are `study/checking/`.
"""
