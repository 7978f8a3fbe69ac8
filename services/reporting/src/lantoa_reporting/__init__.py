"""Plan, tasks, evidence, periods."""
