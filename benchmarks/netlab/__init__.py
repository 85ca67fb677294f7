"""A network laboratory on one machine: hosts as network namespaces, faults in the links between them."""
