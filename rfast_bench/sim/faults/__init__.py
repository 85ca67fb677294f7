"""Faults under the simulated clock: who is killed, started again, paused; and when a run that waits is given up."""
