"""A host in memory, for tests and the simulated world: the run-directory protocol without a machine."""
