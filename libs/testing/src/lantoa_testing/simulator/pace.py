"""How fast simulated devices live, who they are, and what is counted of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lantoa_contracts.base import DeviceKind
from lantoa_contracts.device import AlertOrder


@dataclass(frozen=True)
class Pace:
    """Times in seconds; by default those of a real device."""

    heartbeat_s: float = 60.0
    reconcile_s: float = 60.0
    reconnect_min_s: float = 1.0
    reconnect_max_s: float = 60.0
    answer_s: float = 5.0
    """How long an answer is waited for, and how long an acknowledgement before it is sent again."""
    connect_s: float = 15.0
    first_within_s: float = 0.0
    """The first connects are spread over this."""
    ack_within_s: float = 3.0
    """Acknowledgements are spread over this; its first third is left to the orders."""
    play_s: float | None = None
    """How long an alert plays; without it, as long as the attention signal and the gaps would take."""


@dataclass(frozen=True)
class Who:
    """One simulated device: its key's seed, or for an MQTT receiver its token."""

    device_id: str
    kind: DeviceKind
    secret: str = field(repr=False)


_STAGES = {
    "received": "cảnh báo nhận",
    "verified": "cảnh báo đã kiểm chữ ký",
    "playing": "đang phát",
    "finished": "phát xong",
}
Verified = Callable[[str, AlertOrder], None]


@dataclass
class Tally:
    """Live counts over all devices of this process."""

    devices: int = 0
    connected: int = 0
    in_sync: int = 0
    """Devices that have obeyed and reported the desired state that they know to be the newest."""
    alerts: Counter[str] = field(default_factory=Counter)
    """Acknowledged stages of alerts by stage."""
    copies: int = 0
    """Second copies of orders that were dropped."""
    commands: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Signed documents that were not obeyed, by reason."""
    lost: Counter[str] = field(default_factory=Counter)
    """Ends of connections and failed logins, by what the server or the system said."""
    on_verified: Verified | None = None
    """Called with the device's id right after a device has checked an order that it did not have."""

    def line(self) -> str:
        """The counts as one line for people."""
        parts = [f"kết nối {self.connected}/{self.devices}", f"đúng trạng thái {self.in_sync}"]
        parts += [f"{word} {self.alerts[stage]}" for stage, word in _STAGES.items() if self.alerts[stage]]
        parts += [f"lệnh {self.commands}"] if self.commands else []
        parts += [f"từ chối {reason} {number}" for reason, number in sorted(self.refused.items())]
        return " · ".join(parts)
