"""nats.conf from the catalogue: two accounts, generated rights, the auth callout.

Devices live in an account of their own, joined to the platform's by exports and imports: in one account a device
deletes streams and forges events merely by pointing the reply subject of what it may publish.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.streams import HEARD, consumers
from lantoa_runtime.topology.keys import USERS, KeyRing

_DEVICE_SERVICES = (
    "dev.up.*.*",
    "dev.rpc.*.*",
    "$JS.API.DIRECT.GET.KV_desired.$KV.desired.*",
    "$JS.API.DIRECT.GET.KV_alert.$KV.alert.>",
)
_DEVICE_STREAMS = ("dev.dn.>", "dev.bc.>")
ALERT_ISSUE = "alert.rpc.issue"
"""Where key holders ask the alert service to issue a notice, with nothing but NATS between them."""


def _of_bucket(name: str) -> tuple[str, ...]:
    """Rights of a service that writes a bucket and follows all of it, by DIRECT.GET of one key or of many."""
    stream = f"KV_{name}"
    return f"$KV.{name}.>", f"$JS.API.DIRECT.GET.{stream}", f"$JS.API.DIRECT.GET.{stream}.>"


_EXTRA_PUBLISH = {
    "fleet": (
        "$KV.desired.*",
        "$JS.API.STREAM.INFO.KV_desired",
        "$JS.API.DIRECT.GET.KV_desired.>",
        "dev.dn.*.desired",
        "dev.dn.*.cmd",
    ),
    "alert": (
        "dev.bc.>",
        "dev.dn.*.alert",
        *_of_bucket("alert"),
        *_of_bucket("alert_book"),
    ),
    # To read what it missed; reading is all that this request can do.
    "gateway": ("$JS.API.DIRECT.GET.EVT",),
}
_EXTRA_SUBSCRIBE = {
    "fleet": ("dev.rpc.*.snapshot", "dev.rpc.*.manifest", "dev.up.*.hb", "dev.up.*.ack", "evt.fleet.device.>"),
    "alert": ("dev.rpc.*.alerts", ALERT_ISSUE),
    "gateway": (f"{HEARD}.>",),
}
_SILENT = ("gateway",)
"""Services that hear events and say none."""
_ANSWERS = ("fleet", "alert")
"""Services that answer requests of devices: ``allow_responses`` instead of a right to publish on any reply subject."""


class PlainRefused(Exception):
    """A listener that others reach would speak without TLS."""


@dataclass(frozen=True)
class Tls:
    """Files of a server's certificate, with its chain, and its private key, as the server sees them."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True)
class ClusterPlan:
    """A server's place among others: where it listens for them, and where it finds them (``nats://host:port``)."""

    port: int
    routes: tuple[str, ...]
    name: str = "lantoa"


@dataclass(frozen=True)
class NatsPlan:
    """Where a server listens and keeps its files; 0 leaves a listener out. The monitor never leaves loopback."""

    store: Path
    port: int
    monitor_port: int = 0
    websocket_port: int = 0
    mqtt_port: int = 0
    callout_timeout_seconds: int = 10
    host: str = "127.0.0.1"
    """What every other listener binds. Beyond loopback it must be TLS: alerts and devices' tokens cross it."""
    tls: Tls | None = None
    server_name: str = "lantoa-1"
    """Unlike every other's in a cluster, and the same after a restart: replicas are placed by it."""
    cluster: ClusterPlan | None = None

    def __post_init__(self) -> None:
        if self.tls is None and not _is_loopback(self.host):
            raise PlainRefused(f"NATS on {self.host} needs a certificate: only loopback may be without TLS")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def service_rights(service: str) -> tuple[list[str], list[str]]:
    """What a service may publish and subscribe to, from the catalogue: its own events, its own durables, its inbox."""
    publish = [] if service in _SILENT else [f"evt.{service}.>", f"dlq.{service}.>"]
    for consumer in consumers():
        if consumer.service == service:
            where = f"{consumer.stream}.{consumer.durable}"
            publish += [
                f"$JS.API.CONSUMER.INFO.{where}",
                f"$JS.API.CONSUMER.MSG.NEXT.{where}",
                f"$JS.ACK.{where}.>",
            ]
    publish += _EXTRA_PUBLISH.get(service, ())
    subscribe = [f"_INBOX_{service}.>", *_EXTRA_SUBSCRIBE.get(service, ())]
    return publish, subscribe


def _listed(subjects: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{subject}"' for subject in subjects) + "]"


