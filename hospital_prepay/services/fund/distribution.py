"""A lead hospital hands a grant on to its members: agreed by a second person, shown in use, and given back.

What a member holds is owed back all the same, so it stands as unspent in the lead's books until it comes back, or
until the lead gives back in its place what the member used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import (
    Conflict,
    InsufficientFund,
    MalformedInput,
    NotFound,
    RuleRefused,
    SecondPersonRequired,
)
from hospital_prepay.domain.ledger.chart import distributed_account, earmark_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.references import payment_reference
from hospital_prepay.domain.rules.fund.distribution import may_distribute
from hospital_prepay.domain.rules.fund.regime import UseOutcome
from hospital_prepay.domain.rules.fund.uses import REASON_WORDS, UseLine, check_use
from hospital_prepay.persistence import fund_distributions as store
from hospital_prepay.persistence import fund_members as register
from hospital_prepay.persistence import funds
from hospital_prepay.persistence.fund_distributions import DistributionRow, UseRow
from hospital_prepay.persistence.fund_members import MemberRow
from hospital_prepay.persistence.funds import GrantState
from hospital_prepay.persistence.ledger import open_account
from hospital_prepay.persistence.models.fund_apply import (
    FundDistribution,
    FundDistributionReturn,
    FundDistributionUse,
)
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.grants import fund_entry
from hospital_prepay.services.fund.member_documents import require_new_use
from hospital_prepay.services.fund.members import require_its_own_account
from hospital_prepay.services.fund.recall import require_no_recall
from hospital_prepay.services.fund.slips import (
    keep_slip,
    reopen_past_month,
    require_arrived_by,
    require_not_before,
    require_past,
)
from hospital_prepay.services.fund.spendable import require_spendable

__all__ = ["DistributionRow", "UseRow"]


@dataclass(frozen=True, slots=True)
class AskDistribution:
    """So much of a grant for one member of the register, by the agreement of the community."""

    grant_id: str
    member_code: str
    amount: Money
    document: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class DecideDistribution:
    """A yes with the bank's slip and day of handing on, or a no."""

    distribution_id: str
    approved: bool
    bank_reference: str = ""
    handed_on: date | None = None


@dataclass(frozen=True, slots=True)
class ReturnDistribution:
    """Money that came back from a member, by the bank's slip; on ``returned_on``, else today."""

    distribution_id: str
    amount: Money
    bank_reference: str
    idempotency_key: str
    returned_on: date | None = None


@dataclass(frozen=True, slots=True)
class ShowUse:
    """What a member paid, with its document."""

    distribution_id: str
    line: UseLine
    document: str
    idempotency_key: str


def ask_distribution(context: Context, actor: Actor, command: AskDistribution) -> str:
    """Write a distribution down for who stands in the register of members. Needs ``fund.pay``.

    Raises :class:`MalformedInput` for anybody else, :class:`Conflict` unless the grant is in use here.
    """
    actor.require(Permission.FUND_PAY)
    if not command.document.strip():
        raise MalformedInput("请填分配的协议或文件。", details={"field": "agreement"})
    payload = {**asdict(command), "amount": command.amount.fen}
    with context.work(actor, "fund.ask_distribution", f"grant:{command.grant_id}") as work:
        grant = funds.lock_grant(work.connection, work.institution_id, command.grant_id)
        known = work.known_answer(command.idempotency_key, payload)
        if known is not None:
            return str(known["distribution_id"])
        if not may_distribute(grant.regime):
            raise Conflict("这里的通知没有由牵头医疗机构分配的规定，预付金不能出借。没有改动。")
        if grant.state != "received" or grant.kind != "basic":
            raise Conflict("这笔预付金没有在用，不能分给成员单位。请选一笔在用的预付金。")
        require_no_recall(work, grant.regime, "分配")
        require_spendable(work, grant, "分配")
        if command.amount.fen <= 0 or command.amount.fen > grant.unspent_fen:
            raise MalformedInput(f"可以分的只有 {grant.unspent} 元，请核对金额。", details={"field": "member_amount"})
        member = _member(work, code=payment_reference(command.member_code))
        distribution_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "distribution_id": distribution_id,
            "grant_id": grant.grant_id,
            "member_code": member.member_code,
            "member_name": member.member_name,
            "member_no": member.member_no,
            "amount_fen": command.amount.fen,
            "document": command.document.strip(),
            "state": "asked",
            "asked_by": actor.actor_id,
            "asked_at": work.now,
        }
        store.add(work.connection, FundDistribution, values)
        work.audit(detail={"member": member.member_code, "amount_fen": command.amount.fen})
        work.keep_answer(command.idempotency_key, payload, {"distribution_id": distribution_id})
        return distribution_id


