"""rfast-bench: asynchronous decentralised SGD under one clock. Read `rfast_bench.api` first."""
