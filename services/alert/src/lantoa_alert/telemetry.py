"""Metrics of alert: how many and how fast, never which."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1800)

VERIFIED = Histogram(
    "lantoa_alert_verified_seconds", "From a notice's issue to a device's word that it has it", buckets=_SECONDS
)
ACKS = Counter("lantoa_alert_acks_total", "Acknowledgements of notices by devices", ["outcome"])
"""The stages of a device; repeated, told again; unknown, of no notice of ours."""
ORDERS = Counter("lantoa_alert_orders_total", "Orders of scopes", ["way"])
"""said on core NATS, stored for who connects later."""
RETRIES = Counter("lantoa_alert_retries_total", "Orders said again to a device that was silent")
REFUSALS = Counter("lantoa_alert_refusals_total", "Steps towards a notice that were refused", ["outcome"])
"""By the error's code, of which the code has a dozen."""
IN_FORCE = Gauge("lantoa_alert_notices_in_force", "Notices that devices obey now", ["status"])
ADDRESSED = Gauge("lantoa_alert_devices_addressed", "Devices for which notices in force are meant")
SILENT = Gauge("lantoa_alert_devices_silent", "Devices that have not answered a notice in force")
UNSTORED = Gauge("lantoa_alert_unstored", "Documents and orders that JetStream does not have yet")
CAP_MESSAGES = Counter("lantoa_alert_cap_messages_total", "CAP messages taken, by what became of them", ["outcome"])
CAP_REFUSALS = Counter("lantoa_alert_cap_refusals_total", "CAP messages refused, by the kind of fault", ["kind"])
CAP_FETCHES = Counter("lantoa_alert_cap_fetches_total", "Requests to CAP sources, by how they ended", ["outcome"])

for _stage in ("received", "verified", "playing", "finished", "failed", "repeated", "unknown"):
    ACKS.labels(_stage)  # From the start: a rule sees the first one rise from 0.
for _way in ("said", "stored"):
    ORDERS.labels(_way)
