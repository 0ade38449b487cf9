"""An import is told once what its file held, so that accounts can be stored while the file is read; an entry of opening
balances isn't searched for what its kind rules out; and no index stands in the way of a balance that moves.

PostgreSQL writes a row's new version beside the old one, without touching an index, as long as no index names what
changed: not in its condition either."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

_OWED: Final = "ix_ledger_account__owed"
_FUND: Final = (
    "EXISTS (\n  SELECT 1 FROM ledger_posting l WHERE",
    "NEW.kind <> 'outpatient_opening' AND EXISTS (\n  SELECT 1 FROM ledger_posting l WHERE",
)
_LINES: Final = (
    "WHERE EXISTS (SELECT 1 FROM ledger_posting l\n",
    "WHERE NEW.kind <> 'outpatient_opening' AND EXISTS (SELECT 1 FROM ledger_posting l\n",
)
_OPENING: Final = """        WHEN NEW.kind = 'outpatient_opening' THEN EXISTS (
          SELECT 1 FROM outpatient_account o JOIN ledger_account a ON a.institution_id = o.institution_id
          WHERE o.institution_id = NEW.institution_id
            AND o.account_no = substr(l.account_id, instr(l.account_id, ':') + 1) AND o.opening_fen = l.credit_fen
            AND o.import_no = (SELECT i.import_no FROM outpatient_import i
              WHERE i.institution_id = NEW.institution_id AND i.state = 'confirmed'
                AND 'outpatient_import:' || i.import_no = NEW.source)
            AND a.account_id = l.account_id AND a.balance_fen = l.credit_fen)
"""
_CASE: Final = "AND NOT (instr(l.account_id, ':') > 0 AND CASE\n"
# What an entry of opening balances can't have is asked of no other trigger than outpatient_entry_stands: a line with a
# fund, or on another account than 1002 and those of outpatients.
_ENTRIES: Final = {
    "outpatient_entry_stands": (
        (
            "NOT (NEW.kind = 'outpatient_opening' AND (\n",
            "NOT (NEW.kind = 'outpatient_opening' AND l.fund = '' AND (\n",
        ),
        (
            "        AND EXISTS (SELECT 1 FROM ledger_account a\n      WHERE a.institution_id = l.institution_id AND"
            " a.account_id = l.account_id AND NOT CASE\n",
            "        AND EXISTS (SELECT 1 FROM ledger_account a\n      WHERE a.institution_id = l.institution_id AND"
            " a.account_id = l.account_id AND NOT CASE\n        WHEN NEW.kind = 'outpatient_opening' AND l.fund <> ''"
            " THEN 0\n",
        ),
    ),
    "ledger_entry_fund_falls": (_FUND,),
    "ledger_entry_restricted": (_FUND,),
    "ledger_entry_fund_sources": (_FUND,),
    "ledger_entry_after_its_slip": (_FUND,),
    "ledger_entry_fund_offset": (_FUND,),
    "ledger_entry_claim_is_named": (
        (
            "WHEN NEW.kind <> 'fund_claim_repaid'",
            "WHEN NEW.kind <> 'outpatient_opening' AND NEW.kind <> 'fund_claim_repaid'",
        ),
    ),
    "ledger_entry_fund_rises": (("WHEN NOT EXISTS (", "WHEN NEW.kind <> 'outpatient_opening' AND NOT EXISTS ("),),
    "outpatient_owed_stands": (_LINES,),
    "outpatient_overpaid_stands": (_LINES,),
    # The case that comes a million times is the first; a line with a debit never was an opening's.
    "outpatient_lines_stand": (
        (_OPENING, ""),
        (
            _CASE,
            _CASE
            + _OPENING.replace(
                "WHEN NEW.kind = 'outpatient_opening'", "WHEN NEW.kind = 'outpatient_opening' AND l.debit_fen = 0"
            ),
        ),
        (
            "WHERE EXISTS (\n    SELECT 1 FROM ledger_posting l\n    WHERE l.institution_id = NEW.institution_id"
            " AND l.entry_no = NEW.entry_no\n      AND ((l.account_id = '2103'",
            "WHERE NEW.kind <> 'outpatient_opening' AND EXISTS (\n    SELECT 1 FROM ledger_posting l\n    WHERE"
            " l.institution_id = NEW.institution_id AND l.entry_no = NEW.entry_no\n      AND ((l.account_id = '2103'",
        ),
    ),
}
_WALK: Final = (
    (
        "NOT ((OLD.state = 'counted' AND NEW.state IN ('confirmed', 'dropped'))\n",
        "NOT ((OLD.state = 'counted' AND NEW.state IN ('confirmed', 'dropped'))\n"
        "      OR (OLD.state = 'counted' AND NEW.state = 'counted' AND OLD.accepted = 0 AND NEW.accepted > 0\n"
        "        AND NEW.decided_by IS NULL AND NEW.decided_at IS NULL AND NEW.booked_at IS NULL)\n",
    ),
    (
        "      NEW.accepted IS NOT OLD.accepted OR NEW.rejected IS NOT OLD.rejected OR NEW.total_fen IS NOT OLD.total_fen\n",
        "      (NEW.state IS NOT 'counted' AND (NEW.accepted IS NOT OLD.accepted OR NEW.rejected IS NOT OLD.rejected"
        " OR NEW.total_fen IS NOT OLD.total_fen))\n",
    ),
)
_DOUBTS: Final = (
    ("WHEN NEW.doubts IS NOT OLD.doubts", "WHEN NEW.doubts IS NOT OLD.doubts AND NEW.state <> 'counted'"),
)


def upgrade() -> None:
    """Each trigger keeps its place among those of its table."""
    op.drop_index(_OWED, "ledger_account")
    where = sa.text("subject = '12120203'")
    op.create_index(
        _OWED, "ledger_account", ["institution_id", "account_id"], sqlite_where=where, postgresql_where=where
    )
    if op.get_bind().dialect.name == "postgresql":
        _run((Path(__file__).parent / "0064_census_as_it_is_read_postgresql.sql").read_text("utf-8"))
        return
    _restate("ledger_entry", {name: _changed(name, *words) for name, words in _ENTRIES.items()})
    imports = {"outpatient_import_walk": _WALK, "outpatient_import_doubts": _DOUBTS}
    _restate("outpatient_import", {name: _changed(name, *words) for name, words in imports.items()})


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _changed(name: str, *words: tuple[str, str]) -> str:
    """The stored text of a trigger with some of its words changed, each of them found once and free of lists, which an
    upgrade before this one may have stored as chains (ADR 14)."""
    query = f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = '{name}'"
    text = str(op.get_bind().exec_driver_sql(query).scalar_one())
    for before, now in words:
        assert text.count(before) == 1, name
        text = text.replace(before, now)
    return text


def _restate(table: str, texts: dict[str, str]) -> None:
    """Some triggers of a table anew. All are made again in their order: of a row that is wrong twice the same one
    speaks as before."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' ORDER BY rowid"
    stored = [(str(row[0]), str(row[1])) for row in op.get_bind().exec_driver_sql(query)]
    for name, _ in stored:
        _run(f"DROP TRIGGER {name}")
    for name, text in stored:
        _run(texts.get(name, text))


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)
