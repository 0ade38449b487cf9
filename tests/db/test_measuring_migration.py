"""The database from before the readings of measuring keeps what it holds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade

ROWS = (
    "INSERT INTO earlier_standard (institution_id, disease_code, insured_class, standard_fen, source, recorded_by,"
    " recorded_at) VALUES ('H1', 'J1', 'employee', 300000, 'x.csv', 'u', '2026-01-15T10:00:00+08:00')",
    "INSERT INTO inpatient_case (institution_id, case_no, discharged_on, disease_code, disease_name, insured_class,"
    " total_cost_fen, burden_fen, import_id) VALUES ('H1', 'C1', '2025-01-02', 'J1', 'x', 'self_pay', 100, 100, 'i')",
)


def test_what_was_stored_before_has_no_day_and_no_known_choice(
    empty_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    def bring_to(target: str) -> None:
        upgrade(empty_database, app_role=None, backup_folder=tmp_path, moment=clock.now(), target=target)

    bring_to("0001")
    with empty_database.writing() as connection:
        for row in ROWS:
            connection.execute(sa.text(row))
    bring_to("head")
    standard = sa.text("SELECT disease_code, standard_fen, in_force_from FROM earlier_standard")
    with empty_database.reading() as connection:
        [(code, fen, day)] = connection.execute(standard).all()
        choice = connection.scalar(sa.text("SELECT self_pay_by_choice FROM inpatient_case"))
    assert (code, fen, str(day), choice) == ("J1", 300000, str(date.min), None)
    with pytest.raises(sa.exc.DBAPIError), empty_database.writing() as connection:
        connection.execute(sa.text("UPDATE earlier_standard SET standard_fen = 1"))
    with pytest.raises(sa.exc.DBAPIError), empty_database.writing() as connection:
        connection.execute(sa.text("DELETE FROM earlier_standard"))


def test_purchases_from_before_are_kept_and_may_go_back(
    empty_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    def bring_to(target: str) -> None:
        upgrade(empty_database, app_role=None, backup_folder=tmp_path, moment=clock.now(), target=target)

    def add(key: str, fen: int) -> None:
        row = f"'H1', '{key}', '2026-01-02', 'drug', 'x', '', {fen}, 'x', '', '', 'f', 'u', '2026-01-15'"
        with empty_database.writing() as connection:
            connection.execute(sa.text(f"INSERT INTO purchase_line VALUES ({row})"))

    bring_to("0017")
    add("a", 500)
    with pytest.raises(sa.exc.DBAPIError):
        add("b", -500)
    bring_to("head")
    add("b", -500)
    for key, fen in (("a", 1), ("c", 0)):
        with pytest.raises(sa.exc.DBAPIError):
            add(key, fen)
    with empty_database.reading() as connection:
        kept = connection.execute(sa.text("SELECT line_key, amount_fen FROM purchase_line ORDER BY line_key")).all()
    assert [tuple(one) for one in kept] == [("a", 500), ("b", -500)]
    for statement in ("UPDATE purchase_line SET amount_fen = 1", "DELETE FROM purchase_line"):
        with pytest.raises(sa.exc.DBAPIError), empty_database.writing() as connection:
            connection.execute(sa.text(statement))
