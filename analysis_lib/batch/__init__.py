"""Plan, run and record a batch of notebooks."""
