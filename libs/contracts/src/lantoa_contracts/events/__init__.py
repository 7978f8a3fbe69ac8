"""Events by the service that owns them."""
