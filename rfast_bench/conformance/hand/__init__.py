"""A world driven by hand, without a clock, and values that notice what is done to them. Builds on nothing beside it."""
