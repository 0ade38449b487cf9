"""A month held side by side, matched by hand, closed by two people and opened again. On both databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.persistence import decisions
from hospital_prepay.persistence.models.fund_reconciliation import FundPeriodStep
from hospital_prepay.services.fund import spending
from hospital_prepay.services.fund.closing import (
    ClosedPeriod,
    ClosePeriod,
    check_closing,
    make_closing,
    reopen_period,
)
from hospital_prepay.services.fund.hand_matching import PairByHand, put_together, set_apart, undo_match
from hospital_prepay.services.fund.reconciliation import MonthReading, as_json, read_month
from hospital_prepay.services.fund.rejected_lines import explain_rejected
from hospital_prepay.services.fund.settlements import PaidByBank, RecordSettlement, record_settlement
from hospital_prepay.services.fund.statement_columns import StatementKind
from hospital_prepay.services.fund.statements import Imported, ImportStatement, import_statement, look_at
from tests.hospital import actor
from tests.services.fund.conftest import Year, line
from tests.statements import ACCOUNT

DATA = Path(__file__).parents[2] / "data"
OFFICER, OTHER = actor(Role.FINANCE_OFFICER), actor(Role.FINANCE_OFFICER, "2")
APPROVER, AUDITOR = actor(Role.FINANCE_APPROVER), actor(Role.AUDITOR)
JANUARY = "2026-01"


@dataclass
class Desk:
    """A year with a grant of which 350,000 yuan were paid, and the papers of its January."""

    year: Year
    clock: FixedClock
    folder: Path
    paid_by: str

    @property
    def context(self) -> object:
        return self.year.hospital.context

    def take(self, kind: StatementKind, path: Path | None = None, period: str = JANUARY) -> Imported:
        path = path or DATA / f"fund_{kind.value}_2026_01.csv"
        columns = look_at(self.year.hospital.context, OFFICER, kind, path).columns
        command = ImportStatement(kind, period, path, path.name, columns, account=ACCOUNT)
        return import_statement(self.year.hospital.context, OFFICER, command)

    def file(self, name: str, *lines: str) -> Path:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def bank(self, name: str, *lines: str) -> Imported:
        head = "交易日期,贷方发生额,借方发生额,对方户名,摘要,流水号"
        return self.take(StatementKind.BANK, self.file(name, head, *lines))

    def all_papers(self) -> None:
        for kind in StatementKind:
            self.explain(self.take(kind))

    def explain(self, done: Imported) -> None:
        """The demonstration files end in a sum and hold wrong lines on purpose."""
        if done.statement.rows_rejected and done.statement.kind != "totals":
            context, statement_id = self.year.hospital.context, done.statement.statement_id
            explain_rejected(context, OFFICER, statement_id, "合计行和试填的行，与网银逐笔核过")

    def month(self, period: str = JANUARY) -> MonthReading:
        return read_month(self.year.hospital.context, AUDITOR, period)

    def close(self, who: Actor = OFFICER, ground: str = "", period: str = JANUARY) -> ClosedPeriod:
        command = ClosePeriod(period, self.month(period).digest, ground)
        return make_closing(self.year.hospital.context, who, command)

    def check(self, who: Actor = APPROVER, period: str = JANUARY) -> None:
        check_closing(self.year.hospital.context, who, period, self.month(period).digest)

    def open_keys(self) -> tuple[list[str], list[str]]:
        items = self.month().open_items
        return [x.key for one in items for x in one.ours], [x.key for one in items for x in one.theirs]

    def together(self, ours: list[str], theirs: list[str], ground: str = "回单 7 号") -> str:
        command = PairByHand(tuple(ours), tuple(theirs), ground)
        return put_together(self.year.hospital.context, OFFICER, command)

    def states(self, period: str = JANUARY) -> list[str]:
        return [one.step for one in self.month(period).steps]


@pytest.fixture
def desk(year: Year, clock: FixedClock, tmp_path: Path) -> Desk:
    year.arrived()
    request_id = year.reserve(line(35_000_000))
    paid = year.pay(request_id)
    clock.moment = datetime(2026, 2, 3, 9, 0, tzinfo=SHANGHAI)
    return Desk(year, clock, tmp_path, paid.bank_reference)


def test_without_papers_everything_is_only_in_our_books(desk: Desk) -> None:
    found = desk.month()
    assert [(one.outcome.value, one.side.value, one.ours_fen) for one in found.pairings] == [
        ("only_ours", "agency", 100_000_000),
        ("only_ours", "bank", 100_000_000),
        ("only_ours", "bank", -35_000_000),
    ]
    assert not found.zero
    assert found.age_of(found.pairings[0]) == (19, "8–30")


def test_with_all_papers_the_month_is_reconciled_at_zero(desk: Desk) -> None:
    desk.all_papers()
    found = desk.month()
    assert found.open_items == ()
    assert found.zero
    assert [(one.item, one.source, one.agrees) for one in found.closings] == [
        ("owed", "totals", True),
        ("owed", "agency", True),
        ("earmark", "totals", True),
        ("earmark_at_bank", "bank", True),
    ]
    assert (found.uncounted.count, found.uncounted.fen) == (1, -500_000), (
        "the cleaning firm is nobody's business here"
    )
    assert found.bank_balance_fen == 84_500_000
    rows = [(row.event and row.event.value, row.ours_fen, row.bank_fen, row.agency_fen) for row in found.sums]
    assert rows == [("grant", 100_000_000, 100_000_000, 100_000_000), ("payment", -35_000_000, -35_000_000, None)]


def test_a_fen_of_difference_is_shown_and_zero_is_not_said(desk: Desk) -> None:
    desk.take(StatementKind.AGENCY)
    desk.take(StatementKind.TOTALS)
    receipt = "2026-01-15,1000000.00,,贵阳市医疗保障服务中心,预付金,HD-100"
    desk.bank("b.csv", receipt, f"2026-01-16,,350000.01,黔药医药有限公司,货款,{desk.paid_by}")
    found = desk.month()
    [differs] = found.open_items
    assert (differs.outcome.value, differs.difference_fen) == ("amount_differs", -1)
    assert not found.zero
    told = as_json(found, "H52010000001")
    assert told["zero_difference"] is False
    assert [(one["outcome"], one["difference_fen"]) for one in told["differences"]] == [("amount_differs", -1)]


def test_a_balance_that_does_not_agree_or_is_not_known_keeps_zero_away(desk: Desk) -> None:
    desk.explain(desk.take(StatementKind.BANK))
    desk.explain(desk.take(StatementKind.AGENCY))
    assert not desk.month().zero
    assert desk.month().open_items == ()
    desk.take(StatementKind.TOTALS, desk.file("t.csv", "项目,期末余额", "应还医保,999999.99"))
    assert not desk.month().zero
    desk.clock.moment += timedelta(minutes=1)
    desk.take(StatementKind.TOTALS)
    assert desk.month().zero, "the newest file counts"


def test_what_stays_open_is_carried_on_and_ages(desk: Desk) -> None:
    desk.clock.moment = datetime(2026, 4, 20, 9, 0, tzinfo=SHANGHAI)
    found = desk.month("2026-04")
    assert found.pairings == ()
    assert {found.age_of(one)[1] for one in found.older} == {"90 以上"}
    assert len(found.older) == 3


def test_a_return_an_offset_and_a_settlement_find_their_lines(desk: Desk) -> None:
    desk.year.offset(90_000_000, 40_000_000)
    desk.year.give_back(60_000_000)
    head = "业务日期,业务类型,险种,金额"
    agency = desk.file(
        "a.csv",
        head,
        "2026-02-03,结算冲抵预付金,职工医保,400000",
        "2026-02-03,月度结算,职工医保,500000",
        "2026-02-03,预付金交回,职工医保,600000",
    )
    desk.take(StatementKind.AGENCY, agency, "2026-02")
    bank = ("2026-02-03,500000,,医保中心,结算款,S1", "2026-02-02,,600000,医保中心,交回,S2")
    desk.bank("b.csv", *bank)
    found = desk.month("2026-02")
    assert found.open_items == ()
    assert [(row.event and row.event.value, row.ours_fen, row.bank_fen, row.agency_fen) for row in found.sums] == [
        ("return", -60_000_000, -60_000_000, -60_000_000),
        ("offset", 40_000_000, None, 40_000_000),
        ("settlement", 50_000_000, 50_000_000, 50_000_000),
    ]


def test_a_payment_that_bounced_matches_both_ways(desk: Desk) -> None:
    request = desk.year.reserve(line(1_000))
    desk.year.pay(request)
    spending.bounce_payment(desk.year.hospital.context, OFFICER, request, "户名不符")
    there, back = "2026-02-03,,10,黔药医药有限公司,货款,B-9", "2026-02-03,10,,黔药医药有限公司,退汇,T-1"
    desk.bank("b.csv", there, back)
    assert desk.month("2026-02").open_items == ()


def test_people_put_together_what_the_rule_cannot_see(desk: Desk) -> None:
    desk.take(StatementKind.AGENCY)
    desk.take(StatementKind.TOTALS)
    desk.bank("b.csv", "2026-01-25,1000000.00,,国库支付中心,医保,Q", "2026-01-25,,350000.00,黔药,医保药款,P")
    ours, theirs = desk.open_keys()
    assert len(ours) == len(theirs) == 2
    receipt = next(key for key in ours if "grant" in key)
    line_in = next(x.key for one in desk.month().open_items for x in one.theirs if x.amount_fen > 0)
    match_id = desk.together([receipt], [line_in])
    assert len(desk.month().open_items) == 2
    with pytest.raises(Conflict):
        desk.together([receipt], [line_in])
    undo_match(desk.year.hospital.context, OTHER, match_id, "看错了")
    assert len(desk.month().open_items) == 4
    with pytest.raises(Conflict):
        undo_match(desk.year.hospital.context, OTHER, match_id, "再撤一次")
    assert desk.year.hospital.count("fund_match") == 2


def test_a_hand_needs_a_ground_one_side_and_two_items(desk: Desk) -> None:
    agency = next(x.key for one in desk.month().pairings for x in one.ours if x.side.value == "agency")
    bank = [x.key for one in desk.month().pairings for x in one.ours if x.side.value == "bank"]
    for ours, ground, code in (
        (bank, " ", "missing_value"),
        (bank[:1], "x", "too_few"),
        ([agency, bank[0]], "x", "two_sides"),
    ):
        with pytest.raises(MalformedInput) as caught:
            desk.together(ours, [], ground)
        assert caught.value.reason == code
    with pytest.raises(Conflict):
        desk.together([bank[0]], ["no such line"])
    with pytest.raises(NotPermitted):
        put_together(desk.year.hospital.context, APPROVER, PairByHand(tuple(bank), (), "x"))
    assert desk.year.hospital.count("fund_match") == 0


def test_money_lent_and_returned_stays_open_until_a_second_person_confirms_it(desk: Desk) -> None:
    desk.bank(
        "b.csv",
        "2026-01-15,1000000.00,,医保中心,预付金,B-1",
        f"2026-01-16,,350000.00,黔药医药有限公司,货款,{desk.paid_by}",
        "2026-01-20,,500000.00,某某建筑,医保借款,L-1",
        "2026-01-30,500000.00,,某某建筑,归还医保借款,L-2",
    )
    theirs = [x.key for one in desk.month().open_items for x in one.theirs if abs(x.amount_fen) == 50_000_000]
    desk.together([], theirs, "对冲")
    context, confirm = desk.year.hospital.context, PairByHand((), tuple(theirs), "查了借据和审批")
    assert "one_sided" in [one.outcome.value for one in desk.month().open_items]
    with pytest.raises(SecondPersonRequired):
        put_together(context, OFFICER, confirm)
    second = put_together(context, OTHER, confirm)
    assert "one_sided" not in [one.outcome.value for one in desk.month().open_items]
    undo_match(context, OFFICER, second, "借据不对")
    assert "one_sided" in [one.outcome.value for one in desk.month().open_items]


def test_a_pair_that_is_none_is_set_apart(desk: Desk) -> None:
    desk.all_papers()
    pair = next(one for one in desk.month().pairings if one.side.value == "bank" and one.ours_fen < 0)
    command = PairByHand((pair.ours[0].key,), (pair.theirs[0].key,), "另一笔同额的货款")
    set_apart(desk.year.hospital.context, OFFICER, command)
    assert sorted(one.outcome.value for one in desk.month().open_items) == ["only_bank", "only_ours"]


def test_a_month_is_closed_by_two_people_for_what_they_saw(desk: Desk) -> None:
    desk.all_papers()
    done = desk.close()
    assert done.decision.permitted
    assert [one.code for one in done.decision.reasons] == ["zero_difference"]
    with pytest.raises(SecondPersonRequired):
        check_closing(
            desk.year.hospital.context,
            Actor(OFFICER.institution_id, OFFICER.actor_id, "x", frozenset({Role.FINANCE_APPROVER})),
            JANUARY,
            desk.month().digest,
        )
    with pytest.raises(NotPermitted):
        desk.check(OTHER)
    desk.check()
    assert desk.states() == ["made", "checked"]
    assert desk.month().steps[-1].zero
    with pytest.raises(Conflict):
        desk.close()


def test_a_closing_is_replayed_from_its_facts(desk: Desk) -> None:
    desk.all_papers()
    done = desk.close()
    with desk.year.hospital.context.database.reading() as connection:
        kept, _ = decisions.find(connection, OFFICER.institution_id, done.decision_id)
    again = RULES["fund.close_period"](kept.facts, kept.rule_version)
    assert again.answer() == done.decision.answer()


def test_differences_must_be_named_and_the_month_must_be_over(desk: Desk) -> None:
    refused = desk.close()
    assert [one.code for one in refused.decision.reasons] == ["differences_without_ground"]
    assert desk.states() == []
    named = desk.close(ground="银行流水还没有到")
    assert [one.code for one in named.decision.reasons] == ["differences_named"]
    assert not desk.month().steps[-1].zero
    early = desk.close(ground="x", period="2026-02")
    assert [one.code for one in early.decision.reasons] == ["period_not_over", "differences_named"]
    assert not early.decision.permitted


def test_a_later_import_opens_a_closed_month_visibly(desk: Desk) -> None:
    desk.all_papers()
    desk.close()
    desk.check()
    more = desk.bank("later.csv", "2026-01-30,,88.00,黔药医药有限公司,货款,B-77")
    assert more.reopened == (JANUARY,)
    last = desk.month().steps[-1]
    assert last.step == "reopened"
    assert "later.csv" in last.ground
    assert [one.outcome.value for one in desk.month().open_items] == ["only_bank"]
    again = desk.take(StatementKind.BANK)
    assert again.reopened == ()


def test_a_settlement_that_was_paid_in_a_closed_month_opens_it(desk: Desk) -> None:
    desk.all_papers()
    desk.close()
    bank = PaidByBank(date(2026, 1, 31), "S-1", "医保中心", "", "key-settle")
    record_settlement(
        desk.year.hospital.context, OFFICER, RecordSettlement("2025-12", "employee", False, Money(500), bank)
    )
    assert desk.states() == ["made", "reopened"]


def test_in_a_closed_month_nothing_is_matched_by_hand(desk: Desk) -> None:
    ours, _ = desk.open_keys()
    desk.close(ground="x")
    bank = [key for key in ours if key.startswith("bank")]
    with pytest.raises(Conflict):
        desk.together(bank, [])
    with pytest.raises(MalformedInput):
        reopen_period(desk.year.hospital.context, APPROVER, JANUARY, " ")
    reopen_period(desk.year.hospital.context, APPROVER, JANUARY, "补回单")
    with pytest.raises(Conflict):
        reopen_period(desk.year.hospital.context, APPROVER, JANUARY, "再开")
    desk.together(bank, [])
    assert desk.states() == ["made", "reopened"]


def test_what_changed_since_it_was_seen_is_not_closed(desk: Desk) -> None:
    seen = desk.month().digest
    desk.all_papers()
    with pytest.raises(Conflict):
        make_closing(desk.year.hospital.context, OFFICER, ClosePeriod(JANUARY, seen, "x"))


@pytest.mark.parametrize(
    ("step", "by", "digest"),
    [
        ("checked", "finance_officer-1", "d"),
        ("checked", "finance_approver-1", "other"),
        ("reopened", "finance_approver-1", "d"),
    ],
)
def test_the_database_keeps_the_walk_of_a_month(desk: Desk, step: str, by: str, digest: str) -> None:
    def add(number: int, step: str, by: str, digest: str) -> None:
        row = {
            "institution_id": OFFICER.institution_id,
            "period": JANUARY,
            "step_no": number,
            "step": step,
            "digest": digest,
            "zero": True,
            "ground": "",
            "taken_by": by,
            "taken_at": desk.clock.now(),
        }
        with desk.year.hospital.context.database.writing() as connection:
            connection.execute(sa.insert(FundPeriodStep).values(**row))

    add(1, "made", "finance_officer-1", "d")
    with pytest.raises(sa.exc.DBAPIError):
        add(2, step, by, digest)
    with pytest.raises(sa.exc.DBAPIError):
        add(3, "made", "finance_officer-1", "d")
