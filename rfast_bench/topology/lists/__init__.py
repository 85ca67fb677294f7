"""Lines of text files, for the readers of graphs and weights beside."""
