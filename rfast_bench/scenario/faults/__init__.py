"""The `faults` section of a scenario: what breaks, when, and when it is whole again."""
