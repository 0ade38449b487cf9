"""Forms around an application: the self-check with amounts and evidence, documents, states of the module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Final

from marshmallow import ValidationError

from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import ADJUSTED, ALL_FUNDS
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.schemas.base import BaseSchema, Choice, CommandSchema, Day, Text, messages_of
from hospital_prepay.schemas.fund_form import Answer, FundFormSchema, TypedWhole
from hospital_prepay.schemas.fund_forms import FormKey, PositiveYuan
from hospital_prepay.services.fund.application_command import ApplyForFunds, Evidence
from hospital_prepay.services.fund.members import ProposeMember

AMOUNT_FUNDS: Final = (*Fund, ALL_FUNDS)
EVIDENCE_FIELDS: Final = ("document", "number", "version", "issued_on")


class _HeadSchema(BaseSchema):
    pool_region = Text(required=True, longest=60)
    idempotency_key = FormKey()
    emergency = Text(longest=36)
    notified = Answer()
    amount_employee = PositiveYuan()
    amount_resident = PositiveYuan()
    amount_all = PositiveYuan()


class _EvidenceSchema(BaseSchema):
    document = Text(load_default="", longest=200)
    number = Text(load_default="", longest=80)
    version = Text(load_default="", longest=60)
    issued_on = Day(load_default=None)
    recall_grounds = Text(load_default="", longest=1000, lines=True)


class ApplicationSchema(CommandSchema[ApplyForFunds]):
    """The self-check with what is applied for and its evidence; everything that is wrong is said at once."""

    command: ClassVar = ApplyForFunds

    def read(self, given: Mapping[str, Any]) -> ApplyForFunds:
        """The command. Raises ``ValidationError`` by field."""
        filled = {name: str(value) for name, value in given.items() if str(value).strip()}
        wrong: dict[str, Any] = {}
        check = _read(wrong, FundFormSchema().read, given)
        head = _read(wrong, _HeadSchema().load, {n: v for n, v in filled.items() if n in _HeadSchema().fields})
        evidence = self._evidence(filled, wrong)
        amounts = tuple(
            (str(fund), head[f"amount_{fund}"]) for fund in AMOUNT_FUNDS if head and f"amount_{fund}" in head
        )
        if head is not None and not amounts:
            wrong["amount_employee"] = ["请至少填一个基金的申请金额。"]
        if len(amounts) > 1 and amounts[-1][0] == ALL_FUNDS:
            wrong["amount_all"] = ["合在一起申请的，不要再分别填职工和居民。"]
        if wrong or check is None or head is None:
            raise ValidationError(wrong)
        return ApplyForFunds(
            regime=check.regime,
            pool_region=head["pool_region"],
            amounts=amounts,
            facts=check.facts,
            evidence=evidence,
            idempotency_key=head["idempotency_key"],
            emergency_id=head.get("emergency"),
            notified=head.get("notified"),
        )

    @staticmethod
    def _evidence(filled: Mapping[str, str], wrong: dict[str, Any]) -> tuple[Evidence, ...]:
        rows: dict[str, dict[str, str]] = {}
        for name, value in filled.items():
            field, _, item = name.partition("-")
            if item and field in (*EVIDENCE_FIELDS, "recall_grounds"):
                rows.setdefault(item, {})[field] = value
        found = []
        for item, row in rows.items():
            one = _read(wrong, _EvidenceSchema().load, row, f"-{item}")
            if one is not None:
                found.append(Evidence(item, **one))
        return tuple(found)


def _read(wrong: dict[str, Any], load: Any, given: Any, suffix: str = "") -> Any:
    try:
        return load(given)
    except ValidationError as error:
        wrong |= {f"{name}{suffix}": told for name, told in messages_of(error).items()}
        return None


@dataclass(frozen=True, slots=True)
class EmergencyForm:
    """A document of an emergency."""

    regime: str
    year: int
    document: str
    issued_on: date
    adjusts: tuple[str, ...]


class EmergencySchema(CommandSchema[EmergencyForm]):
    """The authority's document, and which of the three it adjusts."""

    command: ClassVar = EmergencyForm

    # Its page has another form with a place, a year and a document.
    regime = Text(required=True, longest=60, data_key="eased_regime")
    year = TypedWhole(2000, 2100, required=True, data_key="eased_year")
    document = Text(required=True, longest=200, data_key="eased_document")
    issued_on = Day(required=True, data_key="eased_on")

    def read(self, given: Mapping[str, Any]) -> EmergencyForm:
        """The command. Raises ``ValidationError``."""
        wrong: dict[str, Any] = {}
        found = _read(wrong, self.load, given)
        adjusts = tuple(one for one in ADJUSTED if given.get(f"adjusts_{one}"))
        if not adjusts:
            wrong["adjusts_conditions"] = ["请勾选文件调整了哪一项。"]
        if wrong:
            raise ValidationError(wrong)
        return EmergencyForm(**found, adjusts=adjusts)


