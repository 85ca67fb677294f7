"""The parts of a scenario but for its problem, a file each, with the defaults that users get."""
