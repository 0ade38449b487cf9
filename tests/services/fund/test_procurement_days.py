"""A central-procurement prepayment goes back by its own document: none of the notice's days and sums is its own."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import DutyState, Standing
from hospital_prepay.domain.rules.fund.forecast import ForecastFacts, forecast
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.services.fund import duties, incidents, netting, recall, recall_review, reminders
from hospital_prepay.services.fund.clearing import cleared_last_year
from hospital_prepay.services.fund.duty_words import duty_name, grant_name
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, Year
from tests.services.fund.test_procurement import FEN, recorded

ZHEJIANG, HENAN = "zhejiang-prepay-2025", "henan-settlement-2023"
MILLION = 100_000_000


def arrived(hospital: Hospital, regime: str = ZHEJIANG, **changes: object) -> Year:
    grant_id = recorded(hospital, regime, **changes)
    found = Year(hospital, regime, grant_id=grant_id, keys=100 * hospital.count("fund_grant"))
    found.approve(FEN)
    found.receive()
    return found


def named(hospital: Hospital, name: str, year: int = 2026) -> list[Standing]:
    book = duties.read_duties(hospital.context, OFFICER)
    return [one for one in book.of_year(year) if one.item.name == name]


def test_its_own_day_is_a_duty_by_its_document_that_the_books_close_at_zero(
    hospital: Hospital, clock: FixedClock
) -> None:
    special = arrived(hospital)
    [one] = named(hospital, "return_procurement")
    assert (one.item.due_on, one.item.clause, one.item.document) == (date(2026, 11, 30), None, "医保〔2026〕3号")
    assert duty_name(one) == "归还集采专项预付（x，职工医保）"
    assert (one.state, one.owed_fen) == (DutyState.OPEN, FEN)
    assert [grant_name(grant) for grant in one.known.owed] == ["2026 年职工医保集采专项预付"]
    clock.moment = datetime(2026, 12, 1, 9, tzinfo=SHANGHAI)
    assert duties.find_duty(duties.read_duties(hospital.context, OFFICER), one.item.key).state is DutyState.OVERDUE
    reminders.remind(hospital.context, INSTITUTION)
    assert hospital.count("fund_reminder", f"duty_key = '{one.item.key}' AND stage = 'late-1'") == 1
    special.give_back(FEN)
    [done] = named(hospital, "return_procurement")
    assert (done.state, done.done_on, done.late) == (DutyState.DONE, date(2026, 12, 1), True)


def test_a_day_in_another_year_stands_there_and_none_stands_nowhere(hospital: Hospital) -> None:
    arrived(hospital, return_on=date(2027, 3, 31))
    arrived(hospital, fund="resident", return_on=None, idempotency_key="p-2")
    assert named(hospital, "return_procurement") == []
    [one] = named(hospital, "return_procurement", 2027)
    assert one.item.fund == "employee"


def test_none_of_the_notices_days_is_its_own(hospital: Hospital) -> None:
    arrived(hospital)
    assert [one.item.name for one in duties.read_duties(hospital.context, OFFICER).of_year(2026)] == [
        "return_procurement"
    ]
    basic = Year(hospital).arrived()
    [clear] = named(hospital, "clear")
    assert [one.grant_id for one in clear.known.owed] == [basic.grant_id]
    basic.give_back(MILLION)
    [clear] = named(hospital, "clear")
    assert clear.state is DutyState.DONE
    with hospital.context.database.reading() as connection:
        assert cleared_last_year(connection, INSTITUTION, ZHEJIANG, 2027) is True


def test_a_recall_neither_counts_it_nor_waits_for_it(hospital: Hospital) -> None:
    special, basic = arrived(hospital), Year(hospital).arrived()
    special.grant_id = recorded(hospital, fund="resident", idempotency_key="p-3")
    special.approve(FEN)
    command = recall.RecordRecall(ZHEJIANG, 4, "账户被法院保全", date(2026, 1, 12), "（2026）浙01执1号", "r-1")
    answer = recall.record_recall(hospital.context, OFFICER, command)
    assert (answer.decision.facts["owed_fen"], answer.decision.facts["unpaid_fen"]) == (MILLION, 0)
    assert answer.recall_id is not None
    assert special.receive().state == "received"  # nor is it held back
    assert basic.give_back(MILLION).state == "cleared"
    found = recall_review.read_recall(hospital.context, OFFICER, answer.recall_id)
    assert (found.recall.state, [one.grant_id for one in found.grants]) == ("returned", [basic.grant_id])


def test_clearing_it_ends_no_recall(hospital: Hospital) -> None:
    special = arrived(hospital)
    command = recall.RecordRecall(ZHEJIANG, 4, "账户被法院保全", date(2026, 1, 12), "（2026）浙01执1号", "r-1")
    recall_id = recall.record_recall(hospital.context, OFFICER, command).recall_id
    assert recall_id is not None
    special.give_back(FEN)
    assert recall_review.read_recall(hospital.context, OFFICER, recall_id).recall.state == "standing"


def test_its_forecast_has_its_own_day_and_expects_no_settlement(hospital: Hospital) -> None:
    special, basic = arrived(hospital), Year(hospital).arrived()
    basic.offset(1000, 1000)
    found = recall_review.outlook(hospital.context, OFFICER, special.grant_id)
    assert found is not None
    assert (found.forecast.clear_on, found.clause, found.bar) == (date(2026, 11, 30), None, None)
    assert (found.document, found.facts.monthly, found.last) == ("医保〔2026〕3号", Money(0), None)
    other = arrived(hospital, fund="resident", return_on=None, idempotency_key="p-2")
    assert recall_review.outlook(hospital.context, OFFICER, other.grant_id) is None


def test_it_is_never_netted_and_stands_in_no_memorandum(hospital: Hospital) -> None:
    old = arrived(hospital, HENAN, year=2025)
    new = Year(hospital, HENAN, grant_id=recorded(hospital, HENAN, idempotency_key="p-2"), keys=900)
    new.approve(FEN)
    assert recall_review.recall_overview(hospital.context, OFFICER).pairs == []
    command = netting.NetGrants(old.grant_id, new.grant_id, date(2026, 1, 15), "B-7", "n-1")
    with pytest.raises(Conflict):
        netting.net_grants(hospital.context, OFFICER, command)
    assert recall_review.memorandum(hospital.context, OFFICER) == []
    written = incidents.RecordWriteOff(old.grant_id, Money(1), date(2026, 1, 15), "x")
    with pytest.raises(MalformedInput, match="备查簿"):
        incidents.record_write_off(hospital.context, APPROVER, written)


def test_the_expected_settlement_is_the_last_of_the_same_fund_and_named(hospital: Hospital) -> None:
    employee = Year(hospital).arrived()
    resident = Year(hospital, keys=300)
    resident.apply(Fund.RESIDENT)
    resident.approve()
    resident.receive()
    employee.offset(9_000_000, 700)
    resident.offset(2_000_000, 300)
    for year, fen in ((employee, 700), (resident, 300)):
        found = recall_review.outlook(hospital.context, OFFICER, year.grant_id)
        assert found is not None
        assert found.last is not None
        assert (found.facts.monthly.fen, found.last.fen, found.last.booked_on) == (fen, fen, date(2026, 1, 15))
        assert hospital.count("ledger_entry", f"entry_no = {found.last.entry_no} AND kind = 'fund_offset'") == 1


def test_what_is_there_only_with_the_estimate_is_told_apart() -> None:
    def found(unspent: int, monthly: int) -> tuple[bool, bool]:
        sums = (Money(100), Money(unspent), Money(0), Money(monthly), Money(0))
        done = forecast(ForecastFacts(date(2026, 11, 15), date(2026, 12, 15), *sums, settlements_stopped=False))
        return done.alarm, done.rests_on_estimate

    assert found(100, 50) == (False, False)
    assert found(60, 40) == (False, True)
    assert found(60, 39) == (True, False)
