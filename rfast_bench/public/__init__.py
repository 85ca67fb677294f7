"""What `import rfast_bench` offers to Python: scenarios run, records loaded, data frames, figures.

Takes: scenarios as files, names, mappings or objects; folders of records.
Gives: `Study`.
May import: figures, study, analysis, records, plan, topology, scenario, and the contract (`api`, `errors`, `files`).
"""
