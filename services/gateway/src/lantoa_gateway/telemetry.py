"""What the gateway counts of its own: open pages that are told of changes, and whom it turned away."""

from prometheus_client import Counter, Gauge

LIVE_STREAMS = Gauge("lantoa_gateway_live_streams", "Open pages that are told of changes")
LIVE_HINTS = Counter("lantoa_gateway_live_hints_total", "Hints to open pages by what became of them", ["outcome"])
LIVE_HEARING = Gauge("lantoa_gateway_live_hearing", "1 while changes are heard from NATS")
SHED = Counter("lantoa_gateway_shed_total", "Requests refused for want of a place, by rank", ["kind"])
LIMITED = Counter("lantoa_gateway_limited_total", "Requests refused as too many, by allowance", ["kind"])
CUT = Counter("lantoa_gateway_cut_total", "Connections that were ended for what their client did", ["reason"])
