"""Metrics of broadcast: what was aired against what was planned."""

from prometheus_client import Counter, Histogram

START_DRIFT = Histogram(
    "lantoa_broadcast_start_drift_seconds",
    "How long after its planned moment a station began an entry",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1800),
)
AIRINGS = Counter(
    "lantoa_broadcast_airings_total", "Attempts that stations proved, and airings that were missed", ["outcome"]
)
for _outcome in ("aired", "cut", "missed"):
    AIRINGS.labels(_outcome)
