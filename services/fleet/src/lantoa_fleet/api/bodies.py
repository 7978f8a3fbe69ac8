"""What several request bodies share."""

from typing import Annotated

from pydantic import Field, StringConstraints

from lantoa_fleet.domain.rights import MOST_GROUPS

Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=120)]
GroupName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\W_][^\x00-\x1f\x7f]*$", max_length=80)]
"""With a letter or digit in it, because its id is made of these."""
GroupNames = Annotated[tuple[GroupName, ...], Field(max_length=MOST_GROUPS)]
Lat = Annotated[float, Field(ge=-90, le=90)]
Lon = Annotated[float, Field(ge=-180, le=180)]
