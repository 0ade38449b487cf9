"""A lead hospital and its members: handed on by two people, unspent until it comes back, held by the database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import (
    Conflict,
    InsufficientFund,
    MalformedInput,
    PrepayError,
    RuleRefused,
    SecondPersonRequired,
)
from hospital_prepay.domain.ledger.chart import distributed_account, earmark_account, owed_account, reserved_account
from hospital_prepay.domain.ledger.entry import JournalEntry, Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.fund_recalls import add_slip
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models.fund_apply import (
    FundDistribution,
    FundDistributionReturn,
    FundDistributionUse,
)
from hospital_prepay.services.fund import distribution as service
from hospital_prepay.services.fund import grants, members, recall
from hospital_prepay.services.fund.reconciliation import read_month
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests.funding import MILLION_YUAN, enter_member
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line

M = MILLION_YUAN
MEMBER = ("H37100000002", "某镇卫生院")
pytestmark = pytest.mark.clause("weihai-prepay-2025/2.3")


@pytest.fixture
def lead(hospital: Hospital) -> Year:
    enter_member(hospital.context, PAYER, APPROVER, *MEMBER)
    return Year(hospital, "weihai-prepay-2025").arrived()


def ask(lead: Year, fen: int, **changes: Any) -> str:
    given = {"member_code": MEMBER[0], "document": "医共体分配协议", **changes}
    command = service.AskDistribution(lead.grant_id, amount=Money(fen), idempotency_key=lead.key, **given)
    return service.ask_distribution(lead.hospital.context, OFFICER, command)


def hand_on(lead: Year, fen: int) -> str:
    found = ask(lead, fen)
    decide(lead, found)
    return found


def decide(lead: Year, found: str, who: Actor = APPROVER, *, approved: bool = True, **changes: Any) -> Any:
    given = {"bank_reference": f"ZZ-{found}", "handed_on": date(2026, 1, 15), **(changes if approved else {})}
    command = service.DecideDistribution(found, approved, **given)
    return service.decide_distribution(lead.hospital.context, who, command)


def give_back(lead: Year, found: str, fen: int, key: str = "", slip: str = "") -> Any:
    key = key or lead.key
    command = service.ReturnDistribution(found, Money(fen), slip or f"HD-{key}", key)
    return service.return_distribution(lead.hospital.context, OFFICER, command)


def show(lead: Year, found: str, fen: int, **changes: str) -> Any:
    command = service.ShowUse(found, line(fen, **changes), "FP-1", lead.key)
    return service.show_use(lead.hospital.context, OFFICER, command)


def held(lead: Year) -> int:
    return grants.find_grant(lead.hospital.context, OFFICER, lead.grant_id).distributed_fen


def test_it_is_handed_on_by_two_people_and_comes_back(lead: Year) -> None:
    first, second = hand_on(lead, 30_000_000), hand_on(lead, 20_000_000)
    assert lead.standing == (M - 50_000_000, 0, M)
    assert held(lead) == 50_000_000
    give_back(lead, first, 30_000_000, "same-key")
    give_back(lead, first, 30_000_000, "same-key")
    give_back(lead, second, 20_000_000)
    assert lead.standing == (M, 0, M)
    assert lead.give_back(M).state == "cleared"
    context = lead.hospital.context
    seal_ledger(context.database, context.settings.data_dir, context.clock)
    assert verify_ledger(context.database, context.settings.data_dir, context.clock).intact


def test_elsewhere_handing_on_would_be_lending(hospital: Hospital) -> None:
    with pytest.raises(Conflict, match="不能出借"):
        ask(Year(hospital).arrived(), 100)


def test_who_asks_does_not_agree(lead: Year) -> None:
    found = ask(lead, 100)
    both = actor(next(iter(APPROVER.roles)), "x")
    same = type(both)(INSTITUTION, OFFICER.actor_id, "x", APPROVER.roles)
    with pytest.raises(SecondPersonRequired):
        decide(lead, found, same)
    decide(lead, found, approved=False)
    with pytest.raises(Conflict):
        decide(lead, found)
    assert held(lead) == 0


def test_never_more_than_is_there_and_never_more_back(lead: Year) -> None:
    with pytest.raises(MalformedInput):
        ask(lead, M + 1)
    first, second = ask(lead, M), ask(lead, 1)
    decide(lead, first)
    with pytest.raises(Conflict):
        decide(lead, second)
    with pytest.raises(MalformedInput):
        give_back(lead, first, M + 1)
    with pytest.raises(Conflict, match="成员单位"):
        lead.offset(M, M)


def test_what_is_used_and_what_comes_back_are_never_more_than_was_handed_on(lead: Year) -> None:
    found = hand_on(lead, 1000)
    show(lead, found, 400)
    with pytest.raises(MalformedInput, match=r"还有 6\.00 元"):
        give_back(lead, found, 601)
    assert give_back(lead, found, 600).in_hand_fen == 0
    with pytest.raises(MalformedInput):
        show(lead, found, 1)
    key = {"institution_id": INSTITUTION, "distribution_id": found, "amount_fen": 1, "recorded_by": OFFICER.actor_id}
    key["recorded_at"] = lead.hospital.context.clock.now()
    use = {"use_no": 9, "category": "drug", "name": "x", "code": "", "order_no": "", "document": "x"}
    for statement in (
        sa.insert(FundDistributionReturn).values(**key, return_no=9, bank_reference="x"),
        sa.insert(FundDistributionUse).values(**key, **use),
    ):
        with pytest.raises(sa.exc.DBAPIError), lead.hospital.context.database.writing() as connection:
            connection.execute(statement)


def test_every_slip_is_asked_for_and_taken_once_and_no_day_is_ahead(lead: Year) -> None:
    waiting = ask(lead, 100)
    for changes in ({"bank_reference": " "}, {"handed_on": date(2026, 1, 16)}):
        with pytest.raises(MalformedInput) as told:
            decide(lead, waiting, **changes)
        assert told.value.details["field"] == next(iter(changes))
    decide(lead, waiting, bank_reference="ZZ-1")
    other = ask(lead, 100)
    with pytest.raises(Conflict, match="银行回单"):
        decide(lead, other, bank_reference="ZZ-1")
    give_back(lead, waiting, 40, slip="HD-1")
    with pytest.raises(Conflict, match="银行回单"):
        give_back(lead, waiting, 40, slip="HD-1")
    assert held(lead) == 60
    assert lead.hospital.count("fund_bank_evidence", "kind LIKE 'fund_distribution%'") == 2


def test_what_members_used_the_lead_gives_back_and_claims_from_them(lead: Year) -> None:
    found = hand_on(lead, 50_000_000)
    show(lead, found, 30_000_000)
    with pytest.raises(Conflict, match="成员单位手里"):
        lead.give_back(M)
    assert lead.give_back(M - 50_000_000).owed_fen == 50_000_000
    assert held(lead) == 50_000_000  # nothing more than has to be
    assert lead.offset(10_000_000, 10_000_000).owed_fen == 40_000_000
    assert held(lead) == 40_000_000
    give_back(lead, found, 20_000_000)
    assert lead.give_back(40_000_000).state == "cleared"
    assert held(lead) == 0
    claim = "account_id = '1218' AND debit_fen > 0 AND institution_id = '" + INSTITUTION + "'"
    with lead.hospital.context.database.reading() as connection:
        assert connection.scalar(sa.text(f"SELECT sum(debit_fen) FROM ledger_posting WHERE {claim}")) == 30_000_000
    context = lead.hospital.context
    seal_ledger(context.database, context.settings.data_dir, context.clock)
    assert verify_ledger(context.database, context.settings.data_dir, context.clock).intact


@pytest.mark.parametrize(
    "changes", [{"category": "payroll"}, {"category": "reagent"}, {"order_no": ""}, {"code": "x"}]
)
def test_a_member_shows_medical_lines_only(lead: Year, changes: dict[str, str]) -> None:
    found = hand_on(lead, 1000)
    with pytest.raises(RuleRefused):
        show(lead, found, 100, **changes)
    show(lead, found, 1000)
    with pytest.raises(MalformedInput):
        show(lead, found, 1)
    assert lead.hospital.count("fund_distribution_use") == 1


def post(lead: Year, kind: str, *lines: tuple[str, int, int], source: str = "x") -> None:
    clock = lead.hospital.context.clock
    entry = JournalEntry(
        institution_id=INSTITUTION,
        idempotency_key=lead.key,
        kind=kind,
        summary="x",
        source=source,
        occurred_at=clock.now(),
        posted_at=clock.now(),
        effective_on=clock.today(),
        posted_by="x",
        postings=tuple(Posting(account, Money(d), Money(c), lead.grant_id) for account, d, c in lines),
    )
    with lead.hospital.context.database.writing() as connection:
        number = ledger_on(connection).post(entry)
        if kind == "fund_return":
            add_slip(connection, slip_of(lead, kind, number))


def slip_of(lead: Year, kind: str, number: int) -> dict[str, Any]:
    """The bank's slip that belongs to a return in the same transaction."""
    clock = lead.hospital.context.clock
    by = {"recorded_by": OFFICER.actor_id, "recorded_at": clock.now(), "value_on": clock.today()}
    plain = {"as_typed": f"R-{number}", "reference": f"R{number}"}
    return {"institution_id": INSTITUTION, "kind": kind, "entry_no": number, **plain, **by}


