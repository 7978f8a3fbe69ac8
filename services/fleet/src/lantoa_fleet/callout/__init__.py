"""The auth callout: decides from memory whether a device may sign in to NATS, and with which rights.

A process of its own, replicated, that goes on serving its last snapshot of the registry without fleet and MongoDB.
"""
