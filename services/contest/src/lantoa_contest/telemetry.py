"""Metrics of contest."""

from prometheus_client import Counter

ATTEMPTS = Counter("lantoa_contest_attempts_total", "Steps of attempts", ["outcome"])
"""Outcomes: started; accepted, sealed and acknowledged; waiting, sealed and the acknowledgement is to come; repeated,
handed in again; late, handed in after its time."""