def test_the_books_hand_on_only_what_was_approved_and_once(lead: Year) -> None:
    hand_on(lead, 100)
    waiting = ask(lead, 200)
    member, earmark = distributed_account(lead.grant_id), earmark_account(lead.grant_id)
    done = lead.hospital.context.database
    with done.reading() as connection:
        source = connection.scalar(sa.text("SELECT source FROM ledger_entry WHERE kind = 'fund_distribution'"))
    for given, fen in (("x", 100), (f"fund_distribution:{waiting}", 200)):
        with pytest.raises(InsufficientFund):
            post(lead, "fund_distribution", (member, fen, 0), (earmark, 0, fen), source=given)
    with done.writing() as connection:
        decided = {"state": "approved", "decided_by": APPROVER.actor_id}
        connection.execute(
            sa.update(FundDistribution).where(FundDistribution.distribution_id == waiting).values(**decided)
        )
    for fen in (199, 201):
        with pytest.raises(InsufficientFund):
            post(
                lead, "fund_distribution", (member, fen, 0), (earmark, 0, fen), source=f"fund_distribution:{waiting}"
            )
    for kind, fen in (("fund_distribution", 100), ("fund_distribution", 200), ("x", 100)):
        with pytest.raises(PrepayError):
            post(lead, kind, (member, fen, 0), (earmark, 0, fen), source=str(source))
    assert held(lead) == 100


