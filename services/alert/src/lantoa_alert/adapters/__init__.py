"""NATS buckets and subjects, sounds, feeds."""
