"""Who may call which routes."""

from typing import Annotated

from lantoa_contracts.policy import (
    ALARM_ACKNOWLEDGE,
    DEVICE_COMMAND,
    DEVICE_ENROL,
    DEVICE_MANAGE,
    DEVICE_READ,
    DEVICE_UPDATE,
    DEVICE_UPLOAD,
    SHAPES_WRITE,
)
from lantoa_runtime.http import Caller, allows

Viewer = Annotated[Caller, allows(DEVICE_READ)]
"""One of the staff; whom a route shows what, it decides by the caller's units."""
Manager = Annotated[Caller, allows(DEVICE_MANAGE)]
Commander = Annotated[Caller, allows(DEVICE_COMMAND)]
Updater = Annotated[Caller, allows(DEVICE_UPDATE)]
Watcher = Annotated[Caller, allows(ALARM_ACKNOWLEDGE)]
Drawer = Annotated[Caller, allows(SHAPES_WRITE)]
Newcomer = Annotated[Caller, allows(DEVICE_ENROL)]
Sender = Annotated[Caller, allows(DEVICE_UPLOAD)]
