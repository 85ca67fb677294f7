"""What the parts of a scenario are made of: the base of every part, quantities with units, names of files."""
