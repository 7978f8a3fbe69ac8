"""Ed25519-signed documents, key sets and device keys: pure functions."""
