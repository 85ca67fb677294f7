"""The report: run folders into one self-contained HTML page. It reads records from disk and knows no world.

page.py      the whole page (templates/)          svg.py      elements, scales, markers
parts.py     what stands in each part of it       charts.py   curves and bars
scene.py     what was run, in sentences           sweeps.py   measures against the swept keys
resolved.py  the scenario of many runs as one     works.py    timelines and graphs
verdict.py   who reached what when, at a point    grids.py    tables that sort
overview.py  the same over a sweep                pdf.py      the page through a headless browser
cautions.py  what speaks against the numbers      findings.py what the makers of sentences share
leads.py     how much sooner the first is         tuned.py    what tuning chose
"""
