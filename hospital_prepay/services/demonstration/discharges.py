"""Discharges of the synthetic hospital, led from the admission to the invoice: a week across a long holiday with its
breaches, and those of these days, which wait with whoever has the next step.

Everything goes through the services that people use, in the order of time. What was done is found and stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.refunds import usual_rest
from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import SettlementKind
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence import stays as store
from hospital_prepay.services.demonstration.discharges_after import After
from hospital_prepay.services.demonstration.discharges_plan import Act, Do, PlannedDischarge, planned_discharges
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from hospital_prepay.services.publication.holidays import working_days
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.invoices import number_invoice
from hospital_prepay.services.settlement.preview import money_of
from hospital_prepay.services.settlement.progress import Seen, pass_on
from hospital_prepay.services.settlement.results import InsuranceResult, record_result
from hospital_prepay.services.settlement.settling import SettleStay, settle_stay
from hospital_prepay.services.settlement.slips import TopUp

_MINUTE: Final = timedelta(minutes=1)
# Out of what an insured stay costs, what the patient bears; of that, what the personal account pays.
_OWN_OF_TOTAL, _ACCOUNT_OF_OWN = 38, 12
# What a stay is taken to cost the patient whose disease has no cap yet.
_WITHOUT_CAP: Final = 300_000
_SELF_PAY: Final = "self_pay"


def lead_discharges(stage: Stage, begun: datetime, week: int, now: int) -> None:
    """Do every act up to ``begun``: ``week`` discharges around the last long holiday, ``now`` of the last days."""
    calendar = working_days(stage.context, stage.house.code)
    leader = _Leader(stage)
    plans = planned_discharges(begun, week, now, calendar)
    acts = [act for plan in plans for act in leader.acts(plan)]
    acts += After(stage, plans, begun).acts()
    for moment, act in sorted(acts, key=lambda one: one[0]):
        if moment <= begun:
            act(moment)


class _Leader:
    """Leads discharges through the hands of those who have a part in them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._ward, self._audit, self._insurance = (
            stage.actor(role) for role in (Role.WARD, Role.BILLING_AUDITOR, Role.INSURANCE_CLERK)
        )

    def acts(self, plan: PlannedDischarge) -> Iterator[Act]:
        """What happens to one patient, each at its moment."""
        cashier = self._stage.actor(Role.CASHIER, plan.index)
        admitted = plan.stay.admitted_at
        yield admitted + 10 * _MINUTE, lambda at: self._register(plan, cashier, at)
        yield admitted + 15 * _MINUTE, lambda at: self._collect(plan, cashier, at)
        yield plan.discharged_at, lambda at: self._discharge(plan, at)
        steps: list[tuple[float, Actor]] = [(0.15, self._ward), (0.35, self._audit)]
        if plan.stay.insured_class != _SELF_PAY:
            yield plan.between(0.6), lambda at: self._result(plan, at)
            steps.append((0.75, self._insurance))
        for step, (part, who) in enumerate(steps):
            yield plan.between(part), self._pass(plan, who, step)
        yield plan.settled_at, lambda at: self._settle(plan, cashier, at)
        yield plan.settled_at + 6 * _MINUTE, lambda at: self._invoice(plan, cashier, at)

    def _register(self, plan: PlannedDischarge, cashier: Actor, at: datetime) -> None:
        stay = plan.stay
        if self._state(plan) is None:
            placement = Placement(stay.disease_code, stay.disease_name, stay.insured_class)
            bed = str(plan.index % 40 + 1)
            command = RegisterStay(
                stay.admission_no, stay.patient_name, placement, stay.admitted_at, ward=stay.ward, bed=bed
            )
            register_stay(self._stage.at(at), cashier, command)

    def _collect(self, plan: PlannedDischarge, cashier: Actor, at: datetime) -> None:
        state, no = self._state(plan), plan.stay.admission_no
        if state is not None and state.cap_fen:
            amount = Money(state.cap_fen * plan.deposit // 100)
            reference = "" if plan.tender is Tender.CASH else f"CY{no}"
            command = CollectDeposit(no, amount, plan.tender, f"demo:{no}:0", reference, plan.stay.patient_name)
            collect_deposit(self._stage.at(at), cashier, command)

    def _discharge(self, plan: PlannedDischarge, at: datetime) -> None:
        said = WrittenDown(
            plan.stay.admission_no, VisitEventKind.DISCHARGE, plan.discharged_at, disposition=plan.disposition.value
        )
        with suppress(Conflict):  # written down already
            write_down(self._stage.at(at), self._ward, said)

    def _pass(self, plan: PlannedDischarge, who: Actor, step: int) -> Do:
        def act(at: datetime) -> None:
            with suppress(Conflict):  # passed on already
                pass_on(self._stage.at(at), who, Seen(plan.stay.admission_no, step))

        return act

    def _result(self, plan: PlannedDischarge, at: datetime) -> None:
        result = InsuranceResult(self._setl_id(plan), at, self._amounts(plan), med_type="21")
        record_result(self._stage.at(at), self._insurance, plan.stay.admission_no, result, "api")

    def _settle(self, plan: PlannedDischarge, cashier: Actor, at: datetime) -> None:
        no, amounts = plan.stay.admission_no, self._amounts(plan)
        if money_of(self._stage.context, cashier, no).settlements:
            return  # settled already
        by_insurance = plan.stay.insured_class != _SELF_PAY
        state = self._state(plan)
        held = state.collected_fen if state else 0
        short = max(amounts.psn_cash_pay - held, 0)
        pays = short and plan.index % 3
        command = SettleStay(
            no,
            SettlementKind.DISCHARGE,
            plan.channel,
            f"demo:{no}:settle",
            setl_id=self._setl_id(plan) if by_insurance else "",
            self_pay_total=None if by_insurance else Money(amounts.medfee_sumamt),
            rest=usual_rest(plan.disposition.value),
            top_up=TopUp(Money(short), Tender.WECHAT, f"BJ{no}") if pays else None,
        )
        settle_stay(self._stage.at(at), cashier, command)

    def _invoice(self, plan: PlannedDischarge, cashier: Actor, at: datetime) -> None:
        with suppress(Conflict):  # numbered already
            number_invoice(self._stage.at(at), cashier, plan.stay.admission_no, 1, f"52{plan.stay.admission_no}")

    def _amounts(self, plan: PlannedDischarge) -> ResultAmounts:
        state = self._state(plan)
        cap_fen = (state.cap_fen if state else None) or _WITHOUT_CAP
        own = cap_fen * plan.own // 100
        if plan.stay.insured_class == _SELF_PAY:
            return ResultAmounts(own, 0, own, 0, own)
        total = own * 100 // _OWN_OF_TOTAL
        account = own * _ACCOUNT_OF_OWN // 100 if plan.stay.insured_class == "employee" else 0
        return ResultAmounts(total, total - own, own, account, own - account)

    def _state(self, plan: PlannedDischarge) -> store.StayState | None:
        with self._stage.context.database.reading() as connection:
            try:
                return store.read_stay(connection, self._stage.house.code, plan.stay.admission_no)
            except NotFound:
                return None

    @staticmethod
    def _setl_id(plan: PlannedDischarge) -> str:
        return f"52Y{plan.stay.admission_no}"
