"""Alert over HTTP."""
