"""The streams of randomness, by seed, purpose and worker or link: the same for every algorithm."""
