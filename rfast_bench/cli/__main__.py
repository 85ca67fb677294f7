"""`python -m rfast_bench.cli` is `rfast-bench`."""

from rfast_bench.cli.commands import main

main(prog_name="rfast-bench")