@dataclass(frozen=True, slots=True)
class ProcurementForm:
    """A central-procurement prepayment as its document has it."""

    regime: str
    pool_region: str
    fund: Any
    year: int
    amount: Money
    document: str
    issued_on: date
    batch: str
    return_on: date | None
    idempotency_key: str


class FundChoice(StrEnum):
    """For which fund a procurement prepayment comes."""

    EMPLOYEE = "employee"
    RESIDENT = "resident"
    ALL = "all"


class ProcurementSchema(CommandSchema[ProcurementForm]):
    """The document of a central-procurement prepayment."""

    command: ClassVar = ProcurementForm

    regime = Text(required=True, longest=60)
    pool_region = Text(required=True, longest=60)
    fund = Choice(FundChoice, required=True)
    year = TypedWhole(2000, 2100, required=True)
    amount = PositiveYuan(required=True)
    document = Text(required=True, longest=200)
    issued_on = Day(required=True)
    batch = Text(required=True, longest=80)
    return_on = Day(load_default=None)
    idempotency_key = FormKey()

    def read(self, given: Mapping[str, Any]) -> ProcurementForm:
        """The command; the day of return may stay blank."""
        filled = {name: value for name, value in given.items() if name != "return_on" or str(value).strip()}
        return ProcurementForm(**self.load(filled))


@dataclass(frozen=True, slots=True)
class ModuleForm:
    """A state of the platform's module."""

    step: str
    module_no: str
    on_day: date
    note: str


class ModuleSchema(CommandSchema[ModuleForm]):
    """What the module shows, and the day of it."""

    command: ClassVar = ModuleForm

    step = Text(required=True, longest=20)
    module_no = Text(required=True, longest=60, data_key="platform_no")
    on_day = Day(required=True)
    note = Text(load_default="", longest=200)


@dataclass(frozen=True, slots=True)
class DistributionForm:
    """So much for one member of the register."""

    member_code: str
    amount: Money
    document: str
    idempotency_key: str


class DistributionSchema(CommandSchema[DistributionForm]):
    """What a lead hospital hands on."""

    command: ClassVar = DistributionForm

    member_code = Text(required=True, longest=12)
    amount = PositiveYuan(required=True, data_key="member_amount")
    document = Text(required=True, longest=200, data_key="agreement")
    idempotency_key = FormKey()


class ProposeMemberSchema(CommandSchema[ProposeMember]):
    """A member for the register."""

    command: ClassVar = ProposeMember

    member_code = Text(required=True, longest=20)
    member_name = Text(required=True, longest=120)
    account_no = Text(required=True, longest=40)
    document = Text(required=True, longest=200)


class SaidOfMember(StrEnum):
    """Which button was pressed; anything else is a wrong form, and no answer."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class MemberDecision:
    """A yes with its slip and day, or a no."""

    do: SaidOfMember
    bank_reference: str
    handed_on: date | None


class MemberDecisionSchema(CommandSchema[MemberDecision]):
    """What the approver says of a distribution."""

    command: ClassVar = MemberDecision

    do = Choice(SaidOfMember, required=True)
    bank_reference = Text(load_default="", longest=64)
    handed_on = Day(load_default=None)

    def read(self, given: Mapping[str, Any]) -> MemberDecision:
        """The command; who turns it down needs no day, and the field may be empty."""
        empty = given.get("do") != "approve" and not str(given.get("handed_on", "")).strip()
        filled = {name: value for name, value in given.items() if not (name == "handed_on" and empty)}
        return MemberDecision(**self.load(filled))


@dataclass(frozen=True, slots=True)
class MemberRepayment:
    """What a member paid of the claim on it."""

    amount: Money
    bank_reference: str
    paid_on: date
    idempotency_key: str


class MemberRepaymentSchema(CommandSchema[MemberRepayment]):
    """What was paid of the claim, by the bank's reference."""

    command: ClassVar = MemberRepayment

    amount = PositiveYuan(required=True)
    bank_reference = Text(required=True, longest=64)
    paid_on = Day(required=True)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class MemberReturn:
    """What came back from a member."""

    amount: Money
    bank_reference: str
    returned_on: date
    idempotency_key: str


class MemberReturnSchema(CommandSchema[MemberReturn]):
    """What came back, by the bank's reference."""

    command: ClassVar = MemberReturn

    amount = PositiveYuan(required=True)
    bank_reference = Text(required=True, longest=64)
    returned_on = Day(required=True)
    idempotency_key = FormKey()


@dataclass(frozen=True, slots=True)
class MemberUse:
    """What a member paid."""

    category: str
    name: str
    amount: Money
    code: str
    order_no: str
    document: str
    idempotency_key: str


class MemberUseSchema(CommandSchema[MemberUse]):
    """One line of a member's evidence."""

    command: ClassVar = MemberUse

    category = Text(required=True, longest=40)
    name = Text(required=True, longest=200)
    amount = PositiveYuan(required=True)
    code = Text(load_default="", longest=40)
    order_no = Text(load_default="", longest=80)
    document = Text(required=True, longest=120)
    idempotency_key = FormKey()
