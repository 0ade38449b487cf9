"""The facts of an application as people type them: a blank is not known. They become the very facts of the JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, validate

from hospital_prepay.domain.rules.fund.facts import AssessmentFacts, InstitutionFacts, Paid, PoolFacts
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.schemas.base import Choice, CommandSchema, Text, Yuan
from hospital_prepay.schemas.fund import Assessment, PriorityWork
from hospital_prepay.services.fund.assess import AssessFund
from hospital_prepay.services.fund.words import FACTS

YEARS_BACK: Final = (1, 2, 3)
GRADES: Final = ("A", "B", "C", "D", "E")
_NUMBER: Final = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)
_POOL_KEYS: Final = ("months", "deficit_last_year", "deficit_forecast")


class Answer(fields.Field[bool]):
    """Yes or no."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if value not in ("yes", "no"):
            raise ValidationError("请选是、否或不知道。")
        return bool(value == "yes")


class TypedWhole(fields.Field[int]):
    """A whole number between two bounds, as typed."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        text = str(value).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 5 and self.least <= int(text) <= self.most):
            raise ValidationError(f"请填 {self.least} 到 {self.most} 的整数，例如 {self.least + 1}。")
        return int(text)


class TypedNumber(fields.Field[Fraction]):
    """A number with or without decimals, taken exactly."""

    words: ClassVar = "请填数字，例如 13.2。"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Fraction:
        text = str(value).strip()
        if not _NUMBER.fullmatch(text):
            raise ValidationError(self.words)
        return Fraction(Decimal(text))


class TypedGrowth(TypedNumber):
    """A rate of growth in percent: what would double or vanish within a year is an amount or a slip of the pen."""

    words: ClassVar = "请只填百分数的数字，例如 4.3。"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Fraction:
        growth = super()._deserialize(value, attr, data, **options) / 100
        if abs(growth) >= 1:
            raise ValidationError(f"{str(value).strip()} % 不像一年的增长率。4.3 % 请填 4.3。")
        return growth


class FundFormSchema(CommandSchema[AssessFund]):
    """The form of ``/finance/fund/assess``."""

    command: ClassVar = AssessFund

    regime = Text(required=True, longest=60)
    year = TypedWhole(2000, 2100, required=True)
    level = TypedWhole(1, 3)
    inpatient = Answer()
    full_years_settled = TypedWhole(0, 100)
    assessment = Choice(Assessment)
    credit_grade = Text(validate=validate.OneOf(GRADES, error="请选 A 到 E。"))
    priority_work = Choice(PriorityWork)
    sound_finance = Answer()
    cooperates_with_inspections = Answer()
    tracing_codes_complete = Answer()
    convenience_services = Answer()
    penalised_in_12_months = Answer()
    referred_for_fraud_in_12_months = Answer()
    debts_to_agency = Answer()
    assets_preserved = Answer()
    unperformed_judgment = Answer()
    enforcement_pending = Answer()
    repays_procurement_shortfall = Answer()
    cleared_last_year = Answer()
    employee_months = TypedNumber()
    employee_deficit_last_year = Answer()
    employee_deficit_forecast = Answer()
    employee_paid_1 = Yuan()
    employee_paid_2 = Yuan()
    employee_paid_3 = Yuan()
    resident_months = TypedNumber()
    resident_deficit_last_year = Answer()
    resident_deficit_forecast = Answer()
    resident_paid_1 = Yuan()
    resident_paid_2 = Yuan()
    resident_paid_3 = Yuan()
    growth = TypedGrowth()

    def read(self, given: Mapping[str, Any]) -> AssessFund:
        """The command. Raises marshmallow's ``ValidationError``."""
        found = self.load({name: value for name, value in given.items() if str(value).strip()})
        facts = AssessmentFacts(
            year=found["year"],
            institution=InstitutionFacts(**{name: found[name] for name in FACTS if name in found}),
            pools=tuple(PoolFacts(fund, *(found.get(f"{fund.value}_{key}") for key in _POOL_KEYS)) for fund in Fund),
            paid=tuple(
                Paid(found["year"] - back, fund, found[name])
                for fund in Fund
                for back in YEARS_BACK
                if (name := f"{fund.value}_paid_{back}") in found
            ),
            growth=found.get("growth"),
        )
        return AssessFund(found["regime"], facts)