def decide_distribution(context: Context, actor: Actor, command: DecideDistribution) -> DistributionRow:
    """Hand the money on, or turn it down; another person than who asked. Needs ``fund.reserve``.

    Raises :class:`MalformedInput` for a yes without a slip or with a day ahead, :class:`Conflict` for a slip used
    before or a member that left, :class:`SecondPersonRequired` when the two who entered the member would also be the
    two who hand the money on: then a third person asks or agrees.
    """
    actor.require(Permission.FUND_RESERVE)
    distribution_id, approved = command.distribution_id, command.approved
    with context.work(actor, "fund.decide_distribution", f"distribution:{distribution_id}") as work:
        grant, found = _locked(work, distribution_id)
        actor.require_other_than(found.asked_by, "同意分配")
        handed_on = command.handed_on or work.today
        if approved:
            require_no_recall(work, grant.regime, "分配")
            require_spendable(work, grant, "分配")
            member = _member(work, number=found.member_no)
            _require_third_person(member, found.asked_by, actor)
            own = (work.connection, work.institution_id)
            require_its_own_account(*own, member.member_code, member.account_no)
            if not command.bank_reference.strip():
                raise MalformedInput("请填转账的银行回单号。", details={"field": "bank_reference"})
            require_past(handed_on, work.today, "handed_on")
            require_arrived_by(work.connection, work.institution_id, grant, handed_on, "handed_on")
            confirmed_on = member.decided_at and local(member.decided_at).date()
            require_not_before(handed_on, confirmed_on, "成员单位核对日", "handed_on")
            require_not_before(handed_on, local(found.asked_at).date(), "申请分配日", "handed_on")
        state = "approved" if approved else "rejected"
        by = {"decided_by": actor.actor_id, "decided_at": work.now}
        store.walk(work.connection, work.institution_id, distribution_id, state=state, **by)
        entry_no = None
        if approved:
            reopen_past_month(work, handed_on, "分给成员单位的款")
            _open(work, grant)
            amount = Money(found.amount_fen)
            lines = (
                Posting(distributed_account(grant.grant_id), debit=amount),
                Posting(earmark_account(grant.grant_id), credit=amount),
            )
            entry_no = _post(work, grant, "fund_distribution", "分给成员单位", lines, distribution_id, handed_on)
            keep_slip(work, "fund_distribution", entry_no, command.bank_reference, handed_on)
        work.audit(entry_no=entry_no, detail={"approved": approved, "amount_fen": found.amount_fen})
        return store.find(work.connection, work.institution_id, distribution_id)


def return_distribution(context: Context, actor: Actor, command: ReturnDistribution) -> DistributionRow:
    """Book what came back. Needs ``fund.return``. Raises :class:`MalformedInput` for more than the member holds."""
    actor.require(Permission.FUND_RETURN)
    if not command.bank_reference.strip():
        raise MalformedInput("请填银行回单号。", details={"field": "bank_reference"})
    returned = command.returned_on and command.returned_on.isoformat()
    payload = {**asdict(command), "amount": command.amount.fen, "returned_on": returned}
    with context.work(actor, "fund.return_distribution", f"distribution:{command.distribution_id}") as work:
        grant, found = _locked(work, command.distribution_id)
        if work.known_answer(command.idempotency_key, payload) is not None:
            return found
        returned_on = command.returned_on or work.today
        require_past(returned_on, work.today, "returned_on")
        require_arrived_by(work.connection, work.institution_id, grant, returned_on, "returned_on")
        handed_on = store.handed_on(work.connection, work.institution_id, found.distribution_id)
        require_not_before(returned_on, handed_on, "分配转账日", "returned_on")
        if command.amount.fen <= 0 or command.amount.fen > found.in_hand_fen:
            words = f"成员单位手里还有 {Money(found.in_hand_fen)} 元（分配减去已退回和已报用款），请核对金额。"
            raise MalformedInput(words, details={"field": "amount"})
        values = {"return_no": found.returns + 1, "bank_reference": command.bank_reference.strip()}
        _append(work, FundDistributionReturn, found, command.amount, values)
        lines = (
            Posting(earmark_account(grant.grant_id), debit=command.amount),
            Posting(distributed_account(grant.grant_id), credit=command.amount),
        )
        key = f"{found.distribution_id}:{found.returns + 1}"
        reopen_past_month(work, returned_on, "成员单位退回")
        entry_no = _post(work, grant, "fund_distribution_return", "成员单位退回", lines, key, returned_on)
        keep_slip(work, "fund_distribution_return", entry_no, command.bank_reference, returned_on)
        work.audit(entry_no=entry_no, detail={"amount_fen": command.amount.fen, "bank": command.bank_reference})
        work.keep_answer(command.idempotency_key, payload, {"entry_no": entry_no})
        return store.find(work.connection, work.institution_id, command.distribution_id)


