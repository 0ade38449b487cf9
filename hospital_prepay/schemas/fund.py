"""The facts of an application and the lines of a request, as JSON carries them. A fact may be left out or null."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, InstitutionFacts, Paid, PoolFacts
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.schemas.base import BaseSchema, Choice, Fen, Text
from hospital_prepay.schemas.fund_forms import CreditCode
from hospital_prepay.services.fund.assess import AssessFund, CheckUse

_DECIMAL: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class Assessment(StrEnum):
    """How the latest assessment or clearing came out."""

    EXCELLENT = "excellent"
    QUALIFIED = "qualified"
    UNQUALIFIED = "unqualified"


class PriorityWork(StrEnum):
    """How the priority work was done."""

    OUTSTANDING = "outstanding"
    DONE = "done"
    NOT_DONE = "not_done"


class Known(fields.Field[bool]):
    """``true``, ``false`` or ``null``; "yes" and 1 are none of them."""

    def __init__(self) -> None:
        super().__init__(allow_none=True, load_default=None)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("请写 true、false 或 null。")
        return value


class Whole(fields.Field[int]):
    """A whole number between two bounds, perhaps ``null``."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValidationError(f"请写 {self.least} 到 {self.most} 的整数。")
        return value


class Factor(fields.Field[Fraction]):
    """A decimal string such as ``"13.2"``, taken exactly; JSON's own numbers are refused, they may be rounded."""

    def __init__(self, example: str) -> None:
        super().__init__(allow_none=True, load_default=None)
        self.example = example

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Fraction:
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            raise ValidationError(f"请写成引号里的小数，例如 {self.example}。")
        return Fraction(Decimal(value))


class Growth(Factor):
    """A rate of growth as a decimal: what would double or vanish within a year was written in percent."""

    def __init__(self) -> None:
        super().__init__('"0.043" 是 4.3 %')

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Fraction:
        growth = super()._deserialize(value, attr, data, **options)
        if abs(growth) >= 1:
            raise ValidationError(f'{value} 会读成 {value} 倍。请写成小数，4.3 % 写 "0.043"。')
        return growth


class _InstitutionSchema(BaseSchema):
    level = Whole(1, 3, allow_none=True, load_default=None)
    public = Known()
    inpatient = Known()
    full_years_settled = Whole(0, 100, allow_none=True, load_default=None)
    assessment = Choice(Assessment, allow_none=True, load_default=None)
    credit_grade = Text(
        allow_none=True, load_default=None, validate=validate.Regexp(r"^[A-E]$", error="请写 A 到 E。")
    )
    priority_work = Choice(PriorityWork, allow_none=True, load_default=None)
    sound_finance = Known()
    cooperates_with_inspections = Known()
    tracing_codes_complete = Known()
    convenience_services = Known()
    penalised_in_12_months = Known()
    referred_for_fraud_in_12_months = Known()
    debts_to_agency = Known()
    assets_preserved = Known()
    unperformed_judgment = Known()
    enforcement_pending = Known()
    repays_procurement_shortfall = Known()
    cleared_last_year = Known()


class _PoolSchema(BaseSchema):
    fund = Choice(Fund, required=True)
    months_payable = Factor('"13.2"')
    deficit_last_year = Known()
    deficit_forecast = Known()


class _PaidSchema(BaseSchema):
    year = Whole(1990, 2100, required=True)
    fund = Choice(Fund, required=True)
    amount_fen = Fen(required=True)


class FundFactsSchema(BaseSchema):
    """The input of ``fund assess``."""

    regime = Text(required=True, longest=60)
    year = Whole(2000, 2100, required=True)
    institution = fields.Nested(_InstitutionSchema, required=True)
    pools = fields.List(fields.Nested(_PoolSchema), required=True)
    paid = fields.List(fields.Nested(_PaidSchema), load_default=list)
    growth = Growth()

    def read(self, given: Any) -> AssessFund:
        """The command. Raises marshmallow's ``ValidationError``."""
        found = self.load(given)
        _refuse_twice("pools", [pool["fund"] for pool in found["pools"]])
        _refuse_twice("paid", [(paid["year"], paid["fund"]) for paid in found["paid"]])
        facts = AssessmentFacts(
            year=found["year"],
            institution=InstitutionFacts(**found["institution"]),
            pools=tuple(PoolFacts(**pool) for pool in found["pools"]),
            paid=tuple(Paid(paid["year"], paid["fund"], paid["amount_fen"]) for paid in found["paid"]),
            growth=found["growth"],
        )
        return AssessFund(found["regime"], facts)


class _PayeeSchema(BaseSchema):
    name = Text(required=True, longest=120)
    credit_code = CreditCode(required=True, longest=40)


class _LineSchema(BaseSchema):
    category = Text(required=True, longest=40)
    code = Text(allow_none=True, load_default="", longest=40)
    name = Text(required=True, longest=200)
    amount_fen = Fen(required=True, validate=lambda amount: _above_zero(amount.fen))
    order_no = Text(allow_none=True, load_default="", longest=80)


class UseRequestSchema(BaseSchema):
    """The input of ``fund check-use``."""

    regime = Text(required=True, longest=60)
    fund = Choice(Fund, required=True)
    payee = fields.Nested(_PayeeSchema, required=True)
    lines = fields.List(
        fields.Nested(_LineSchema), required=True, validate=validate.Length(min=1, error="至少要有一行。")
    )

    def read(self, given: Any) -> CheckUse:
        """The command. Raises marshmallow's ``ValidationError``."""
        found = self.load(given)
        lines = tuple(
            UseLine(
                category=line["category"],
                name=line["name"],
                amount=line["amount_fen"],
                code=line["code"] or "",
                order_no=line["order_no"] or "",
            )
            for line in found["lines"]
        )
        return CheckUse(found["regime"], found["fund"], found["payee"]["name"], found["payee"]["credit_code"], lines)


def _above_zero(fen: int) -> None:
    if fen <= 0:
        raise ValidationError("金额要大于零，例如 120000。")


def _refuse_twice(field: str, keys: list[Any]) -> None:
    if len(set(keys)) < len(keys):
        raise ValidationError("同一项写了两次，请只留一项。", field)
