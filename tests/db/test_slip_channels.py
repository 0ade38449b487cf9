"""Slips from before they said where: what another system took was online, the rest at a window."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade

CLIENT = (
    "INSERT INTO api_client (institution_id, client_id, name, role, token_hash, is_active, created_at)"
    " VALUES ('H1', 'kiosk', 'x', 'cashier', 'x', {true}, '2026-01-15 10:00:00+00:00')"
)
SLIP = (
    "INSERT INTO receipt (institution_id, book, serial, kind, stay_no, amount_fen, tender, payment_reference, payer,"
    " ground, entry_no, token, issued_at, issued_by) VALUES ('H1', 'A01', {n}, 'deposit', 'S1', 5, 'cash',"
    " '', '', '', {n}, 'token-{n}', '2026-01-15 10:00:00+00:00', '{by}')"
)
ROWS = [SLIP.format(n=number, by=by) for number, by in ((1, "kiosk"), (2, "cashier"), (3, "somebody"))]


def put_in(database: Database) -> None:
    """Slips without the stays and entries that they speak of: neither triggers nor foreign keys look on."""
    if database.is_postgresql:
        with database.writing() as connection:
            for key in ("stay", "ledger_entry"):
                connection.execute(sa.text(f"ALTER TABLE receipt DROP CONSTRAINT fk_receipt__{key}"))
            connection.execute(sa.text("ALTER TABLE receipt DISABLE TRIGGER USER"))
            for row in (CLIENT.format(true="true"), *ROWS):
                connection.execute(sa.text(row))
            connection.execute(sa.text("ALTER TABLE receipt ENABLE TRIGGER USER"))
        return
    with sqlite3.connect(str(database.url.database)) as file:
        kept = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'receipt'")
        triggers = kept.fetchall()
        for statement in (
            *(f"DROP TRIGGER {name}" for name, _ in triggers),
            *(CLIENT.format(true="1"), *ROWS),
            *(sql for _, sql in triggers),
        ):
            file.execute(statement)
    file.close()


def test_slips_from_before_say_who_took_them_and_stay_so(
    empty_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    def bring_to(target: str) -> None:
        upgrade(empty_database, app_role=None, backup_folder=tmp_path, moment=clock.now(), target=target)

    bring_to("0060")
    put_in(empty_database)
    bring_to("head")
    with empty_database.reading() as connection:
        found = connection.execute(sa.text("SELECT serial, channel FROM receipt ORDER BY serial")).all()
        columns = [one["name"] for one in sa.inspect(connection).get_columns("receipt")]
        checks = {str(one["name"]): one["sqltext"] for one in sa.inspect(connection).get_check_constraints("receipt")}
    assert [tuple(one) for one in found] == [(1, "online"), (2, "window"), (3, "window")]
    assert columns[-1] == "channel"
    assert "bedside" in checks["ck_receipt__channel"]
    assert "again" in checks["ck_receipt__ck_receipt__kind"]
    for change in ("channel = 'bedside'", "kind = 'again'"):
        with pytest.raises(sa.exc.DBAPIError, match="append_only: receipt"), empty_database.writing() as connection:
            connection.execute(sa.text(f"UPDATE receipt SET {change}"))
