"""Two weeks at the desk of the synthetic hospital: stays, deposits, the special cases, and what waits for a decision.

Everything goes through the services the desk itself uses, in the order of time. Done again, nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.inpatient.deposits import Circumstance
from hospital_prepay.persistence import stays as store
from hospital_prepay.services.demonstration.diseases import diseases
from hospital_prepay.services.demonstration.groups import IN_HOSPITAL, PAY_LATER, certificate_of
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.demonstration.standards import similar_pairs
from hospital_prepay.services.demonstration.stays import DemonstrationStay, demonstration_stays
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import RequestRefund, RequestVoid, request_refund, request_void
from hospital_prepay.services.inpatient.stays import (
    ChangePlacement,
    Placement,
    RegisterStay,
    change_placement,
    register_stay,
)

FEWEST_STAYS: Final = 8
# Which stays, the earliest being 0, show something of their own.
_UNKNOWN, _STAGED, _UNPOSTED, _FALLEN, _REFUND, _LATEST = 1, 2, 3, 4, 5, -1
_TENDERS: Final = (Tender.WECHAT, Tender.CASH, Tender.ALIPAY, Tender.CARD, Tender.WECHAT, Tender.TRANSFER)
_TALK: Final = "已向家属说明：身份核实前按自费标准收，核实后多收的退回；家属同意。"
_STAGE: Final = "入院检查阶段"
_AT_DESK: Final = timedelta(minutes=10)
_LATER: Final = timedelta(days=2)
_SMALL: Final = Money(10_000)

Act = tuple[datetime, Callable[[datetime], None]]


def fill_desk(stage: Stage, until: datetime, number: int) -> None:
    """Register ``number`` stays of the two weeks before ``until`` and collect for most of them."""
    rng = Random(number)
    stays = [_special(index, stay) for index, stay in enumerate(demonstration_stays(number, until))]
    parts = [_parts(rng, index, number) for index in range(number)]
    acts = [act for index, stay in enumerate(stays) for act in _acts(stage, index, stay, parts[index], until)]
    for moment, act in sorted(acts, key=lambda item: item[0]):
        act(moment)
    _lower_a_class(stage, stays[_FALLEN], until)
    _ask_for_refund(stage, stays[_REFUND], until)


def leave_void(stage: Stage, clock: Clock, until: datetime, number: int) -> None:
    """A slip of today that its cashier wants voided; only slips of the very day can be."""
    stay, cashier = demonstration_stays(number, until)[_LATEST], stage.actor(Role.CASHIER)
    now = clock.now()
    command = CollectDeposit(stay.admission_no, _SMALL, Tender.CASH, f"demo:void:{clock.today()}")
    receipt_no = collect_deposit(stage.at(now), cashier, command).receipt_no
    if receipt_no is not None:
        with suppress(Conflict):  # asked for already
            request_void(stage.at(now), cashier, RequestVoid(receipt_no, "金额录错，应收 200 元，重新收"))


def _special(index: int, stay: DemonstrationStay) -> DemonstrationStay:
    if index == _UNPOSTED:
        uncommon = {code for code, _ in similar_pairs()}
        disease = min((one for one in diseases() if one.code in uncommon), key=lambda one: (one.frequency, one.code))
        return replace(stay, disease_code=disease.code, disease_name=disease.name, insured_class="resident")
    return replace(stay, insured_class="self_pay") if index == _FALLEN else stay


def _parts(rng: Random, index: int, number: int) -> Sequence[int]:
    """Payments as parts of the cap in hundredths: nothing, one or two."""
    drawn: Sequence[int] = rng.choice(((), (60,), (80,), (100,), (50, 30), (40, 60)))
    if index == number - 1 or IN_HOSPITAL.get(index) in PAY_LATER:
        return ()  # room for the slip that is to be voided; nothing is asked of who pays later
    return (70,) if index in (_UNKNOWN, _STAGED, _UNPOSTED, _FALLEN, _REFUND) else drawn


def _acts(stage: Stage, index: int, stay: DemonstrationStay, parts: Sequence[int], until: datetime) -> list[Act]:
    """Registering, then the payments that were made by now."""
    cashier = stage.actor(Role.CASHIER, index)
    at = min(stay.admitted_at + _AT_DESK, until)
    acts: list[Act] = [(at, lambda moment: _register(stage, cashier, index, stay, moment))]
    for turn, percent in enumerate(parts):
        paid_at = at + _AT_DESK / 2 + turn * _LATER
        if paid_at <= until:
            acts.append((paid_at, _payment(stage, cashier, stay, turn, percent, index)))
    return acts


def _register(stage: Stage, cashier: Actor, index: int, stay: DemonstrationStay, moment: datetime) -> None:
    if _state(stage, stay.admission_no) is not None:
        return
    placement = Placement(stay.disease_code, stay.disease_name, stay.insured_class)
    if index == _UNKNOWN:
        placement = replace(placement, circumstance=Circumstance.IDENTITY_UNKNOWN.value, talk=_TALK)
    if index == _STAGED:
        placement = replace(placement, circumstance=Circumstance.STAGED.value)
    bed = str(index % 40 + 1)
    command = RegisterStay(
        stay.admission_no,
        stay.patient_name,
        placement,
        stay.admitted_at,
        ward=stay.ward,
        bed=bed,
        certificate=certificate_of(index),
    )
    register_stay(stage.at(moment), cashier, command)


def _payment(
    stage: Stage, cashier: Actor, stay: DemonstrationStay, turn: int, percent: int, index: int
) -> Callable[[datetime], None]:
    def pay(moment: datetime) -> None:
        state = _state(stage, stay.admission_no)
        amount = _part(state, percent)
        if not amount or (state is not None and state.cap_version > 1):
            return
        tender = _TENDERS[index % len(_TENDERS)]
        key = f"demo:{stay.admission_no}:{turn}"
        reference = "" if tender is Tender.CASH else f"YS{stay.admission_no}{turn}"
        words = _STAGE if index == _STAGED else ""
        command = CollectDeposit(stay.admission_no, amount, tender, key, reference, stay.patient_name, words)
        collect_deposit(stage.at(moment), cashier, command)

    return pay


def _part(state: store.StayState | None, percent: int) -> Money:
    """That part of the cap, in whole hundreds of yuan where it is more than one."""
    if state is None or state.cap_fen is None:
        return ZERO
    fen = state.cap_fen * percent // 100
    return Money(fen if fen < _SMALL.fen else fen // _SMALL.fen * _SMALL.fen)


def _lower_a_class(stage: Stage, stay: DemonstrationStay, moment: datetime) -> None:
    """Somebody who was taken for self-pay turns out to be insured: the cap falls, the excess waits for refund."""
    state = _state(stage, stay.admission_no)
    if state is None or state.cap_version > 1:
        return
    placement = Placement(stay.disease_code, stay.disease_name, "employee", talk="患者补交了职工医保凭证。")
    change_placement(stage.at(moment), stage.actor(Role.CASHIER, 1), ChangePlacement(stay.admission_no, placement, 1))


def _ask_for_refund(stage: Stage, stay: DemonstrationStay, moment: datetime) -> None:
    state = _state(stage, stay.admission_no)
    amount = Money(0 if state is None else min(_SMALL.fen * 2, state.collected_fen))
    if amount:
        command = RequestRefund(stay.admission_no, amount, Tender.CASH, "家属要求退回一部分，改由医保账户支付")
        with suppress(Conflict):  # asked for already
            request_refund(stage.at(moment), stage.actor(Role.CASHIER), command)


def _state(stage: Stage, stay_no: str) -> store.StayState | None:
    with stage.context.database.reading() as connection:
        try:
            return store.read_stay(connection, stage.house.code, stay_no)
        except NotFound:
            return None
