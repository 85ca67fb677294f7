"""What can be seen of runs while they are under way: `watch.py` is told of one and keeps it where others look,
`bars.py` shows it in the terminal, `tensorboard.py` writes curves.
"""