def show_use(context: Context, actor: Actor, command: ShowUse) -> DistributionRow:
    """Keep what a member paid: only what the place's notice lets the fund pay. Needs ``fund.pay``.

    Raises :class:`RuleRefused` for any other line, :class:`MalformedInput` for more than was handed on,
    :class:`Conflict` for a document that proved this line already, of the member or of the hospital.
    """
    actor.require(Permission.FUND_PAY)
    if not command.document.strip():
        raise MalformedInput("请填发票或清单的号码。", details={"field": "document"})
    line = command.line
    payload = {**asdict(command), "line": {**asdict(line), "amount": line.amount.fen}}
    with context.work(actor, "fund.show_use", f"distribution:{command.distribution_id}") as work:
        grant, found = _locked(work, command.distribution_id)
        if work.known_answer(command.idempotency_key, payload) is not None:
            return found
        answer = check_use(load_rulebook().regime(grant.regime, grant.year), (line,))
        if answer.outcome is not UseOutcome.PERMITTED:
            words = "；".join(REASON_WORDS[one.code] for one in answer.reasons)
            raise RuleRefused(f"不能记：{words}。请核对这一行，或请成员单位退回这笔钱。")
        if line.amount.fen <= 0 or line.amount.fen > found.in_hand_fen:
            words = f"超过成员单位手里的 {Money(found.in_hand_fen)} 元，请核对。"
            raise MalformedInput(words, details={"field": "amount"})
        require_new_use(work, found.member_code, line, command.document)
        rest = {name: getattr(line, name) for name in ("category", "name", "code", "order_no")}
        values = {"use_no": found.uses + 1, "document": command.document.strip(), **rest}
        _append(work, FundDistributionUse, found, line.amount, values)
        work.audit(detail={"category": line.category, "amount_fen": line.amount.fen, "document": command.document})
        work.keep_answer(command.idempotency_key, payload, {"use_no": found.uses + 1})
        return store.find(work.connection, work.institution_id, command.distribution_id)


def distributions_of(context: Context, actor: Actor, grant_id: str) -> list[DistributionRow]:
    """The distributions of a grant. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return store.of_grant(connection, actor.institution_id, grant_id)


def require_of_grant(context: Context, actor: Actor, grant_id: str, distribution_id: str) -> None:
    """Raise :class:`NotFound` unless the distribution is one of this grant. Needs ``fund.view``."""
    if all(one.distribution_id != distribution_id for one in distributions_of(context, actor, grant_id)):
        raise NotFound("这笔预付金没有这份分配。请回到预付金查看。")


def uses_of(context: Context, actor: Actor, grant_id: str) -> list[UseRow]:
    """What members showed of its use. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    with context.database.reading() as connection:
        return store.uses_of_grant(connection, actor.institution_id, grant_id)


def _member(work: UnitOfWork, *, code: str | None = None, number: int | None = None) -> MemberRow:
    """The member as it stands, when asked by code; when agreed to, the very row that was asked for."""
    try:
        return register.standing_member(work.connection, work.institution_id, code=code, number=number)
    except NotFound as error:
        words = "成员单位名册里没有这一家，或者它已移出。请先在名册登记，由另一人核对。"
        if code is None:
            words = "这家成员单位申请之后移出了名册，或者换过名称、账户。请选不同意，按现在的名册重新申请。"
        raise MalformedInput(words, details={"field": "member_code"}) from error


def _require_third_person(member: MemberRow, asked_by: str, actor: Actor) -> None:
    if member.entered_by(asked_by, actor.actor_id):
        words = "登记、核对这家成员单位的两个人，不能再由他们两人申请并同意分钱。请第三个人来同意；本次没有入账。"
        raise SecondPersonRequired(words)


def _locked(work: UnitOfWork, distribution_id: str) -> tuple[GrantState, DistributionRow]:
    """The grant first, as every act on its money locks."""
    grant_id = store.find(work.connection, work.institution_id, distribution_id).grant_id
    grant = funds.lock_grant(work.connection, work.institution_id, grant_id)
    return grant, store.find(work.connection, work.institution_id, distribution_id)


def _append(
    work: UnitOfWork, table: type[Any], found: DistributionRow, amount: Money, values: dict[str, Any]
) -> None:
    by = {"recorded_by": work.act.actor.actor_id, "recorded_at": work.now}
    key = {"institution_id": work.institution_id, "distribution_id": found.distribution_id}
    store.add(work.connection, table, {**key, "amount_fen": amount.fen, **by, **values})


def _open(work: UnitOfWork, grant: GrantState) -> None:
    rows = store.of_grant(work.connection, work.institution_id, grant.grant_id)
    if sum(one.state == "approved" for one in rows) > 1:
        return  # the first one opened it
    account, words = distributed_account(grant.grant_id), f"{grant.year} 年预付金·分给成员单位"
    where = (work.connection, work.institution_id, account)
    open_account(*where, name=words, opened_at=work.now, guarded=True, fund=grant.grant_id)


def _post(
    work: UnitOfWork, grant: GrantState, kind: str, summary: str, lines: tuple[Posting, ...], key: str, on: date
) -> int:
    source = f"fund_distribution:{key.partition(':')[0]}"
    try:
        return work.ledger.post(fund_entry(work, grant, kind, summary, lines, key, source=source, on=on))
    except InsufficientFund as error:
        raise Conflict("专款未用不够分这么多：别的用款先占了。请减少金额重新申请；本次没有入账。") from error
