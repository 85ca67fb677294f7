"""One worker's process: its coroutines, its compute times, its clock, what it samples and what it leaves."""
