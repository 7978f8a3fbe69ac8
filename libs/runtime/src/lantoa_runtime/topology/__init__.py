"""Streams, durables and rights on NATS, made from the contracts by one provisioner and by nobody else."""