@pytest.mark.parametrize("account", ["1002", "1218", "2302", "2307", "410101"])
def test_what_a_member_holds_never_becomes_free_money(lead: Year, account: str) -> None:
    hand_on(lead, 1000)
    member = distributed_account(lead.grant_id)
    for kind in ("fund_payment", "fund_distribution_return", "x"):
        with pytest.raises(InsufficientFund):
            post(lead, kind, (account, 100, 0), (member, 0, 100))
    # Nor does a request that pays from the earmark take it.
    request = lead.reserve(line(100))
    with pytest.raises(InsufficientFund):
        post(lead, "fund_payment", ("2302", 100, 0), (member, 0, 100), source=f"fund_request:{request}")
    # And what is owed doesn't fall below it.
    rest = M - 1000 - 100
    post(lead, "fund_return", (owed_account(lead.grant_id), rest, 0), (earmark_account(lead.grant_id), 0, rest))
    with pytest.raises(InsufficientFund):
        post(lead, "fund_return", (owed_account(lead.grant_id), 101, 0), ("1002", 0, 101))
    assert reserved_account(lead.grant_id)


def test_the_database_holds_the_walk_and_the_sums(lead: Year) -> None:
    found = hand_on(lead, 1000)
    context = lead.hospital.context
    now = context.clock.now()
    key = {"institution_id": INSTITUTION, "distribution_id": found}
    by = {"recorded_by": OFFICER.actor_id, "recorded_at": now}
    use = {**key, **by, "use_no": 1, "category": "drug", "name": "x", "code": "", "order_no": "", "document": "x"}
    waiting = ask(lead, 1000)
    which = FundDistribution.distribution_id == waiting
    statements: list[Any] = [
        sa.insert(FundDistributionReturn).values(**key, **by, return_no=1, amount_fen=1001, bank_reference="x"),
        sa.insert(FundDistributionUse).values(**use, amount_fen=1001),
        sa.insert(FundDistributionUse).values(**{**use, "category": "payroll"}, amount_fen=1),
        sa.insert(FundDistributionUse).values(**{**use, "distribution_id": waiting}, amount_fen=1),
        sa.update(FundDistribution).where(which).values(amount_fen=1),
        sa.update(FundDistribution).where(which).values(state="approved", decided_by=OFFICER.actor_id),
        sa.update(FundDistribution).where(which).values(state="approved"),
        sa.update(FundDistribution)
        .where(FundDistribution.distribution_id == found)
        .values(state="rejected", decided_by=APPROVER.actor_id),
        sa.delete(FundDistribution),
    ]
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError), context.database.writing() as connection:
            connection.execute(statement)


