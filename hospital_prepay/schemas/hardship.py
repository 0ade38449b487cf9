"""The form of a list of people who pay later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from hospital_prepay.domain.rules.inpatient.paying_later import Group
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Text


@dataclass(frozen=True, slots=True)
class ListForm:
    """Where a list comes from."""

    region: str
    source: str
    dated_on: date
    group: Group | None


class ListSchema(CommandSchema[ListForm]):
    """Where a list comes from; the group only where no column of the file says it."""

    command: ClassVar = ListForm

    region = Text(required=True, longest=40)
    source = Text(required=True, longest=120)
    dated_on = Day(required=True)
    group = Choice(Group, load_default=None)

    def read(self, given: Mapping[str, Any]) -> ListForm:
        """The form; a group left open is none."""
        return super().read({name: said for name, said in given.items() if said or name != "group"})
