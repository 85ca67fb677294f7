"""The simulated world: algorithms under a SimPy clock with modelled compute times, links and losses."""
