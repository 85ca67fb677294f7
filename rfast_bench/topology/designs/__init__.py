"""Pairs of spanning trees with a common root that suit a measured network."""
