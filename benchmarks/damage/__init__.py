"""Is a damaged run ever shown as sound, and is every damage, and every `kill -9`, mended to the last byte?

    python -m benchmarks.damage [--damages 1000] [--kills 100] [--seed 0]

A small sweep is done once: the truth. Then, so many times, one or two things in a copy of its folder are changed
(`kinds.py`). `table`, and now and then `plot` and `report`, may end with 0 or 2, and what they take for sound is the
truth, or the whole record of another scenario of that name; the next `run` makes the folder what it was. And so many
times the sweep is killed at a random moment, perhaps twice, and taken up.
"""
