"""What key holders ask of the alert service on ``alert.rpc.issue``, and its answer: one file for both sides."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from lantoa_contracts.base import Language, SignedDocument

NoticeId = Annotated[str, Field(pattern=r"^ntc-[a-z0-9-]{1,60}$")]
Scope = Annotated[str, Field(min_length=1, max_length=80)]


class HolderOrder(BaseModel):
    """The text that two holders sign, each the very same bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["issue", "cancel"]
    notice_id: NoticeId
    """``issue``: a new random id, good for one notice. ``cancel``: the notice to be called off."""
    at: AwareDatetime
    """When it was written; a few minutes later it is refused."""
    status: Literal["actual", "exercise", "test"] = "actual"
    severity: Literal["extreme", "severe", "moderate", "minor"] = "severe"
    headline: Annotated[str, Field(max_length=200)] = ""
    texts: dict[Language, Annotated[str, Field(min_length=1, max_length=2000)]] = {}
    scopes: Annotated[tuple[Scope, ...], Field(max_length=50)] = ()
    """``all``, a unit's id or ``unit.<unit_id>``, a group or ``grp.<g>``."""
    minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    repeat: Annotated[int, Field(ge=1, le=100)] = 3
    gap_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    speak: bool = True


class HolderRequest(BaseModel):
    """One text, signed by two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signed: Annotated[tuple[SignedDocument, ...], Field(min_length=2, max_length=2)]


class HolderAnswer(BaseModel):
    """What became of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ok: bool
    notice_id: str = ""
    devices: int = 0
    """How many devices hear it, as far as is known."""
    pending: tuple[str, ...] = ()
    """What is said to devices and not stored yet; the service goes on trying."""
    code: str = ""
    """Why it was refused."""
    detail: str = ""
    """The same in words, in Vietnamese."""


class Holder(BaseModel):
    """A key holder as the service knows them: a name and the public half of a key (base64url)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    public: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
