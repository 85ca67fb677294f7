"""Real runs whose workers and launchers are killed and stopped at random moments, and what is left of them."""
