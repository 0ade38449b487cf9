"""What is asked of the reports on the restricted fund."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validates_schema

from hospital_prepay.domain.ledger.grant_usage import Balance, Column, Movement
from hospital_prepay.schemas.base import Choice, CommandSchema, Day, Number, Text, Yuan, described
from hospital_prepay.services.fund.disclosure import RecordDisclosure
from hospital_prepay.services.fund.usage import Figure, Step, UsageQuery

_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


# How an address names every grant of a kind; no grant has such an id.
ALL_OF_A_KIND: Final = {"basic": "", "procurement": "procurement"}


def grant_asked(query: UsageQuery) -> str:
    """The ``grant`` of an address that asks for ``query``."""
    return query.grant_id or ALL_OF_A_KIND[query.kind]


class Month(fields.Field[str]):
    """A month as ``2026-01``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**described(options, type="string", pattern=f"^{_MONTH.pattern}$", example="2026-01"))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str) or not _MONTH.fullmatch(value):
            raise ValidationError("请写成 2026-01 这样的月份。")
        return value


class UsageQuerySchema(CommandSchema[UsageQuery]):
    """Which months, by which step, of one grant or of all of one kind."""

    command = UsageQuery

    first = Month(required=True)
    last = Month(required=True)
    step = Choice(Step, data_key="by", load_default=Step.MONTH)
    grant_id = Text(longest=36, data_key="grant", load_default="")

    @validates_schema
    def _in_order(self, data: dict[str, Any], **options: Any) -> None:
        if data.get("first", "") > data.get("last", "9999"):
            raise ValidationError("开始月份不能晚于结束月份。", "first")

    @post_load
    def _of_all(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
        asked = data["grant_id"]
        if asked in ALL_OF_A_KIND.values():
            kind = next(name for name, value in ALL_OF_A_KIND.items() if value == asked)
            return {**data, "grant_id": None, "kind": kind}
        return {**data, "grant_id": asked}


@dataclass(frozen=True, slots=True)
class _Asked:
    balance: Balance
    movement: Movement | None
    category: str


class FigureSchema(CommandSchema[_Asked]):
    """Which figure of a report, beside its months and grant; without a movement the balance at their end."""

    command = _Asked

    balance = Choice(Balance, required=True)
    movement = Choice(Movement, load_default=None)
    category = Text(longest=40, load_default="")

    def figure(self, given: dict[str, Any]) -> Figure:
        """The figure that an address names. Raises marshmallow's ``ValidationError``."""
        said = self.read(given)
        column = Column(said.movement, said.category) if said.movement else None
        return Figure(UsageQuerySchema().read(given), said.balance, column)


class DisclosureSchema(CommandSchema[RecordDisclosure]):
    """What the authority published about one fund of one year."""

    command = RecordDisclosure

    year = Number(required=True)
    fund = Text(required=True, longest=10)
    paid_out = Yuan(required=True)
    recovered = Yuan(required=True)
    balance = Yuan(required=True)
    published_on = Day(required=True)
    source = Text(required=True, longest=200)
