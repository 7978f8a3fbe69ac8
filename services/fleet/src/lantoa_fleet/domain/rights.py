"""What a device may do on NATS: listed one by one, never by ``>`` (device topology notes, section 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from lantoa_fleet.domain.devices import alert_scopes

MOST_SUBSCRIPTIONS = 32
BIGGEST_MESSAGE = 65_536
LIFETIME_SECONDS = 24 * 3600

_UP = ("hb", "reported", "ack", "aired", "displayed", "alarm")
_RPC = ("snapshot", "manifest")
_DIRECT = "$JS.API.DIRECT.GET"


@dataclass(frozen=True)
class Rights:
    """Subjects a device may publish and subscribe to, and over which listeners."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    listeners: tuple[str, ...]


def rights_of(device_id: str, path: Iterable[str], *, mqtt: bool) -> Rights:
    """The rights of a device that stands in the unit with this path.

    An MQTT receiver has neither the bucket nor an inbox: it asks for its snapshot by rpc. No ``$MQTT`` subject either:
    with one it could listen to others' deliveries.
    """
    scopes = alert_scopes(path)
    publish = [f"dev.up.{device_id}.{what}" for what in _UP] + [f"dev.rpc.{device_id}.{what}" for what in _RPC]
    subscribe = [f"dev.dn.{device_id}.desired", f"dev.dn.{device_id}.cmd"]
    subscribe += [f"dev.bc.{scope}.alert" for scope in scopes]
    if mqtt:
        return Rights(tuple(publish), tuple(subscribe), ("MQTT",))
    publish.append(f"{_DIRECT}.KV_desired.$KV.desired.{device_id}")
    publish += [f"{_DIRECT}.KV_alert.$KV.alert.{scope}.alert" for scope in scopes]
    subscribe.append(f"_INBOX_{device_id}.>")
    return Rights(tuple(publish), tuple(subscribe), ("STANDARD", "WEBSOCKET"))
