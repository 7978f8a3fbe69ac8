"""Metrics of the directory: acts on units, sign-ins, what is written into the audit, and when it was sealed."""

from prometheus_client import Counter, Gauge

from lantoa_contracts.catalogue import SERVICES

ACTS_OVERDUE = Gauge(
    "lantoa_directory_acts_overdue", "Acts whose day has come, or that are being written or taken back, and not done"
)
AUDIT_ENTRIES = Counter("lantoa_audit_entries_total", "Acts written into the audit, by service", ["component"])
AUDIT_LAG = Gauge("lantoa_audit_lag_seconds", "From the last act to its entry")
AUDIT_SEAL_AGE = Gauge("lantoa_audit_seal_age_seconds", "Since the last seal; since the start where there is none")

SIGN_INS = Counter(
    "lantoa_directory_sign_ins_total", "Steps of sign-ins, by way and what became of them", ["way", "outcome"]
)
"""Ways: password, totp, recovery, passkey, oidc, app, token. Outcomes: in; half, a second factor is wanted; again,
shown once more; refused; waiting, tried too often; replayed, a refresh token that was used before."""

for service in SERVICES:
    AUDIT_ENTRIES.labels(service)  # From the start: a rate sees the first one rise from 0.
