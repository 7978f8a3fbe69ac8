"""What the directory answers."""

from typing import Literal

from pydantic import BaseModel

from lantoa_contracts.door import SignedInCitizen


class CitizenSession(BaseModel):
    """A new session of a citizen."""

    session_id: str
    citizen: SignedInCitizen


class CitizenResolved(BaseModel):
    """The session is a citizen's."""

    kind: Literal["citizen"]
    citizen: SignedInCitizen


class Imported(BaseModel):
    """How many units and people are not as they were."""

    units_changed: int
    people_changed: int


class Replayed(BaseModel):
    """How many units were published once more."""

    units: int
