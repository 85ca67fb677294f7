"""What a report says: findings, cautions, tables, sentences. Pure functions over summaries; nothing here knows HTML.

run_description.py  what was run, in sentences           verdict.py   who reached what when, at a point
resolved.py         the scenario of many runs as one     overview.py  the same over a sweep
cautions.py         what speaks against the numbers      margins.py   how much sooner the first is than the second
sortable_tables.py  tables that sort                     findings.py  what the makers of sentences share
tuned.py            what tuning chose                    trained.py   momentum and schedules
fault_words.py      faults, times and lists in words
"""
