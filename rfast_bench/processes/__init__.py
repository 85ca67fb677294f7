"""Processes that the suite starts: what they import, calls in a process of their own.

Takes: a function.
Gives: its value, or how its process died.
May import: the contract (`api`, `errors`, `files`).

They import the package that this process has imported, whatever their working folder holds.
"""
