"""Tables as LaTeX and JSON."""
