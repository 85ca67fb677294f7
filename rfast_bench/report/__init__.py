"""The report: run folders into one self-contained HTML page, which knows no world.

Takes: records.
Gives: a page, or a PDF of it.
May import: figures, analysis, records, plan, and the contract (`api`, `errors`, `files`).

`content/` says what there is to say, as sentences and tables; `page/` draws it.
"""
