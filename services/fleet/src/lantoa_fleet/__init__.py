"""Devices: claim, keys, desired and reported state, the NATS auth callout."""