def _user(nkey: str, publish: Iterable[str], subscribe: Iterable[str], *, answers: bool = False) -> str:
    responses = ', allow_responses: { max: 1, expires: "5s" }' if answers else ""
    return (
        f"{{ nkey: {nkey}, permissions: {{ publish: {{ allow: {_listed(publish)} }}, "
        f"subscribe: {{ allow: {_listed(subscribe)} }}{responses} }} }}"
    )


def _accounts(ring: KeyRing) -> str:
    services = "\n      ".join(
        _user(ring.public(name), *service_rights(name), answers=name in _ANSWERS) for name in SERVICES
    )
    exports = "\n      ".join(
        [f'{{ service: "{subject}", accounts: [DEVICES] }}' for subject in _DEVICE_SERVICES]
        + [f'{{ stream: "{subject}", accounts: [DEVICES] }}' for subject in _DEVICE_STREAMS]
    )
    imports = "\n      ".join(
        [f'{{ service: {{ account: PLATFORM, subject: "{subject}" }} }}' for subject in _DEVICE_SERVICES]
        + [f'{{ stream: {{ account: PLATFORM, subject: "{subject}" }} }}' for subject in _DEVICE_STREAMS]
    )
    system = _user(
        ring.public("sys"),
        ["$SYS.REQ.SERVER.*.KICK", "$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.CONNZ"],
        ["$SYS.ACCOUNT.DEVICES.CONNECT", "$SYS.ACCOUNT.DEVICES.DISCONNECT", "_INBOX_sys.>"],
    )
    holder = _user(ring.public("holder"), [ALERT_ISSUE], ["_INBOX_holder.>"])
    # Without the right to publish on $SYS._INBOX every login would hang until the callout's timeout.
    callout = _user(ring.public("callout"), ["$SYS._INBOX.>"], ["$SYS.REQ.USER.AUTH", "_INBOX_callout.>"])
    return f"""accounts {{
  SYS {{ users: [ {system} ] }}
  AUTH {{ users: [ {callout} ] }}
  PLATFORM {{
    jetstream: enabled
    exports: [
      {exports}
    ]
    users: [
      {{ nkey: {ring.public("topology")} }}
      {services}
      {holder}
    ]
  }}
  DEVICES {{
    jetstream: {{ max_mem: 64MB, max_file: 256MB, max_streams: 8, max_consumers: 200 }}
    # For each connection. What the callout's JWT says of limits is not applied to users of a configured account.
    limits: {{ max_payload: 64KB, max_subscriptions: 64 }}
    imports: [
      {imports}
    ]
  }}
}}
system_account: SYS"""


def nats_conf(ring: KeyRing, plan: NatsPlan) -> str:
    """The server's configuration as text; it passes ``nats-server -t``."""
    files = f'cert_file: "{plan.tls.cert_file}", key_file: "{plan.tls.key_file}"' if plan.tls else ""
    tls = f"tls {{ {files} }}" if plan.tls else ""
    listeners = [tls] if tls else []
    host = f'host: "{plan.host}"'
    if plan.monitor_port:
        listeners.append(f"http: 127.0.0.1:{plan.monitor_port}")
    if plan.mqtt_port:
        about = 'ack_wait: "30s", max_ack_pending: 100' + (f", {tls}" if tls else "")
        listeners.append(f"mqtt {{ {host}, port: {plan.mqtt_port}, {about} }}")
    if plan.websocket_port:
        about = f"{tls or 'no_tls: true'}, compression: true"
        listeners.append(f"websocket {{ {host}, port: {plan.websocket_port}, {about} }}")
    if plan.cluster:
        routes = ", ".join(f'"{route}"' for route in plan.cluster.routes)
        about = f"port: {plan.cluster.port}, routes: [{routes}]" + (f", {tls}" if tls else "")
        listeners.append(f"cluster {{ name: {plan.cluster.name}, {host}, {about} }}")
    bypass = ", ".join(ring.public(user) for user in USERS)
    return f"""server_name: {plan.server_name}
{host}
port: {plan.port}
max_connections: 20000
max_payload: 1MB
write_deadline: "10s"
{chr(10).join(listeners)}
jetstream {{
  store_dir: "{plan.store}", sync_interval: always, max_memory_store: 256MB, max_file_store: 8GB
  limits: {{ default_max_consumers: -1 }}
}}
{_accounts(ring)}
authorization {{
  timeout: {plan.callout_timeout_seconds}
  auth_callout {{ issuer: {ring.issuer_public}, account: AUTH, xkey: {ring.curve_public}, auth_users: [{bypass}] }}
}}
"""
