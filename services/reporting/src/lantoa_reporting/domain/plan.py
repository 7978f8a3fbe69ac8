"""The plan that evidence is gathered for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the plan's annex; ``lead`` and ``partners`` are bodies or classes of bodies (``S``, ``H*`` ...)."""

    code: str
    title: str
    title_en: str
    lead: tuple[str, ...]
    partners: tuple[str, ...]
