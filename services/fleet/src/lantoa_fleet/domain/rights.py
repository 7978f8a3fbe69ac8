"""What a device may do on NATS: listed one by one (device topology notes, section 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from lantoa_fleet.domain.devices import alert_scopes

MOST_SUBSCRIPTIONS = 64
"""Of one connection. ``#`` of MQTT counts as two: a level and what is below it."""
BIGGEST_MESSAGE = 65_536
LIFETIME_SECONDS = 24 * 3600
MOST_GROUPS = 16
"""With these a device in a unit eleven levels down still has a subscription for every subject it may hear."""

_UP = ("hb", "reported", "ack", "aired", "displayed", "alarm")
_RPC = ("snapshot", "manifest", "alerts")
_DOWN = ("desired", "cmd", "alert")
_DIRECT = "$JS.API.DIRECT.GET"


@dataclass(frozen=True)
class Rights:
    """Subjects a device may publish and subscribe to, and over which listeners."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    listeners: tuple[str, ...]


def rights_of(device_id: str, path: Iterable[str], groups: Iterable[str] = (), *, mqtt: bool) -> Rights:
    """The rights of a device that stands in the unit with this path and belongs to these groups.

    A scope is open downwards (``dev.bc.<scope>.>``): beside the order lie the parts of its sound. An MQTT receiver has
    neither the buckets nor an inbox: it asks for its snapshot and its alerts by rpc. No ``$MQTT`` subject either: with
    one it could listen to others' deliveries.
    """
    scopes = alert_scopes(path, groups)
    publish = [f"dev.up.{device_id}.{what}" for what in _UP] + [f"dev.rpc.{device_id}.{what}" for what in _RPC]
    subscribe = [f"dev.dn.{device_id}.{what}" for what in _DOWN] + [f"dev.bc.{scope}.>" for scope in scopes]
    if mqtt:
        # In MQTT ``dev/bc/all/#`` is ``dev/bc/all`` as well, and is refused whole where one of the two is.
        subscribe += [f"dev.bc.{scope}" for scope in scopes]
        return Rights(tuple(publish), tuple(subscribe), ("MQTT",))
    publish.append(f"{_DIRECT}.KV_desired.$KV.desired.{device_id}")
    publish += [f"{_DIRECT}.KV_alert.$KV.alert.{scope}.>" for scope in scopes]
    subscribe.append(f"_INBOX_{device_id}.>")
    return Rights(tuple(publish), tuple(subscribe), ("STANDARD", "WEBSOCKET"))
