"""`topology check`: a topology explained, the condition judged, as values and as text."""
