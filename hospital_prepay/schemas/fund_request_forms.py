"""The form of a request to spend: its payee, and its lines as they are typed row by row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from marshmallow import ValidationError

from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.schemas.base import BaseSchema, CommandSchema, Text, messages_of
from hospital_prepay.schemas.fund_forms import CreditCode, FormKey, PositiveYuan

LINE_FIELDS: Final = ("category", "name", "amount", "code", "order_no", "batch")

MOST_LINES: Final = 50

_LINE_FIELD: Final = re.compile(rf"({'|'.join(LINE_FIELDS)})-([1-9][0-9]?)", re.ASCII)


class _LineSchema(BaseSchema):
    category = Text(required=True, longest=40)
    name = Text(required=True, longest=200)
    amount = PositiveYuan(required=True)
    code = Text(load_default="", longest=40)
    order_no = Text(load_default="", longest=80)
    batch = Text(load_default="", longest=80)


class LinesSchema(CommandSchema[tuple[UseLine, ...]]):
    """The lines of a request from fields named ``name-1`` …; a row in which nothing stands is passed over."""

    def read(self, given: Mapping[str, Any]) -> tuple[UseLine, ...]:
        """The lines, in their order. Raises ``ValidationError`` by field."""
        lines, wrong = [], dict[str, Any]()
        for number, row in typed_lines(given).items():
            try:
                lines.append(UseLine(**_LineSchema().load(row)))
            except ValidationError as error:
                wrong |= {f"{name}-{number}": told for name, told in messages_of(error).items()}
        if not lines and not wrong:
            wrong["category-1"] = ["至少要填一行。"]
        if wrong:
            raise ValidationError(wrong)
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A supplier's bill."""

    payee_name: str
    payee_credit_code: str
    purpose: str
    idempotency_key: str
    lines: tuple[UseLine, ...]


class PaymentRequestSchema(CommandSchema[PaymentRequest]):
    """A request with its payee and lines; everything that is wrong is said at once."""

    command: ClassVar = PaymentRequest

    payee_name = Text(required=True, longest=120)
    payee_credit_code = CreditCode(required=True, longest=40)
    purpose = Text(required=True, longest=200)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> PaymentRequest:
        """The command. Raises ``ValidationError``."""
        found, wrong = dict[str, Any](), dict[str, Any]()
        lines: tuple[UseLine, ...] = ()
        try:
            found = self.load(given)
        except ValidationError as error:
            wrong |= messages_of(error)
        try:
            lines = LinesSchema().read(given)
        except ValidationError as error:
            wrong |= messages_of(error)
        if wrong:
            raise ValidationError(wrong)
        return PaymentRequest(**found, lines=lines)


class PreviewSchema(CommandSchema[tuple[UseLine, ...]]):
    """The lines of a request that isn't sent yet; of the payee only what was typed is told, where it is wrong."""

    def read(self, given: Mapping[str, Any]) -> tuple[UseLine, ...]:
        """The lines, in their order. Raises ``ValidationError`` by field, for everything that is wrong at once."""
        try:
            return PaymentRequestSchema().read(given).lines
        except ValidationError as error:
            wrong = {
                name: told
                for name, told in messages_of(error).items()
                if name not in PaymentRequestSchema().fields or str(given.get(name, "")).strip()
            }
        if wrong:
            raise ValidationError(wrong)
        return LinesSchema().read(given)


def typed_lines(given: Mapping[str, Any]) -> dict[int, dict[str, str]]:
    """What stands in the rows of the form, by row; rows in which nothing was typed are left out."""
    rows: dict[int, dict[str, str]] = {}
    for key, value in given.items():
        found = _LINE_FIELD.fullmatch(key)
        if found and int(found[2]) <= MOST_LINES:
            rows.setdefault(int(found[2]), {})[found[1]] = str(value)
    return {number: row for number, row in sorted(rows.items()) if any(text.strip() for text in row.values())}
