"""A served process from its start to its end: signals, exit codes, lifespan, listening."""
