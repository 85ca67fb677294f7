"""Faults as both worlds meet them: when they come, what they do to a link's messages, who is left and on which side."""
