"""The application's own database user, on both databases, against what books and approvals rest on."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.ledger.verification import Kind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.ledger.seals import verify_ledger
from tests.books import HOSPITAL, open_books, open_stay, set_cap

CAP = (
    "INSERT INTO stay_cap (institution_id, stay_no, version_no, disease_code, disease_name, insured_class,"
    " circumstance, unposted, cap_fen, talk, similar_ground, decision_id, recorded_by, recorded_at)"
    " SELECT institution_id, stay_no, version_no + 1, disease_code, disease_name, insured_class, circumstance,"
    " unposted, {cap}, talk, similar_ground, {decision}, recorded_by, recorded_at FROM stay_cap"
    " WHERE version_no = 1 AND stay_no = '{stay}'"
)
DECISION = (
    "INSERT INTO decision (institution_id, decision_id, rule, rule_version, outcome, amount_fen, reasons, facts,"
    " effective_on, decided_at, actor) SELECT institution_id, 'new', {rule}, rule_version, {outcome}, {amount},"
    " reasons, facts, effective_on, decided_at, actor FROM decision WHERE decision_id = ("
    "SELECT decision_id FROM stay_cap WHERE stay_no = 'S1')"
)


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Database:
    """A stay under a cap of 5 yuan, and one without a cap."""
    open_books(database, clock)
    open_stay(database, clock, "S1", 500)
    open_stay(database, clock, "S2", None)
    return database


def run(database: Database, *statements: str) -> None:
    """Statements in one transaction."""
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def refused(database: Database, *statements: str, match: str) -> None:
    """The transaction is refused for this reason."""
    with pytest.raises(sa.exc.DBAPIError, match=match):
        run(database, *statements)


def loosen(owner: Database, table: str) -> None:
    """Take the triggers of a table away, as its owner."""
    if owner.is_postgresql:
        run(owner, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return
    with owner.reading() as connection:
        found = connection.exec_driver_sql(
            f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
        ).scalars()
        names = list(found)
    run(owner, *(f"DROP TRIGGER {name}" for name in names))


# -- Caps and the decisions that gave them -------------------------------------------------------------------------


def test_the_decision_of_a_cap_gives_no_second_one(books: Database) -> None:
    refused(books, CAP.format(stay="S1", cap="cap_fen", decision="decision_id"), match="decision_used")


@pytest.mark.parametrize("cap", ["99999999", "NULL"])
def test_a_cap_other_than_its_decision_gave_is_refused(books: Database, cap: str) -> None:
    decision = DECISION.format(rule="rule", outcome="'permitted'", amount="500")
    refused(books, decision, CAP.format(stay="S1", cap=cap, decision="'new'"), match="cap_not_decided")


@pytest.mark.parametrize(
    ("rule", "outcome", "amount"),
    [("'inpatient.collect'", "'permitted'", "500"), ("rule", "'refused'", "500"), ("rule", "'permitted'", "NULL")],
)
def test_a_decision_that_gives_no_cap_is_refused(books: Database, rule: str, outcome: str, amount: str) -> None:
    decision = DECISION.format(rule=rule, outcome=outcome, amount=amount)
    refused(books, decision, CAP.format(stay="S1", cap="500", decision="'new'"), match="cap_not_decided")


def test_a_cap_and_the_end_of_one_are_taken_with_their_decisions(
    books: Database, clock: FixedClock, tmp_path: Path
) -> None:
    set_cap(books, clock, "S1", None)
    set_cap(books, clock, "S2", 700)
    assert verify_ledger(books, tmp_path, clock).intact


@pytest.mark.parametrize(("stay", "cap"), [("S1", "99999999"), ("S2", "99999999"), ("S1", "500")])
def test_a_forged_cap_is_found_where_the_triggers_were_gone(
    books: Database, owner_database: Database, clock: FixedClock, tmp_path: Path, stay: str, cap: str
) -> None:
    loosen(owner_database, "stay_cap")
    run(books, CAP.format(stay=stay, cap=cap, decision="decision_id"))
    found = [finding for finding in verify_ledger(books, tmp_path, clock).findings if finding.kind is Kind.CAP_WRONG]
    assert found
    assert {finding.institution_id for finding in found} == {HOSPITAL}
    assert {finding.account_id for finding in found} == {f"23050103:{stay}"}