def test_nothing_is_handed_on_while_a_ground_of_recall_stands(lead: Year) -> None:
    waiting, context = ask(lead, 1000), lead.hospital.context
    ground = recall.RecordRecall(
        "weihai-prepay-2025", 1, "协议中止", context.clock.today(), "医保函 1 号", "recall-distribution"
    )
    recall.record_recall(context, OFFICER, ground)
    for attempt in (
        lambda: ask(lead, 1000),
        lambda: decide(lead, waiting),
    ):
        with pytest.raises(Conflict, match="收回情形还没有办结"):
            attempt()
    assert decide(lead, waiting, approved=False).state == "rejected"
    assert lead.standing == (M, 0, M)


def test_member_money_has_its_row_in_a_reconciliation(lead: Year) -> None:
    found = hand_on(lead, 500_00)
    give_back(lead, found, 200_00)
    sums = read_month(lead.hospital.context, OFFICER, "2026-01").sums
    assert [(one.event, one.ours_fen) for one in sums if one.bank_fen is not None] == [
        ("grant", M),
        ("member", -300_00),
    ]


def test_the_money_goes_to_the_account_that_was_asked_for(lead: Year) -> None:
    """Whoever enters the member anew between asking and agreeing sends nobody's request to another account."""
    waiting = ask(lead, 100)
    context = lead.hospital.context
    (first,) = members.read_register(context, OFFICER).standing
    members.end_member(context, PAYER, first.member_no, "换账户")
    enter_member(context, PAYER, APPROVER, *MEMBER)
    with pytest.raises(MalformedInput, match="换过名称、账户"):
        decide(lead, waiting)
    yes = sa.update(FundDistribution).where(FundDistribution.distribution_id == waiting)
    with pytest.raises(sa.exc.DBAPIError, match="not_a_member"), context.database.writing() as connection:
        connection.execute(yes.values(state="approved", decided_by=APPROVER.actor_id))
    decide(lead, waiting, approved=False)
    decide(lead, ask(lead, 100))


def test_nothing_is_handed_on_after_everything_had_to_be_back(lead: Year) -> None:
    waiting = ask(lead, 100)
    clock = lead.hospital.context.clock
    assert isinstance(clock, FixedClock)
    clock.moment = datetime(2027, 3, 1, 9, tzinfo=SHANGHAI)
    with pytest.raises(Conflict, match="应全部交回"):
        ask(lead, 100)
    with pytest.raises(Conflict, match="应全部交回"):
        decide(lead, waiting)
    assert held(lead) == 0


@pytest.mark.parametrize("held_fen", [0, 1000])
def test_what_is_owed_falls_only_with_money_or_a_settlement(lead: Year, held_fen: int) -> None:
    """Neither against a claim nor against what a member holds; nor does a claim take the place of anything else."""
    if held_fen:
        hand_on(lead, held_fen)
    before = lead.standing
    owed, earmark, member = owed_account(lead.grant_id), earmark_account(lead.grant_id), "1218:distributed:x"
    if held_fen:
        member = distributed_account(lead.grant_id)
    for lines in (
        ((owed, M, 0), ("1218", 0, M), ("1002", M, 0), (earmark, 0, M)),
        ((owed, 500, 0), ("1218", 0, 500)),
        *([((owed, 500, 0), (member, 0, 500))] if held_fen else []),
        *([((owed, 500, 0), ("1002", 0, 400), (member, 0, 500), ("1218", 400, 0))] if held_fen else []),
    ):
        for kind in ("fund_return", "fund_offset", "fund_netting", "x"):
            with pytest.raises(PrepayError):
                post(lead, kind, *lines)
    assert lead.standing == before
