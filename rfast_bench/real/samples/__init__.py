"""What a worker samples for evaluation after the run, on its way through memory and disk to the one that evaluates."""
