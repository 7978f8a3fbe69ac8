"""nats.conf from the catalogue: two accounts, generated rights, the auth callout.

Devices live in an account of their own, joined to the platform's by exports and imports: in one account a device
deletes streams and forges events merely by pointing the reply subject of what it may publish.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.streams import consumers
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
    """Rights of a service that writes a bucket and reads all of it when it starts."""
    stream = f"KV_{name}"
    return (
        f"$KV.{name}.>",
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.INFO.{stream}.>",
        f"$JS.API.CONSUMER.DELETE.{stream}.>",
        f"$JS.FC.{stream}.>",
    )


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
}
_EXTRA_SUBSCRIBE = {
    "fleet": ("dev.rpc.*.snapshot", "dev.rpc.*.manifest", "dev.up.*.hb"),
    "alert": ("dev.rpc.*.alerts", ALERT_ISSUE),
}
_ANSWERS = ("fleet", "alert")
"""Services that answer requests of devices: ``allow_responses`` instead of a right to publish on any reply subject."""


@dataclass(frozen=True)
class ClusterPlan:
    """A server's place among others: where it listens for them, and where it finds them (``nats://host:port``)."""

    port: int
    routes: tuple[str, ...]
    name: str = "lantoa"


@dataclass(frozen=True)
class NatsPlan:
    """Where the embedded server listens and keeps its files; ports on loopback, 0 leaves a listener out."""

    store: Path
    port: int
    monitor_port: int = 0
    websocket_port: int = 0
    mqtt_port: int = 0
    callout_timeout_seconds: int = 10
    server_name: str = "lantoa-1"
    """Unlike every other's in a cluster, and the same after a restart: replicas are placed by it."""
    cluster: ClusterPlan | None = None


def service_rights(service: str) -> tuple[list[str], list[str]]:
    """What a service may publish and subscribe to, from the catalogue: its own events, its own durables, its inbox."""
    publish = [f"evt.{service}.>", f"dlq.{service}.>"]
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
    imports: [
      {imports}
    ]
  }}
}}
system_account: SYS"""


def nats_conf(ring: KeyRing, plan: NatsPlan) -> str:
    """The server's configuration as text; it passes ``nats-server -t``."""
    listeners = []
    if plan.monitor_port:
        listeners.append(f"http: 127.0.0.1:{plan.monitor_port}")
    if plan.mqtt_port:
        listeners.append(f'mqtt {{ host: 127.0.0.1, port: {plan.mqtt_port}, ack_wait: "30s", max_ack_pending: 100 }}')
    if plan.websocket_port:
        listeners.append(
            f"websocket {{ host: 127.0.0.1, port: {plan.websocket_port}, no_tls: true, compression: true }}"
        )
    if plan.cluster:
        routes = ", ".join(f'"{route}"' for route in plan.cluster.routes)
        listeners.append(
            f"cluster {{ name: {plan.cluster.name}, listen: 127.0.0.1:{plan.cluster.port}, routes: [{routes}] }}"
        )
    bypass = ", ".join(ring.public(user) for user in USERS)
    return f"""server_name: {plan.server_name}
listen: 127.0.0.1:{plan.port}
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
