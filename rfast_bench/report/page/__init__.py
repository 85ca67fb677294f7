"""How a report is drawn: HTML (`templates/`) and SVG.

html.py      the whole page                       svg.py       elements, scales, markers
sections.py  what stands in each part of it       charts.py    curves and bars
pdf.py       the page through a browser           sweeps.py    measures against the swept keys
                                                  diagrams.py  timelines and graphs
"""
