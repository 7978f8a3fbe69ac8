"""NATS as fleet uses it: the desired bucket, the devices' calls, the system account."""
