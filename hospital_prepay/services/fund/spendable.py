"""House rules on when a grant's money may still be spent: not after the day by which all of it had to be back, nor
while the shared account's own part is overdrawn, for then the earmark of one grant pays what another owes."""

from __future__ import annotations

from datetime import date

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.clearing import clearing_duty
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.fund_reminders import AccountCheck
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.queries.fund_duties import shared_account
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.holidays import working_day_calendar
from hospital_prepay.rulebook.loader import load_rulebook


@house_rule
def back_by(connection: Connection, institution_id: str, grant: GrantState) -> date | None:
    """The last day on which the grant's money may be spent: that of the notice's clearing, or of the document of a
    procurement prepayment. ``None`` where the place nets instead, or nobody named a day."""
    if grant.kind == "procurement":
        document = kept.procurements(connection, institution_id).get(grant.grant_id)
        return document.return_on if document else None
    duty = clearing_duty(load_rulebook().regime(grant.regime, grant.year), grant.year, working_day_calendar())
    return duty.due_on if duty else None


def closed_since(connection: Connection, institution_id: str, grant: GrantState, today: date) -> str | None:
    """That day as a decision keeps it, once it is past."""
    day = back_by(connection, institution_id, grant)
    return day.isoformat() if day is not None and today > day else None


def require_spendable(work: UnitOfWork, grant: GrantState, what: str) -> None:
    """Raise :class:`Conflict` where a house rule stops reserving and paying; ``what`` is what didn't happen."""
    day = closed_since(work.connection, work.institution_id, grant, work.today)
    if day is not None:
        words = f"这笔预付金到 {day} 应全部交回，过了这一天不再审批和付款（本院规定）；本次没有{what}。"
        raise Conflict(f"{words}请交回或冲抵。", code="year_is_over")
    general, restricted = shared_account(work.connection, work.institution_id)
    short = AccountCheck(work.today, general, restricted, work.now).short_fen
    if short:
        words = f"共用账户的账面余额比专款少 {Money(short)} 元，补足之前不审批、不付款（本院规定）；本次没有{what}。"
        raise Conflict(f"{words}请先用自有资金补足。", code="account_short")
