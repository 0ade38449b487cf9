"""Offsets, corrections, late slips: what frees or gives back restricted money takes two people; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import earmark_account, owed_account
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.persistence.fund_returns import booked
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_returns import FundCorrection, FundOffset
from hospital_prepay.persistence.queries.fund_movements import our_movements
from hospital_prepay.services.fund import corrections, grants, offsets, recall_review, returns, spending
from hospital_prepay.services.fund.clearing import last_year_in_books
from hospital_prepay.services.fund.seconds import read_seconds
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from tests.books import plain_entry
from tests.funding import MILLION_YUAN
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, PAYER, Year, line

M = MILLION_YUAN
XIZANG = "xizang-prepay-2024"
# Somebody of both roles: the person counts, not the role.
BOTH = Actor(INSTITUTION, OFFICER.actor_id, "b", frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER}))


def decide(year: Year, offset_id: str, who: Actor = APPROVER, *, confirmed: bool = True) -> str:
    return offsets.decide_offset(year.hospital.context, who, offset_id, confirmed=confirmed).state


def entry_of(year: Year, kind: str) -> int:
    with year.hospital.context.database.reading() as connection:
        query = "SELECT max(entry_no) FROM ledger_entry WHERE kind = :kind"
        return int(connection.scalar(sa.text(query), {"kind": kind}) or 0)


def ask(year: Year, kind: str, who: Actor = OFFICER, **changes: Any) -> str:
    command = corrections.AskCorrection(
        year.grant_id, entry_of(year, kind), "mistyped", "照回单应是另一个数", year.key
    )
    return corrections.ask_correction(year.hospital.context, who, replace(command, **changes))


def correct(year: Year, kind: str, **changes: Any) -> str:
    correction_id = ask(year, kind, **changes)
    return corrections.decide_correction(year.hospital.context, APPROVER, correction_id, approved=True).state


def test_an_offset_frees_nothing_before_another_person_confirms_it(year: Year) -> None:
    year.arrived()
    offset_id = year.record_offset(M, M)
    assert year.standing == (M, 0, M)
    for who, error in ((BOTH, SecondPersonRequired), (OFFICER, NotPermitted)):
        with pytest.raises(error):
            decide(year, offset_id, who)
    assert year.standing == (M, 0, M)
    assert decide(year, offset_id) == "cleared"
    assert year.standing == (0, 0, 0)
    with pytest.raises(Conflict, match="有人办过"):
        decide(year, offset_id)


def test_an_offset_that_is_turned_down_books_nothing_and_frees_its_document(year: Year) -> None:
    year.arrived()
    first = year.record_offset(M, 400, document="2026年1月结算单")
    for spelling in ("2026 年 01 月结算单", "２０２６年１月结算单", "2026年1月结算单 "):
        with pytest.raises(Conflict, match="已经登记冲抵过"):
            year.record_offset(M, 400, document=spelling)
    assert decide(year, first, confirmed=False) == "received"
    assert year.standing == (M, 0, M)
    decide(year, year.record_offset(M, 400, document="2026年01月结算单"))
    assert year.standing == (M - 400, 0, M - 400)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"offset": Money(-5)}, "大于零"),
        ({"offset": Money(0)}, "大于零"),
        ({"settlement": Money(399)}, "不能超过"),
        ({"document": "——"}, "照结算单填写"),
        ({"bank_reference": " "}, "请填银行回单号"),
        ({"bank_reference": "——"}, "没有数字或字母"),
        ({"value_on": date(2026, 1, 16)}, "还没有到"),
        ({"value_on": date(2026, 1, 14)}, "早于到账日"),
        ({"offset": Money(M + 1), "settlement": Money(M + 2)}, "应还只有"),
    ],
)
def test_an_offset_rests_on_a_settlement_that_can_be(year: Year, changes: dict[str, Any], words: str) -> None:
    year.arrived()
    with pytest.raises(MalformedInput, match=words):
        year.record_offset(M, 400, **changes)
    assert year.hospital.count("fund_offset") == 0


def test_offsets_that_wait_come_to_no_more_than_is_owed(year: Year) -> None:
    year.arrived()
    year.record_offset(M, M - 10)
    with pytest.raises(MalformedInput, match="合计会超过应还"):
        year.record_offset(M, 11)
    year.record_offset(M, 10)


def test_one_slip_stands_for_one_movement_and_only_a_bounce_repeats_its_payments(year: Year) -> None:
    context = year.hospital.context
    year.arrived()
    receipt = f"B-1-{year.grant_id}"
    request_id = year.reserve(line(1000))
    pay = spending.PayRequest(request_id, receipt, year.key)
    for used in (receipt, receipt.lower().replace("-", " ")):
        with pytest.raises(Conflict, match="一张回单只能记一笔"):
            spending.pay_request(context, PAYER, replace(pay, bank_reference=used))
        with pytest.raises(Conflict, match="一张回单只能记一笔"):
            year.send_back(replace(year.return_command(100), bank_reference=used))
        with pytest.raises(Conflict, match="一张回单只能记一笔"):
            year.record_offset(M, 400, bank_reference=used)
    assert year.standing == (M - 1000, 1000, M)
    spending.pay_request(context, PAYER, replace(pay, bank_reference="ZF-1"))
    with pytest.raises(Conflict, match="一张回单只能记一笔"):
        year.send_back(replace(year.return_command(100), bank_reference="zf1"))
    assert spending.bounce_payment(context, PAYER, request_id, "户名不符").state == "released"


def test_a_mistyped_return_is_taken_back_by_two_and_its_slip_is_free_again(year: Year) -> None:
    year.arrived()
    year.send_back(replace(year.return_command(400_000), bank_reference="R-1"))
    own = year.hospital.balance("1002")
    correction_id = ask(year, "fund_return")
    assert year.standing == (M - 400_000, 0, M - 400_000)
    context = year.hospital.context
    with pytest.raises(SecondPersonRequired):
        corrections.decide_correction(context, BOTH, correction_id, approved=True)
    with pytest.raises(Conflict, match="已经申请过更正"):
        ask(year, "fund_return")
    corrections.decide_correction(context, APPROVER, correction_id, approved=True)
    assert year.standing == (M, 0, M)
    assert year.hospital.balance("1002") == own
    year.send_back(replace(year.return_command(40_000), bank_reference="R-1"))
    assert year.standing == (M - 40_000, 0, M - 40_000)
    with pytest.raises(Conflict, match="一张回单只能记一笔"):
        year.send_back(replace(year.return_command(40_000), bank_reference="r1"))
    seal_ledger(context.database, context.settings.data_dir, context.clock)
    assert verify_ledger(context.database, context.settings.data_dir, context.clock).findings == ()


def test_a_mistyped_receipt_waits_for_its_money_again(year: Year) -> None:
    year.arrived()
    assert correct(year, "fund_receipt") == "approved"
    assert year.standing == (0, 0, 0)
    with pytest.raises(Conflict, match="没有到账"):
        year.give_back(100)
    assert year.receive().state == "received"
    assert year.standing == (M, 0, M)
    [mirrored] = recall_review.memorandum(year.hospital.context, OFFICER)
    assert (mirrored.paid_out_fen, mirrored.returned_fen, mirrored.balance_fen) == (M, 0, M)


def test_a_receipt_whose_money_went_on_is_not_taken_back(year: Year) -> None:
    year.arrived()
    year.reserve(line(1000))
    correction_id = ask(year, "fund_receipt")
    with pytest.raises(Conflict, match="请先退回后面的业务"):
        corrections.decide_correction(year.hospital.context, APPROVER, correction_id, approved=True)
    assert year.standing == (M - 1000, 1000, M)


def test_what_was_cleared_by_mistake_is_owed_again(year: Year, clock: FixedClock) -> None:
    year.arrived()
    decide(year, year.record_offset(M + 50, M))
    assert year.standing == (0, 0, 0)
    assert correct(year, "fund_offset") == "received"
    assert year.standing == (M, 0, M)
    clock.moment = datetime(2026, 12, 16, 9, 0, tzinfo=SHANGHAI)
    year.give_back(M)
    found = last_year_in_books(year.hospital.context, OFFICER, year.regime, 2027)
    assert found is not None
    assert (found.cleared, found.grants[0][1]) == (False, date(2026, 12, 16))


def test_a_return_that_the_bank_sends_back_is_booked_by_its_slip(year: Year) -> None:
    year.arrived()
    year.send_back(replace(year.return_command(M), bank_reference="R-1"))
    for changes, words in (
        ({"value_on": date(2026, 1, 15)}, "退回的银行回单号"),
        ({"bank_reference": "R-2"}, "请填退回日"),
        ({"value_on": date(2026, 1, 14), "bank_reference": "R-2"}, "早于交回日"),
        ({"value_on": date(2026, 1, 16), "bank_reference": "R-2"}, "还没有到"),
    ):
        with pytest.raises(MalformedInput, match=words):
            ask(year, "fund_return", why="sent_back", **changes)
    with pytest.raises(MalformedInput, match="写明依据"):
        ask(year, "fund_return", ground=" ")
    sent = {"why": "sent_back", "value_on": date(2026, 1, 15), "bank_reference": "R-1"}
    assert correct(year, "fund_return", **sent) == "received"
    assert year.standing == (M, 0, M)
    with pytest.raises(Conflict, match="一张回单只能记一笔"):
        year.send_back(replace(year.return_command(M), bank_reference="R-1"))
    with pytest.raises(MalformedInput, match="只有交回"):
        ask(year, "fund_receipt", **sent)


def test_what_was_typed_wrongly_never_was_for_a_reconciliation(year: Year) -> None:
    year.arrived()
    year.give_back(400)
    correct(year, "fund_return")
    with year.hospital.context.database.reading() as connection:
        found = our_movements(connection, INSTITUTION, "2026-01")
    assert [one.summary for one in found] == ["收到医保预付金"]


def test_nothing_else_is_corrected_so(year: Year) -> None:
    year.arrived()
    year.pay(year.reserve(line(1000)))
    with pytest.raises(Conflict, match="只有到账、交回、冲抵"):
        ask(year, "fund_payment")


@pytest.mark.clause("xizang-prepay-2024/5.4")
@pytest.mark.parametrize(("booked", "in_time"), [(14, True), (15, True), (16, False)])
def test_a_return_booked_days_later_counts_in_time_once_another_held_it_against_its_slip(
    hospital: Hospital, clock: FixedClock, booked: int, in_time: bool
) -> None:
    year, context = Year(hospital, XIZANG).arrived(), hospital.context
    clock.moment = datetime(2026, 12, booked, 9, 0, tzinfo=SHANGHAI)
    year.send_back(year.return_command(M, returned_on=date(2026, 12, 10)))

    def cleared() -> bool:
        found = last_year_in_books(context, OFFICER, XIZANG, 2027)
        assert found is not None
        return found.cleared

    assert cleared() is in_time
    late = read_seconds(context, OFFICER, year.grant_id).late
    assert len(late) == (not in_time)
    check = corrections.CheckSlip(year.grant_id, entry_of(year, "fund_return"), "银行回单原件")
    if in_time:
        with pytest.raises(Conflict, match="不用再核对"):
            corrections.check_slip(context, APPROVER, check)
        return
    with pytest.raises(SecondPersonRequired):
        corrections.check_slip(context, BOTH, check)
    with pytest.raises(MalformedInput, match="核对了什么"):
        corrections.check_slip(context, APPROVER, replace(check, document=" "))
    corrections.check_slip(context, APPROVER, check)
    assert cleared()
    assert read_seconds(context, OFFICER, year.grant_id).late == []
    with pytest.raises(Conflict, match="已经核对过"):
        corrections.check_slip(context, APPROVER, check)


@pytest.mark.clause("xizang-prepay-2024/5.4")
def test_an_offset_counts_on_the_day_of_its_settlement(hospital: Hospital, clock: FixedClock) -> None:
    year = Year(hospital, XIZANG).arrived()
    clock.moment = datetime(2026, 12, 14, 9, 0, tzinfo=SHANGHAI)
    decide(year, year.record_offset(M, M, date(2026, 12, 8)))
    found = last_year_in_books(hospital.context, OFFICER, XIZANG, 2027)
    assert found is not None
    assert (found.cleared, found.grants[0][1]) == (True, date(2026, 12, 8))


def raw(year: Year, table: Any, **values: Any) -> None:
    with year.hospital.context.database.writing() as connection:
        connection.execute(sa.update(table).values(**values))


@pytest.mark.parametrize("who", [OFFICER.actor_id, OFFICER.actor_id.upper() + " ", "nobody", None])
def test_the_database_wants_another_person_of_the_house(year: Year, who: str | None) -> None:
    year.arrived()
    year.record_offset(M, M)
    ask(year, "fund_receipt")
    now = year.hospital.context.clock.now()
    for table, state in ((FundOffset, "confirmed"), (FundCorrection, "approved")):
        with pytest.raises(sa.exc.DBAPIError, match=r"second_person|wrong_step"):
            raw(year, table, state=state, decided_by=who, decided_at=now)


def post(year: Year, kind: str, source: str, *lines: Posting, reverses: int | None = None) -> None:
    now, day = year.hospital.context.clock.now(), year.hospital.context.clock.today()
    own = {"source": source, "effective_on": day, "reverses_no": reverses}
    entry = plain_entry(INSTITUTION, year.key, kind, now, lines, **own)
    with year.hospital.context.database.writing() as connection:
        ledger_on(connection).post(entry)


def offset_lines(year: Year, fen: int) -> tuple[Posting, ...]:
    fund, amount = year.grant_id, Money(fen)
    return (
        Posting(owed_account(fund), debit=amount, fund=fund),
        Posting("12120201", credit=amount, fund=fund),
        Posting("1002", debit=amount, fund=fund),
        Posting(earmark_account(fund), credit=amount, fund=fund),
    )


def test_the_database_lets_no_offset_pass_that_nobody_confirmed(year: Year) -> None:
    year.arrived()
    offset_id = year.record_offset(400, 400)
    source = f"fund_offset:{offset_id}"
    attempts = [
        ("fund_offset", source, 400),
        ("fund_offset", "x", 400),
        ("fund_return", source, 400),
    ]
    for kind, named, fen in attempts:
        with pytest.raises(Exception, match=r"没有入账|restricted"):
            post(year, kind, named, *offset_lines(year, fen))
    decide(year, offset_id)
    for fen in (400, 401):
        with pytest.raises(Exception, match=r"没有入账|restricted"):
            post(year, "fund_offset", source, *offset_lines(year, fen))
    assert year.standing == (M - 400, 0, M - 400)
    other = year.record_offset(500, 500)
    with year.hospital.context.database.writing() as connection:
        decided = {"state": "confirmed", "decided_by": APPROVER.actor_id}
        now = year.hospital.context.clock.now()
        confirm = sa.update(FundOffset).where(FundOffset.offset_id == other).values(**decided, decided_at=now)
        connection.execute(confirm)
    for fen in (499, 501):
        with pytest.raises(Exception, match=r"没有入账|restricted"):
            post(year, "fund_offset", f"fund_offset:{other}", *offset_lines(year, fen))
    post(year, "fund_offset", f"fund_offset:{other}", *offset_lines(year, 500))


@pytest.mark.parametrize("kind", ["fund_receipt", "fund_return", "fund_offset"])
def test_the_database_mirrors_these_entries_by_an_approved_correction_alone(year: Year, kind: str) -> None:
    year.arrived()
    year.give_back(100)
    year.offset(100, 100)
    number = entry_of(year, kind)
    correction_id = ask(year, kind)
    before = year.standing
    with year.hospital.context.database.reading() as connection:
        lines = tuple(one.reversed() for one in booked(connection, INSTITUTION, number).postings)
    for named in (f"fund_correction:{correction_id}", "x"):
        for red in (f"{kind}_undone", "fund_odd"):
            with pytest.raises(Exception, match=r"没有入账|restricted"):
                post(year, red, named, *lines, reverses=number)
    assert year.standing == before


def test_the_database_takes_no_whole_receipt_back_by_one_word(year: Year) -> None:
    year.arrived()
    correction_id, number = ask(year, "fund_receipt"), entry_of(year, "fund_receipt")
    with year.hospital.context.database.reading() as connection:
        lines = tuple(one.reversed() for one in booked(connection, INSTITUTION, number).postings)
    for kind, named in (("fund_receipt_undone", f"fund_correction:{correction_id}"), ("fund_odd", "x")):
        with pytest.raises(Exception, match=r"没有入账|restricted"):
            post(year, kind, named, *lines, reverses=number)


@pytest.mark.parametrize(("state", "cleared_at"), [("approved", None), ("received", None)])
def test_the_database_walks_no_grant_back_without_its_correction(
    year: Year, state: str, cleared_at: datetime | None
) -> None:
    year.arrived()
    year.give_back(M)
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_grant"):
        raw(year, FundGrant, state=state, cleared_at=cleared_at)


def test_the_database_keeps_a_slip_for_one_movement(year: Year) -> None:
    year.arrived()
    year.give_back(100)
    number = entry_of(year, "fund_return")
    with year.hospital.context.database.reading() as connection:
        used = recalls.slips(connection, INSTITUTION)[entry_of(year, "fund_receipt")]
        own = recalls.slips(connection, INSTITUTION)[number]
    second = returns.ReturnGrant(year.grant_id, Money(5), "R-99", year.key)
    year.send_back(second)
    assert used.reference != own.reference
    values = {"institution_id": INSTITUTION, "kind": "fund_return", "reference": used.reference, "entry_no": number}
    values |= {"value_on": own.value_on, "recorded_by": OFFICER.actor_id, "recorded_at": own.recorded_at}
    with (
        pytest.raises(sa.exc.DBAPIError, match=r"append_only|UNIQUE"),
        year.hospital.context.database.writing() as connection,
    ):
        connection.execute(sa.insert(recalls.FundBankEvidence).values(**values))


def test_the_pages_word_for_a_grant_follows(year: Year) -> None:
    year.arrived()
    year.record_offset(M, 400)
    found = read_seconds(year.hospital.context, OFFICER, year.grant_id)
    assert [one.state for one in found.offsets] == ["recorded"]
    assert [one.kind for one in found.correctable] == ["fund_receipt"]
    assert grants.find_grant(year.hospital.context, OFFICER, year.grant_id).state == "received"


def test_a_corrected_offset_frees_its_document(hospital: Hospital) -> None:
    year = Year(hospital).arrived()
    wrong = year.record_offset(1000, 1000, document="JS-7")
    offsets.decide_offset(hospital.context, APPROVER, wrong, confirmed=True)
    with pytest.raises(Conflict):
        year.record_offset(2000, 2000, document="JS 7")
    correct(year, "fund_offset")
    right = year.record_offset(2000, 2000, document="JS-7")
    assert offsets.decide_offset(hospital.context, APPROVER, right, confirmed=True).owed_fen == MILLION_YUAN - 2000
    with pytest.raises(Conflict):
        year.record_offset(2000, 2000, document="js-7")
