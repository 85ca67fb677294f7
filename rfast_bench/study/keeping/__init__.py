"""What is there of runs, and what is kept: `done.py` says which need not be done again, `writable.py` what to say
where nothing can be written, `checkpoint.py` which models stay.
"""
