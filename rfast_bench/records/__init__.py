"""What a run leaves on disk: a folder that appears whole or not at all, and is read back as attributes and tables.

Takes: tables and a manifest, or folders.
Gives: folders, or `Run`s.
May import: plan, scenario, and the contract (`api`, `errors`, `files`).
"""
