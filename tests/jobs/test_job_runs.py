from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import LedgerFault
from hospital_prepay.persistence.models.audit import AuditEvent, JobRun
from hospital_prepay.services.context import Context
from hospital_prepay.services.job_runs import FAILED, run_for_each
from tests.books import HOSPITAL, open_books

OTHER = "H52010000002"
TODAY, TOMORROW = date(2026, 1, 15), date(2026, 1, 16)


@pytest.fixture
def books(context: Context) -> Context:
    """Two institutions with books."""
    open_books(context.database, context.clock, HOSPITAL)
    open_books(context.database, context.clock, OTHER)
    return context


def outcomes(context: Context) -> list[tuple[str, date, str, bool]]:
    query = sa.select(JobRun.institution_id, JobRun.business_date, JobRun.outcome, JobRun.finished_at)
    with context.database.reading() as connection:
        rows = connection.execute(query.order_by(JobRun.institution_id, JobRun.business_date))
        return [(row.institution_id, row.business_date, row.outcome, row.finished_at is not None) for row in rows]


def test_a_dated_job_runs_once_a_day_for_each_institution(books: Context) -> None:
    ran: list[str] = []

    def work(institution_id: str) -> str:
        ran.append(institution_id)
        return "intact"

    assert run_for_each(books, "check", TODAY, work) == {HOSPITAL: "intact", OTHER: "intact"}
    assert run_for_each(books, "check", TODAY, work) == {}
    assert run_for_each(books, "another", TODAY, work) != {}
    assert run_for_each(books, "check", TOMORROW, work) != {}
    assert ran == [HOSPITAL, OTHER] * 3


def test_a_failed_run_is_written_down_not_begun_again_that_day_and_keeps_no_other_hospital_waiting(
    books: Context,
) -> None:
    def fail(institution_id: str) -> str:
        if institution_id == HOSPITAL:
            raise LedgerFault("账本有异常。")
        return "intact"

    with pytest.raises(LedgerFault):
        run_for_each(books, "check", TODAY, fail)
    assert outcomes(books) == [(HOSPITAL, TODAY, FAILED, True), (OTHER, TODAY, "intact", True)]
    assert run_for_each(books, "check", TODAY, lambda _: "intact") == {}


def test_a_run_that_was_broken_off_is_begun_again(books: Context) -> None:
    def power_fails(institution_id: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_for_each(books, "check", TODAY, power_fails)
    assert outcomes(books) == [(HOSPITAL, TODAY, "", False)]
    assert run_for_each(books, "check", TODAY, lambda _: "intact") == {HOSPITAL: "intact", OTHER: "intact"}


def test_every_run_stands_in_the_audit_trail(books: Context) -> None:
    run_for_each(books, "check", TODAY, lambda _: "intact")
    query = sa.select(AuditEvent.action, AuditEvent.outcome, AuditEvent.subject, AuditEvent.detail)
    with books.database.reading() as connection:
        events = connection.execute(query.where(AuditEvent.institution_id == HOSPITAL)).all()
    assert [tuple(event) for event in events] == [("job.check", "done", "2026-01-15", {"outcome": "intact"})]
