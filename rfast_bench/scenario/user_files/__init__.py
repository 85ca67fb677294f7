"""Files of the user's own that a scenario names: tables of numbers, and Python."""
