"""What ends a worker's process before its run does: a broken rule, an error of the method's code, nobody who can go on.

How a process tells it, and how the launcher hears it.
"""
