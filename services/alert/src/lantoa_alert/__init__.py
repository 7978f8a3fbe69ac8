"""Emergency alerts: small, apart, first to start, last to fail."""
