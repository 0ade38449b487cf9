"""What follows the discharges of the synthetic hospital: refunds that arrive or come back, reasons and excuses of
what was late, arrears with promises, a provision, the emergency relief fund, counts by channel, an assessment.

Each act looks at what is there on its day, so that done again nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.arrears import ActKind, Instalment
from hospital_prepay.domain.rules.settlement.channels import Service
from hospital_prepay.domain.rules.settlement.lateness import LateReason
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.services.demonstration.discharges_plan import Act, Do, PlannedDischarge, in_office
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.settlement import arrears, arrears_acts, arrivals, channels, lateness, relief
from hospital_prepay.services.settlement.arrivals import AskAgain, Awaited
from hospital_prepay.services.settlement.assessments import Assess, approve, assess
from hospital_prepay.services.settlement.channels import Count
from hospital_prepay.services.settlement.refund_list import waiting_refunds

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_STATEMENT_AFTER: Final = 2 * _DAY
_REASONS: Final = (
    (LateReason.INSURANCE_REVIEW, "诊断编码要经办机构核查，节后才答复。"),
    (LateReason.PATIENT_PAPERS, "异地备案材料没有带来，已电话提醒两次。"),
    (LateReason.OWN_RECORDS, "节前出院集中，病案首页三天后才交齐。"),
)
_LETTER: Final = "已寄出催缴函，附分期办法和救助电话。"
# Of a hundred cases of each service: in the ward, online; the rest at windows.
_SHARES: Final = {
    Service.ADMISSION: (22, 18),
    Service.REGISTRATION: (25, 30),
    Service.QUERY: (15, 70),
}
_A_MONTH: Final = 900


class After:
    """What people do in the days after discharges."""

    def __init__(self, stage: Stage, plans: list[PlannedDischarge], begun: datetime) -> None:
        self._stage, self._plans, self._begun = stage, plans, begun
        self._officer, self._other = stage.actor(Role.FINANCE_OFFICER), stage.actor(Role.FINANCE_OFFICER, 1)
        self._approver = stage.actor(Role.FINANCE_APPROVER)

    def acts(self) -> Iterator[Act]:
        """Each at its moment."""
        first = min(plan.discharged_at for plan in self._plans)
        for week in range(1, (self._begun - first).days // 7 + 1):
            at = in_office(first + week * 7 * _DAY).replace(hour=16)
            yield at, self._read_statements
            yield at + _HOUR, self._send_again
        for turn, plan in enumerate(plan for plan in self._plans if plan.pace == "late"):
            yield plan.settled_at + _HOUR, self._explain(plan, turn)
        owing = [plan for plan in self._plans if plan.own > plan.deposit and plan.index % 3 == 0]
        for turn, plan in enumerate(owing):
            yield plan.settled_at + 5 * _DAY, self._pursue(plan, turn)
        yield from self._months(first)
        yield self._begun - 2 * _HOUR, self._assess

    def _read_statements(self, at: datetime) -> None:
        """What was sent two days before has arrived; of the first few one came back."""
        context = self._stage.at(at)
        for one in waiting_refunds(context, self._officer).on_the_way:
            attempt = one.attempt
            if attempt.sent_at is None or at - attempt.sent_at < _STATEMENT_AFTER:
                continue
            seen = Awaited(attempt.number, attempt.attempt_no)
            if attempt.serial % 7 == 5 and attempt.attempt_no == 1:
                arrivals.mark_failed(context, self._officer, seen, "收款账户已注销，平台退回")
            else:
                arrivals.mark_arrived(context, self._officer, seen, f"对账单 {local(at):%Y%m%d}")

    def _send_again(self, at: datetime) -> None:
        """What came back is paid in cash, once the patient came; the newest still waits."""
        context = self._stage.at(at)
        cashier = self._stage.actor(Role.CASHIER)
        for attempt in waiting_refunds(context, self._officer).failed[1:]:
            arrivals.ask_again(context, cashier, AskAgain(Awaited(attempt.number, attempt.attempt_no), Tender.CASH))
        for attempt in waiting_refunds(context, self._officer).asked:
            arrivals.decide_again(context, self._officer, Awaited(attempt.number, attempt.attempt_no), approve=True)

    def _explain(self, plan: PlannedDischarge, turn: int) -> Do:
        reason, words = _REASONS[turn % len(_REASONS)]
        no = plan.stay.admission_no

        def act(at: datetime) -> None:
            context, writer = self._stage.at(at), self._stage.actor(Role.INSURANCE_CLERK)
            asks = reason is not LateReason.OWN_RECORDS
            command = lateness.WriteReason(no, reason, words, f"demo:{no}:late", asks)
            with suppress(Conflict):  # no excuse where it isn't occasional: the reason is written all the same
                number = lateness.write_reason(context, writer, command)
                if asks and turn % 2 == 0:
                    lateness.decide_excuse(context, self._officer, no, number, accept=True)
                return
            lateness.write_reason(context, writer, lateness.WriteReason(no, reason, words, f"demo:{no}:late2"))

        return act

    def _pursue(self, plan: PlannedDischarge, turn: int) -> Do:
        no = plan.stay.admission_no

        def act(at: datetime) -> None:
            context = self._stage.at(at)
            owed = arrears.arrears_of(context, self._officer, no).standing.owed_fen
            if not owed:
                return
            arrears.note_contact(
                context, self._officer, arrears.NoteContact(no, "letter", _LETTER, f"demo:{no}:letter")
            )
            half, today = owed // 2, local(at).date()
            if turn % 3 == 0 and half:
                parts = (Instalment(today + 30 * _DAY, half), Instalment(today + 60 * _DAY, owed - half))
                promise = arrears.MakePromise(no, parts, "家属承诺分两次付清。", f"demo:{no}:promise")
                arrears.make_promise(context, self._officer, promise)
            elif turn % 3 == 1:
                self._ask_relief(context_at=at, no=no, owed=owed)
            else:
                ask = arrears_acts.AskAct(
                    no, ActKind.PROVISION, Money(half), "家庭困难，预计收回一半", "入户核实记录", f"demo:{no}:provide"
                )
                arrears_acts.ask_act(context, self._officer, ask)

        return act

    def _ask_relief(self, context_at: datetime, no: str, owed: int) -> None:
        context = self._stage.at(context_at)
        drafted = relief.Draft(no, Money(owed), "急救费用，患者无力支付", "急救记录、救助站证明", f"demo:{no}:relief")
        application = relief.draft(context, self._officer, drafted)
        with suppress(Conflict):  # submitted already
            relief.submit(context, self._other, no, application)

    def _assess(self, at: datetime) -> None:
        """The last quarter's risks, looked at by one and approved by another."""
        findings = "节假日前出院集中，两个病区的病案首页交得迟；欠费集中在急诊转入的患者。"
        measures = "节前两天起每天核对首页；急诊转入当天问明参保和救助资格。"
        context = self._stage.at(at)
        with suppress(Conflict):  # done already
            number = assess(context, self._officer, Assess(findings, measures, f"demo:assess:{at:%Y-%m}"))
            approve(context, self._approver, number)

    def _months(self, first: datetime) -> Iterator[Act]:
        """What other systems report each month."""
        month = local(first).date().replace(day=1)
        while (following := _next_month(month)) <= local(self._begun).date():
            at = datetime.combine(following, first.timetz()) + _DAY
            yield at, self._count(f"{month:%Y-%m}")
            month = following

    def _count(self, period: str) -> Do:
        def act(at: datetime) -> None:
            counts = [
                Count(period, service, channel, number)
                for service, (ward, online) in _SHARES.items()
                for channel, number in (
                    (Channel.BEDSIDE, _A_MONTH * ward // 100),
                    (Channel.ONLINE, _A_MONTH * online // 100),
                    (Channel.WINDOW, _A_MONTH * (100 - ward - online) // 100),
                )
            ]
            channels.write_counts(self._stage.at(at), self._officer, counts, "自助机月报", f"demo:channels:{period}")

        return act


def _next_month(month: date) -> date:
    return (month + 32 * _DAY).replace(day=1)
