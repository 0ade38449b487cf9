"""What both databases refuse of invoices that are withdrawn, whoever asks: raw SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.fund import (
    FundEvidence,
    FundEvidenceWithdrawn,
    FundRequest,
    FundRequestLine,
)
from hospital_prepay.persistence.models.fund_apply import FundDistributionUse
from hospital_prepay.services.fund import spending
from tests.db.test_upgrade import empty_urls
from tests.hospital import INSTITUTION
from tests.services.fund.conftest import OFFICER, PAYER, Year, line
from tests.services.fund.conftest import hospital as hospital
from tests.services.fund.conftest import year as year
from tests.services.fund.test_distribution import hand_on, lead, show
from tests.services.fund.test_member_debts import HALF

__all__ = ["empty_urls", "lead"]
FEN = 300_00
_AT = "2026-01-14T02:00:00.000000+00:00"
_OLD: dict[str, dict[str, Any]] = {
    "fund_grant": {
        **{"institution_id": "H1", "grant_id": "g", "regime": "x", "pool_region": "x", "fund": "all", "year": 2026},
        **{"kind": "basic", "state": "applied", "applied_fen": 7, "decision_id": "d", "applied_by": "a"},
        **{"applied_at": _AT, "module_no": "", "approval_document": "", "withheld_ground": ""},
    },
    "fund_request": {
        **{"institution_id": "H1", "request_id": "r", "grant_id": "g", "payee_name": "x", "payee_credit_code": "x"},
        **{"purpose": "x", "total_fen": 7, "state": "asked", "decision_id": "d", "held": False, "asked_by": "a"},
        **{"asked_at": _AT, "ground": "", "bank_reference": "", "ended_ground": ""},
    },
    "fund_request_line": {
        **{"institution_id": "H1", "request_id": "r", "line_no": 1, "category": "drug", "name": "x", "code": "x"},
        **{"order_no": "x", "amount_fen": 7, "outcome": "permitted"},
    },
    "fund_evidence": {
        **{"institution_id": "H1", "request_id": "r", "line_no": 1, "invoice_no": "FP-0", "amount_fen": 7},
        **{"detail": "{}", "recorded_by": "a", "recorded_at": _AT},
    },
}


@pytest.fixture
def request_id(year: Year) -> str:
    """A paid request of one line, proved by two invoices."""
    year.arrived()
    found = year.reserve(line(FEN))
    year.pay(found)
    for number, fen in (("FP-1", FEN - 1), ("FP-2", 1)):
        spending.record_evidence(year.hospital.context, PAYER, spending.RecordEvidence(found, 1, number, Money(fen)))
    return found


def run(year: Year, statement: sa.Executable) -> None:
    with year.hospital.context.database.writing() as connection:
        connection.execute(statement)


def withdrawal(year: Year, request: str, **changes: Any) -> sa.Insert:
    row = {
        "institution_id": INSTITUTION,
        "request_id": request,
        "line_no": 1,
        "invoice_no": "FP-1",
        "attempt": 1,
        "ground": "x",
        "withdrawn_by": OFFICER.actor_id,
        "withdrawn_at": year.hospital.context.clock.now(),
    }
    return sa.insert(FundEvidenceWithdrawn).values(**{**row, **changes})


def evidence(year: Year, request: str, **changes: Any) -> sa.Insert:
    row = {
        "institution_id": INSTITUTION,
        "request_id": request,
        "line_no": 1,
        "invoice_no": "FP-1",
        "attempt": 2,
        "amount_fen": 1,
        "detail": {},
        "recorded_by": PAYER.actor_id,
        "recorded_at": year.hospital.context.clock.now(),
    }
    return sa.insert(FundEvidence).values(**{**row, **changes})


def walk(request_id: str, state: str) -> sa.Update:
    return sa.update(FundRequest).where(FundRequest.request_id == request_id).values(state=state)


def state_of(year: Year, request_id: str) -> str:
    with year.hospital.context.database.reading() as connection:
        return str(connection.scalar(sa.select(FundRequest.state).where(FundRequest.request_id == request_id)))


@pytest.mark.parametrize(
    "changes",
    [
        {"ground": ""},
        {"ground": "  "},
        {"withdrawn_by": "ghost"},
        {"attempt": 2},
        {"attempt": 0},
        {"line_no": 2},
        {"invoice_no": "FP1"},
        {"request_id": "x"},
        {"institution_id": "H9"},
    ],
)
def test_only_what_is_there_is_withdrawn_by_somebody_with_a_ground(
    year: Year, request_id: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        run(year, withdrawal(year, request_id, **changes))
    assert year.hospital.count("fund_evidence_withdrawn") == 0
    assert state_of(year, request_id) == "evidenced"


def test_withdrawn_before_it_was_recorded_is_nothing(year: Year, request_id: str) -> None:
    earlier = year.hospital.context.clock.now().replace(year=2025)
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_evidence_withdrawn"):
        run(year, withdrawal(year, request_id, withdrawn_at=earlier))


def test_the_database_opens_a_complete_request_by_itself_and_closes_it_only_when_all_is_proved(
    year: Year, request_id: str
) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_request"):
        run(year, walk(request_id, "paid"))  # all of it is proved
    run(year, withdrawal(year, request_id))
    assert state_of(year, request_id) == "paid"
    run(year, evidence(year, request_id, amount_fen=FEN - 2))
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_request"):
        run(year, walk(request_id, "evidenced"))  # a fen is missing
    run(year, evidence(year, request_id, invoice_no="FP-3", attempt=1))
    run(year, walk(request_id, "evidenced"))


def test_a_number_stands_once_on_its_line_and_a_withdrawn_one_is_free(year: Year, request_id: str) -> None:
    for number in ("FP-1", "f p/1"):
        with pytest.raises(sa.exc.DBAPIError, match=": fund_evidence"):
            run(year, evidence(year, request_id, invoice_no=number))
    other = year.reserve(line(FEN, name="另一种药"))
    year.pay(other)
    with pytest.raises(sa.exc.DBAPIError, match="invoice_used: fund_evidence"):
        run(year, evidence(year, other, attempt=1))
    run(year, withdrawal(year, request_id))
    with pytest.raises(sa.exc.DBAPIError, match="fund_evidence"):
        run(year, evidence(year, request_id, attempt=1))  # its key is taken for good
    with pytest.raises(sa.exc.DBAPIError):
        run(year, evidence(year, request_id, attempt=0))
    run(year, evidence(year, other, attempt=1))
    with pytest.raises(sa.exc.DBAPIError, match=": fund_evidence"):
        run(year, evidence(year, request_id))


def test_what_was_withdrawn_stays_and_so_does_its_invoice(
    year: Year, request_id: str, owner_database: Database
) -> None:
    run(year, withdrawal(year, request_id))
    with pytest.raises(sa.exc.DBAPIError):
        run(year, withdrawal(year, request_id, ground="y"))
    for table, change in ((FundEvidenceWithdrawn, {"ground": "y"}), (FundEvidence, {"amount_fen": 2})):
        for statement in (sa.delete(table), sa.update(table).values(**change)):
            for database in (year.hospital.context.database, owner_database):
                with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
                    connection.execute(statement)
    assert year.hospital.count("fund_evidence_withdrawn", "ground = 'x'") == 1
    assert year.hospital.count("fund_evidence") == 2


def test_after_the_payment_came_back_nothing_is_withdrawn(year: Year, request_id: str) -> None:
    spending.bounce_payment(year.hospital.context, PAYER, request_id, "账号有误")
    with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_evidence_withdrawn"):
        run(year, withdrawal(year, request_id))


# Only SQLite lets whoever opens the file switch its checks off.
@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_sqlite_refuses_all_of_it_without_its_checks_too(year: Year, request_id: str) -> None:
    database = year.hospital.context.database
    run(year, withdrawal(year, request_id))
    row = f"'{INSTITUTION}', '{request_id}', 1"
    by = f"'{PAYER.actor_id}', '2026-01-15T00:00:00.000000+00:00'"
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        for statement in (
            f"INSERT INTO fund_evidence_withdrawn VALUES ({row}, 'FP-2', 1, ' ', {by})",
            f"INSERT INTO fund_evidence_withdrawn VALUES ({row}, 'FP-2', 1, NULL, {by})",
            f"INSERT OR REPLACE INTO fund_evidence_withdrawn VALUES ({row}, 'FP-1', 1, 'y', {by})",
            f"INSERT INTO fund_evidence VALUES ({row}, 'FP-8', 0, '{{}}', {by}, 1)",
            f"INSERT INTO fund_evidence VALUES ({row}, 'FP-8', 0.5, '{{}}', {by}, 1)",
            f"INSERT INTO fund_evidence VALUES ({row}, 'FP-8', 1, '{{}}', {by}, 0)",
            f"INSERT OR REPLACE INTO fund_evidence VALUES ({row}, 'FP-2', 9, '{{}}', {by}, 1)",
        ):
            with pytest.raises(sa.exc.DBAPIError), connection.begin_nested():
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"INSERT INTO fund_evidence VALUES ({row}, 'FP-8', 1, '{{}}', {by}, 1)")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


def test_invoices_from_before_keep_their_place(
    empty_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    owner = Database(empty_urls[0], pool_size=1)
    role = Database(empty_urls[1], pool_size=1).url.username if owner.is_postgresql else None
    for target in ("0034", "head"):
        migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=clock.now(), target=target)
        if target == "0034":
            with owner.writing() as connection:
                _old_row(connection)
    with owner.reading() as connection:
        row = connection.execute(sa.select(FundEvidence.invoice_no, FundEvidence.amount_fen, FundEvidence.attempt))
        assert row.one() == ("FP-0", 7, 1)
    for statement in ("UPDATE fund_evidence SET amount_fen = 8", "DELETE FROM fund_evidence"):
        with pytest.raises(sa.exc.DBAPIError), owner.writing() as connection:
            connection.execute(sa.text(statement))
    owner.close()


def _old_row(connection: sa.Connection) -> None:
    """An invoice and what it hangs on, put there past the triggers: this test is not about them."""
    tables = list(_OLD)
    kept = []
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    else:
        query = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN :tables")
        found = connection.execute(query.bindparams(sa.bindparam("tables", tables, expanding=True))).all()
        kept = [str(row.sql) for row in found]
        for row in found:
            connection.exec_driver_sql(f"DROP TRIGGER {row.name}")
    for table, values in _OLD.items():
        columns = ", ".join(values)
        named = ", ".join(f":{name}" for name in values)
        connection.execute(sa.text(f"INSERT INTO {table} ({columns}) VALUES ({named})"), values)
    for statement in kept:
        connection.exec_driver_sql(statement)
    if not kept:
        for table in tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    "number", ["ＦＰ－１", "ＦＰ1", "FP_1", "FP—1", "FP\u30001", "FP\u200b-1", "F P:1", "fp-1", "发票FP-1", "ＦｐⅠ"]
)
def test_an_invoice_has_one_number_however_it_is_spelled(year: Year, request_id: str, number: str) -> None:
    other = year.reserve(line(FEN, name="另一种药"))
    year.pay(other)
    if number == "ＦｐⅠ":  # A Roman one is a letter; SQLite, which can't compare it, takes none at all.
        run(year, evidence(year, other, invoice_no="FPI", attempt=1))
        other = year.reserve(line(FEN, name="第三种药"))
        year.pay(other)
    with pytest.raises(sa.exc.DBAPIError, match="invoice_used: fund_evidence"):
        run(year, evidence(year, other, invoice_no=number, attempt=1))
    run(year, evidence(year, other, invoice_no=f"{number}9".replace("Ⅰ", "1"), attempt=1))


@pytest.mark.parametrize("number", ["发票", "—", ""])
def test_an_invoice_has_a_letter_or_a_digit(year: Year, request_id: str, number: str) -> None:
    run(year, withdrawal(year, request_id))
    with pytest.raises(sa.exc.DBAPIError, match="fund_evidence"):
        run(year, evidence(year, request_id, invoice_no=number, attempt=1))


def test_invoices_come_to_no_more_than_their_line(year: Year, request_id: str) -> None:
    run(year, withdrawal(year, request_id))
    for fen in (FEN, FEN * 10):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_evidence"):
            run(year, evidence(year, request_id, amount_fen=fen))
    run(year, evidence(year, request_id, amount_fen=FEN - 1))


@pytest.mark.parametrize("attempt", [1, 3, 32767])
def test_a_number_that_is_recorded_again_counts_on(year: Year, request_id: str, attempt: int) -> None:
    run(year, withdrawal(year, request_id))
    with pytest.raises(sa.exc.DBAPIError, match="fund_evidence"):
        run(year, evidence(year, request_id, attempt=attempt))
    again = spending.RecordEvidence(request_id, 1, "FP-1", Money(1))
    assert spending.record_evidence(year.hospital.context, PAYER, again).state == "paid"


def test_a_wide_number_is_kept_narrow_and_one_of_other_letters_is_asked_about(year: Year, request_id: str) -> None:
    other = year.reserve(line(FEN, name="另一种药"))
    year.pay(other)
    context = year.hospital.context
    with pytest.raises(Conflict):
        spending.record_evidence(context, PAYER, spending.RecordEvidence(other, 1, "ＦＰ－１", Money(1)))
    for number in ("ФП-7", "ßé7", "\u337f" * 20):
        with pytest.raises(MalformedInput):
            spending.record_evidence(context, PAYER, spending.RecordEvidence(other, 1, number, Money(1)))
    spending.record_evidence(context, PAYER, spending.RecordEvidence(other, 1, " ＦＰ－７号 ", Money(1)))
    assert year.hospital.count("fund_evidence", "invoice_no = 'FP-7号'") == 1


def test_one_document_is_not_the_hospitals_and_a_members(lead: Year) -> None:
    found = hand_on(lead, HALF)
    mine = lead.reserve(line(100))
    lead.pay(mine)
    show(lead, found, 5)
    other = {"code": "X" + "B" * 22, "name": "另一种药"}
    use = {"category": "drug", "order_no": "", "distribution_id": found, "amount_fen": 1, "use_no": 2}
    by = {"recorded_by": OFFICER.actor_id, "recorded_at": lead.hospital.context.clock.now()}
    with lead.hospital.context.database.reading() as connection:
        said = connection.execute(sa.select(FundDistributionUse.code, FundDistributionUse.name)).mappings().one()
        paid = connection.execute(sa.select(FundRequestLine.code, FundRequestLine.name)).mappings().one()
    assert said["code"] == paid["code"]
    with pytest.raises(sa.exc.DBAPIError, match="invoice_used: fund_evidence"):
        run(lead, evidence(lead, mine, invoice_no="ＦＰ１", attempt=1))
    run(lead, evidence(lead, mine, invoice_no="FP-2", attempt=1))
    insert = sa.insert(FundDistributionUse).values(institution_id=INSTITUTION, **use, **by)
    with pytest.raises(sa.exc.DBAPIError, match="invoice_used: fund_distribution_use"):
        run(lead, insert.values(document="发票 fp2", **paid))
    run(lead, insert.values(document="发票 fp2", **other))
