"""The report: run folders into one self-contained HTML page. It reads records from disk and knows no world.

scene.py     what was run, in sentences from the resolved scenario     charts.py  curves and bars
verdict.py   who reached what when, in sentences from the summary      sweeps.py  against the swept keys
grids.py     tables that sort                                          works.py   timelines and graphs
page.py      puts the parts together (templates/)                      svg.py     scales and elements
pdf.py       the page through a headless browser
"""
