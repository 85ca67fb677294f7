"""Parameters chosen before they are reported: `tune.py` for a scenario, `search.py` for one algorithm, `ranking.py`
says what is best.
"""
