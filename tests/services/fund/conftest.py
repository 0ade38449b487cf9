"""A grant that arrived, and the people who may spend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.domain.rules.fund.uses import UseLine
from hospital_prepay.persistence.funds import GrantState, RequestState
from hospital_prepay.services.fund import grants, offsets, returns, spending
from hospital_prepay.services.fund.application_command import Applied
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.hospital import Hospital, actor, require_named

OFFICER, PAYER = actor(Role.FINANCE_OFFICER), actor(Role.FINANCE_OFFICER, "2")
APPROVER, HEAD = actor(Role.FINANCE_APPROVER), actor(Role.DEPARTMENT_HEAD)
SUPPLIER = ("黔药医药有限公司", "9144030071526726XG")
DRUG = {"category": "drug", "code": "X" + "A" * 22, "order_no": "P2026-1"}


def line(fen: int, **changes: str) -> UseLine:
    """A drug with code and order, unless said otherwise."""
    given: dict[str, Any] = {"name": "注射用头孢曲松", **DRUG, **changes}
    rest = (given["code"], given["order_no"], given.get("batch", ""))
    return UseLine(given["category"], given["name"], Money(fen), *rest)


@dataclass
class Year:
    """One grant of a million yuan and acts on it; keys count up by themselves."""

    hospital: Hospital
    regime: str = "zhejiang-prepay-2025"
    year: int = 2026
    grant_id: str = ""
    keys: int = 0

    @property
    def key(self) -> str:
        self.keys += 1
        return f"key-{self.regime}-{self.keys}"

    def apply(
        self, fund: Fund = Fund.EMPLOYEE, fen: int = MILLION_YUAN, who: Actor = OFFICER, **changes: Any
    ) -> Applied:
        command = application(self.regime, "x", fund, Money(fen), good_facts(self.year, **changes), self.key)
        answer = apply_one(self.hospital.context, who, command)
        self.grant_id = answer.grant_id or self.grant_id
        return answer

    def approve(self, fen: int | None = MILLION_YUAN, who: Actor = APPROVER) -> GrantState:
        approved = None if fen is None else Money(fen)
        today = self.hospital.context.clock.today()
        command = grants.RecordApproval(self.grant_id, approved, today, "浙医保〔2026〕1号", "M-1")
        return grants.record_approval(self.hospital.context, who, command)

    def receive(self, who: Actor = OFFICER, key: str = "") -> GrantState:
        command = grants.ReceiveGrant(
            self.grant_id, f"B-1-{self.grant_id}", self.hospital.context.clock.today(), key or self.key
        )
        return grants.receive_grant(self.hospital.context, who, command)

    def arrived(self) -> Year:
        self.apply()
        self.approve()
        self.receive()
        return self

    def ask(self, *lines: UseLine, who: Actor = OFFICER, key: str = "") -> spending.AskedPayment:
        command = spending.AskPayment(self.grant_id, *SUPPLIER, "一月药款", lines, key or self.key)
        return spending.ask_payment(self.hospital.context, who, command)

    def reserve(self, *lines: UseLine) -> str:
        request_id = self.ask(*lines).request_id
        spending.agree_request(self.hospital.context, HEAD, request_id, "检验科续订，三家比价")
        spending.reserve_request(self.hospital.context, APPROVER, request_id)
        return request_id

    def pay(self, request_id: str, who: Actor = PAYER, key: str = "") -> RequestState:
        command = spending.PayRequest(request_id, f"B-9-{request_id}", key or self.key)
        return spending.pay_request(self.hospital.context, who, command)

    def return_command(self, fen: int, key: str = "", returned_on: date | None = None) -> returns.ReturnGrant:
        key = key or self.key
        return returns.ReturnGrant(self.grant_id, Money(fen), f"B-8-{key}", key, returned_on)

    def send_back(self, command: returns.ReturnGrant) -> GrantState:
        return returns.return_grant(self.hospital.context, OFFICER, command)

    def give_back(self, fen: int, key: str = "") -> GrantState:
        return self.send_back(self.return_command(fen, key))

    def offset(self, settlement: int, offset: int) -> GrantState:
        offset_id = self.record_offset(settlement, offset)
        return offsets.decide_offset(self.hospital.context, APPROVER, offset_id, confirmed=True)

    def record_offset(self, settled: int, kept: int, on: date | None = None, **changes: Any) -> str:
        """Written down by the officer, and booked by nobody yet."""
        key = self.key
        day = on or self.hospital.context.clock.today()
        slip = "" if settled == kept else f"S-{key}"
        command = offsets.OffsetGrant(
            self.grant_id, Money(settled), Money(kept), f"结算单 {key}", slip, day, self.key
        )
        return offsets.record_offset(self.hospital.context, OFFICER, replace(command, **changes))

    @property
    def standing(self) -> tuple[int, int, int]:
        """Unspent, reserved, owed, in fen."""
        grant = grants.find_grant(self.hospital.context, OFFICER, self.grant_id)
        return grant.unspent_fen, grant.reserved_fen, grant.owed_fen


@pytest.fixture
def hospital(hospital: Hospital) -> Iterator[Hospital]:
    """The hospital; afterwards every entry and decision in it is named by the audit event of its act, but for what a
    test posted by itself, as ``x``."""
    yield hospital
    require_named(hospital)


@pytest.fixture
def year(hospital: Hospital) -> Year:
    """A year that hasn't begun."""
    return Year(hospital)
