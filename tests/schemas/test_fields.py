"""What the fields take and refuse, in Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import pytest
from marshmallow import ValidationError, fields

from hospital_prepay.app import BLUEPRINTS
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.schemas.base import BaseSchema, Choice, CommandSchema, Day, Fen, Text, Ticked, Yuan
from hospital_prepay.schemas.fund_apply import MemberDecisionSchema


@dataclass(frozen=True)
class Slip:
    amount: Money
    on: date
    role: Role
    note: str = ""
    urgent: bool = False


class SlipSchema(CommandSchema[Slip]):
    command: ClassVar = Slip

    amount = Yuan(required=True)
    on = Day(required=True)
    role = Choice(Role, required=True)
    note = Text(load_default="", longest=10)
    urgent = Ticked()


GOOD = {"amount": "1,200.50", "on": "2026-01-15", "role": "cashier", "csrf_token": "whatever"}


def refused(**changes: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        SlipSchema().read({**GOOD, **changes})
    messages = caught.value.messages
    assert isinstance(messages, dict)
    return messages


def test_a_form_becomes_a_frozen_command() -> None:
    assert SlipSchema().read(GOOD) == Slip(Money(120050), date(2026, 1, 15), Role.CASHIER)
    assert SlipSchema().read({**GOOD, "urgent": "yes"}).urgent


@pytest.mark.parametrize(
    "amount",
    ["12e3", "１２０", "1.005", "-1", "", " ", "1,20", "NaN", "0x10", "1_000", "١٢٠", "1 200", 120, 12.5, None],
)
def test_what_is_no_amount_is_refused(amount: object) -> None:
    assert list(refused(amount=amount)) == ["amount"]


@pytest.mark.parametrize("on", ["2026-02-30", "2026-1-5", "15.01.2026", "", "20260115", "2026-01-15T00:00", None, 3])
def test_what_is_no_day_is_refused(on: object) -> None:
    assert list(refused(on=on)) == ["on"]


@pytest.mark.parametrize("role", ["", "boss", "CASHIER", None, 1])
def test_what_is_no_choice_is_refused(role: object) -> None:
    assert list(refused(role=role)) == ["role"]


def test_text_is_stripped_and_kept_short_and_visible() -> None:
    assert SlipSchema().read({**GOOD, "note": "  说明　 "}).note == "说明"
    for note in ("字" * 11, "a\u202eb", "a\x00b", "a\nb"):
        assert list(refused(note=note)) == ["note"]


def test_the_api_takes_no_separators_and_no_blanks() -> None:
    class Strict(BaseSchema):
        amount = Yuan(required=True, separators=False)

    assert Strict().load({"amount": "1200.5"}) == {"amount": Money(120050)}
    for amount in ("1,200.50", " 1200", "1200.", ".5"):
        with pytest.raises(ValidationError):
            Strict().load({"amount": amount})


def test_every_message_is_chinese_for_marshmallows_own_fields_too() -> None:
    class Own(BaseSchema):
        number = fields.Integer(required=True)
        flag = fields.Boolean(required=True)
        moment = fields.AwareDateTime(required=True)
        text = fields.String(required=True)
        amount_fen = Fen(required=True)

    for given in ({}, dict.fromkeys(Own().fields), dict.fromkeys(Own().fields, object()), {"strange": 1}, [1]):
        with pytest.raises(ValidationError) as caught:
            Own().load(given)  # type: ignore[arg-type]
        messages = caught.value.normalized_messages()
        words = "".join(str(one) for told in messages.values() for one in told)
        assert words
        plain = words.replace("2025-10-10T14:30:00+08:00", "")
        assert not any("a" <= sign <= "z" for sign in plain.lower()), words


def _with_whole_numbers(root: type[Any] = CommandSchema) -> set[type[Any]]:
    found = {root} if any(isinstance(one, fields.Integer) for one in root._declared_fields.values()) else set()
    return found.union(*(_with_whole_numbers(one) for one in root.__subclasses__()))


def test_no_form_takes_a_whole_number_that_no_column_holds() -> None:
    assert BLUEPRINTS, "they bring every schema along"
    schemas = {one for one in _with_whole_numbers() if one.__module__.startswith("hospital_prepay")}
    assert len(schemas) >= 6
    for schema in schemas:
        numbers = [name for name, one in schema().fields.items() if isinstance(one, fields.Integer)]
        for number in (str(2**31), "9" * 20, "9" * 5000, "-1", "1.5", "x"):
            wrong = schema().validate(dict.fromkeys(numbers, number))
            assert all(name in wrong for name in numbers), (schema, number)


def test_who_turns_a_distribution_down_needs_no_day_and_who_agrees_does() -> None:
    assert MemberDecisionSchema().read({"do": "reject", "bank_reference": "", "handed_on": ""}).handed_on is None
    with pytest.raises(ValidationError, match="请填写"):
        MemberDecisionSchema().read({"do": "approve", "bank_reference": "B-1", "handed_on": ""})
    with pytest.raises(ValidationError, match="不是日期"):
        MemberDecisionSchema().read({"do": "reject", "handed_on": "昨天"})
