"""Data sets: read, scaled, split, and dealt to workers."""
