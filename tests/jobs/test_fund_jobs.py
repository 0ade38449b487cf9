"""The scheduler's daily steps for the fund: once a day, made up when missed, no hospital waits for another's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from apscheduler.triggers.cron import CronTrigger

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.ledger.entry import Posting
from hospital_prepay.domain.money import Money
from hospital_prepay.jobs import daily, fund
from hospital_prepay.jobs.scheduler import schedule
from hospital_prepay.persistence.ledger import open_chart
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import places, reminders
from hospital_prepay.services.fund.places import ProposePlace
from tests.books import plain_entry
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, Year, line

OTHER = "H52010000002"
CLEAR = "xizang-prepay-2024/clear/2026-12-10"


@pytest.fixture
def year(hospital: Hospital) -> Year:
    """A grant of Xizang that arrived on 15 January; the application for the other fund is five days late."""
    return Year(hospital, regime="xizang-prepay-2024").arrived()


def at(year: Year, *moment: int) -> Context:
    # In UTC, as the real clock tells it.
    year.hospital.context.clock.moment = datetime(*moment, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[arg-type,attr-defined]
    return year.hospital.context


def stages(year: Year, key: str = CLEAR) -> list[str]:
    query = "SELECT stage FROM fund_reminder WHERE duty_key = :key ORDER BY reminded_at, stage"
    with year.hospital.context.database.reading() as connection:
        return list(connection.scalars(sa.text(query), {"key": key}))


@pytest.mark.clause("xizang-prepay-2024/5.4")
def test_a_clearing_is_reminded_of_at_its_stages_and_every_day_it_is_late(year: Year) -> None:
    days = [date(2026, 11, 9), date(2026, 11, 10), *(date(2026, 12, day) for day in range(1, 14))]
    for day in days:
        context = at(year, day.year, day.month, day.day, 0, 5)
        reminders.remind(context, INSTITUTION)
        before = len(stages(year))
        assert reminders.remind(context, INSTITUTION) == "nothing"
        assert len(stages(year)) == before
    assert stages(year) == ["30", "7", "3", "1", "0", "late-1", "late-2", "late-3"]


def test_days_without_a_run_are_made_up_by_the_next(year: Year) -> None:
    reminders.remind(at(year, 2026, 12, 6, 9), INSTITUTION)
    reminders.remind(at(year, 2026, 12, 12, 9), INSTITUTION)
    assert stages(year) == ["7", "late-2"]


def test_nobody_is_reminded_of_what_is_done_or_not_the_hospitals(year: Year) -> None:
    year.give_back(100_000_000)
    at(year, 2026, 12, 9, 0, 5)
    reminders.remind(year.hospital.context, INSTITUTION)
    assert stages(year) == []
    assert year.hospital.count("fund_reminder", "duty_key LIKE '%publish%'") == 0


def test_a_reminder_says_what_when_and_how_much(year: Year) -> None:
    reminders.remind(at(year, 2026, 12, 11, 0, 5), INSTITUTION)
    found = reminders.read_reminders(year.hospital.context, OFFICER).reminders
    words = next(one.words for one in found if one.duty_key == CLEAR)
    assert words == "交回或抵扣全部预付金：逾期 1 天，期限 2026-12-10，应还 1,000,000.00 元"


def test_the_latest_reminders_are_one_of_each_duty_the_nearest_first(year: Year) -> None:
    for day in (9, 11, 12):
        reminders.remind(at(year, 2026, 12, day, 0, 5), INSTITUTION)
    found = reminders.read_reminders(year.hospital.context, OFFICER).reminders
    assert len({one.duty_key for one in found}) == len(found)
    clear = next(one for one in found if one.duty_key == CLEAR)
    assert clear.stage == "late-2"
    assert [one.reminded_on for one in found] == sorted((one.reminded_on for one in found), reverse=True)
    today = [one.days_away for one in found if one.reminded_on == found[0].reminded_on]
    assert today == [2, 336, 346]


def test_the_page_reads_the_account_as_it_is_now(year: Year) -> None:
    context = year.hospital.context
    assert reminders.check_shared_account(context, INSTITUTION) == "covered"
    spend_own(year, 7)
    found = reminders.read_reminders(context, OFFICER)
    assert found.check is not None
    assert (found.check.short_fen, found.now.short_fen) == (0, 7)


def test_the_job_gives_back_what_ran_out_within_its_grant_and_once(year: Year) -> None:
    request_id = year.reserve(line(30_000))
    before = year.standing
    assert reminders.give_back_expired(at(year, 2026, 1, 30, 9, 59), INSTITUTION) == "nothing"
    assert year.standing == before
    assert reminders.give_back_expired(at(year, 2026, 1, 30, 10, 0), INSTITUTION) == "released"
    assert year.standing == (100_000_000, 0, 100_000_000)
    assert reminders.give_back_expired(year.hospital.context, INSTITUTION) == "nothing"
    assert year.hospital.count("fund_request", f"request_id = '{request_id}' AND ended_by = 'scheduler'") == 1


def spend_own(year: Year, fen: int) -> None:
    """The hospital pays a bill of its own from the shared account."""
    context = year.hospital.context
    with context.work(OFFICER, "x") as work:
        lines = (Posting("2302", debit=Money(fen)), Posting("1002", credit=Money(fen)))
        now = work.now
        entry = plain_entry(INSTITUTION, f"own-{fen}", "x", now, lines)
        work.ledger.post(entry)


def test_the_shared_account_covers_the_grants_while_the_hospitals_own_part_is_not_below_zero(year: Year) -> None:
    context = year.hospital.context
    year.reserve(line(30_000))
    assert reminders.check_shared_account(context, INSTITUTION) == "covered"
    check = reminders.read_reminders(context, OFFICER).check
    assert check is not None
    assert (check.general_fen, check.restricted_fen, check.total_fen, check.short_fen) == (
        *(0, 100_000_000, 100_000_000, 0),
    )
    spend_own(year, 1)
    assert reminders.check_shared_account(context, INSTITUTION) == "covered"  # the day's figure stands
    assert reminders.check_shared_account(at(year, 2026, 1, 16, 0, 15), INSTITUTION) == "short"
    assert reminders.check_shared_account(context, INSTITUTION) == "short"
    check = reminders.read_reminders(context, OFFICER).check
    assert check is not None
    assert (check.business_date, check.general_fen, check.short_fen) == (date(2026, 1, 16), -1, 1)
    assert stages(year, reminders.SHARED_ACCOUNT) == ["2026-01-16"]


def test_without_restricted_money_an_overdrawn_book_is_no_alarm(year: Year) -> None:
    year.give_back(100_000_000)
    spend_own(year, 1)
    assert reminders.check_shared_account(year.hospital.context, INSTITUTION) == "covered"


@pytest.fixture
def environment(year: Year, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Year:
    """The same books, where the jobs look for them."""
    url = year.hospital.context.database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", url)
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setattr(daily, "Clock", lambda: year.hospital.context.clock)
    with year.hospital.context.database.writing() as connection:
        open_chart(connection, OTHER, year.hospital.context.clock.now())
    return year


@pytest.mark.parametrize("job", ["remind_duties", "release_reservations", "check_shared_account"])
def test_a_job_runs_once_a_day_of_shanghai_whoever_leads(environment: Year, job: str) -> None:
    run = getattr(fund, job)
    at(environment, 2026, 12, 10, 23, 59)
    assert run().keys() == {INSTITUTION, OTHER}
    assert run() == {}  # a new leader on the same day
    at(environment, 2026, 12, 11, 0, 1)
    assert run().keys() == {INSTITUTION, OTHER}
    assert run() == {}


def test_a_run_that_was_broken_off_is_made_up_without_a_second_reminder(
    environment: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(environment, 2026, 12, 10, 0, 5)
    whole = reminders.remind

    def power_fails(context: Context, institution_id: str) -> str:
        whole(context, institution_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(reminders, "remind", power_fails)
    with pytest.raises(KeyboardInterrupt):
        fund.remind_duties()
    monkeypatch.setattr(reminders, "remind", whole)
    assert fund.remind_duties()[INSTITUTION] == "nothing"
    assert stages(environment) == ["0"]


def test_a_job_that_fails_for_one_hospital_is_done_for_the_other_and_told(
    environment: Year, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reminders.remind

    def fail(context: Context, institution_id: str) -> str:
        if institution_id != OTHER:
            raise Conflict("别人刚办过。")
        return whole(context, institution_id)

    monkeypatch.setattr(reminders, "remind", fail)
    with pytest.raises(Conflict):
        fund.remind_duties()
    with environment.hospital.context.database.reading() as connection:
        rows = connection.execute(sa.text("SELECT institution_id, outcome FROM job_run ORDER BY institution_id"))
        assert [tuple(row) for row in rows] == [(INSTITUTION, "failed"), (OTHER, "nothing")]


def test_the_steps_come_after_midnight_of_shanghai_and_at_once_when_a_scheduler_starts() -> None:
    jobs = {job.id: job for job in schedule().get_jobs()}
    for name in ("release_reservations", "remind_duties", "check_shared_account"):
        trigger = jobs[name].trigger
        assert isinstance(trigger, CronTrigger)
        assert str(trigger.timezone) == "Asia/Shanghai"
        due = trigger.get_next_fire_time(None, datetime(2026, 12, 10, 12, 0, tzinfo=SHANGHAI))
        assert (due.day, due.hour) == (11, 0)


def test_a_place_of_one_hospital_is_no_duty_of_another(environment: Year) -> None:
    context = environment.hospital.context
    number = places.propose_place(context, OFFICER, ProposePlace("henan-settlement-2023", "平顶山市", 2026, True))
    places.decide_place(context, APPROVER, number, confirmed=True)
    at(environment, 2026, 2, 5, 0, 5)
    fund.remind_duties()
    with context.database.reading() as connection:
        who = set(connection.scalars(sa.text("SELECT institution_id FROM fund_reminder")))
    assert who == {INSTITUTION}
