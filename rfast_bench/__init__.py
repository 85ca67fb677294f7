"""rfast-bench: asynchronous decentralised SGD under one clock. Read `rfast_bench.api` first.

The rooms, from the roof down; imports only ever point down. Each says in its `__init__.py` what it takes and gives.

    cli                          commands
    report                       a page of records
    figures, trace               drawings; Perfetto
    study                        runs done: one, sweeps, tuning
    analysis                     records into numbers
    sim, real                    the two worlds
    records                      what a run leaves on disk
    plan                         a scenario's runs; algorithms by name
    conditions                   what workers meet in either world
    problems                     what is optimised
    topology                     graphs, weights, the common root
    scenario, processes          what a file may say; how children start
    api, errors, files           the contract of algorithms; what all use
"""
