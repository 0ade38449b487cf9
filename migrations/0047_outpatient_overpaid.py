"""What the bank paid once too often is owed by its payee, what it may have paid holds the whole account, and a refund
goes again by another person than who sent it last."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "outpatient_overpayment"
# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = ("outpatient_payout_held", "outpatient_payout_walk")
# With an attempt that waits: one of an ended refund only does where somebody decided that the bank had paid it.
_ENDED: Final = "(OLD.state = 'withdrawn' OR OLD.state = 'rejected') AND NEW.state = 'sent'"
_REMITTED: Final = (
    "EXISTS (SELECT 1 FROM outpatient_account a WHERE a.institution_id = NEW.institution_id"
    " AND a.account_no = NEW.account_no AND a.state = 'remitted')"
)
# What came back after the treasury gave it is owed whoever comes for it: an heir takes the refund over, from the start.
_ANEW: Final = "OLD.state IN ('failed', 'accepted', 'reviewed', 'confirmed') AND NEW.state = 'accepted'"
_OWED: Final = (
    "coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = NEW.institution_id"
    " AND a.account_id = '2307:refund:' || NEW.claim_id), 0) = NEW.amount_fen"
)
_BARE: Final = (
    f"    OR ({_ANEW} AND NOT (NEW.reviewed_by IS NULL AND NEW.confirmed_by IS NULL AND NEW.paid_by IS NULL"
    f" AND {_OWED}))\n"
)
# A few words more in what 0045 changed of earlier migrations: the name, and the words before and now.
CHANGED: Final[dict[str, dict[str, tuple[tuple[str, str], ...]]]] = {
    "postgresql": {
        "outpatient_entry_stands": (
            (
                "    ELSE ARRAY[]::text[] END;",
                "    WHEN 'outpatient_overpaid' THEN ARRAY['1218:overpaid', '1002', '1021']\n"
                "    WHEN 'outpatient_overpaid_back' THEN ARRAY['1218:overpaid', '1001', '1002', '1021']\n"
                "    ELSE ARRAY[]::text[] END;",
            ),
            (
                "        WHEN l.account_id LIKE '2307:refund:%' THEN '2307:refund' ELSE",
                "        WHEN l.account_id LIKE '2307:refund:%' THEN '2307:refund'\n"
                "        WHEN l.account_id LIKE '1218:overpaid:%' THEN '1218:overpaid' ELSE",
            ),
        ),
        "outpatient_claim_walk": (
            (
                "('failed', 'withdrawn'), ('arrived', 'failed'))) IS NOT TRUE\n",
                "('failed', 'withdrawn'), ('arrived', 'failed'), ('withdrawn', 'sent'),\n"
                f"        ('rejected', 'sent'), ('failed', 'accepted'), ('accepted', 'accepted'),\n"
                f"        ('reviewed', 'accepted'), ('confirmed', 'accepted'))) IS NOT TRUE\n{_BARE}",
            ),
            (
                "    OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)",
                f"    OR (NEW.remitted IS DISTINCT FROM OLD.remitted AND NOT ({_ENDED} AND NEW.remitted"
                f" AND {_REMITTED}))\n"
                f"    OR (to_jsonb(NEW) - free - CASE WHEN {_ANEW} THEN ARRAY['claimant', 'claimant_name', 'card_lost',"
                " 'taken_at', 'decision_id',\n        'accepted_by', 'accepted_at'] ELSE ARRAY['remitted'] END)"
                f" <> (to_jsonb(OLD) - free - CASE WHEN {_ANEW}\n        THEN ARRAY['claimant', 'claimant_name',"
                " 'card_lost', 'taken_at', 'decision_id', 'accepted_by', 'accepted_at']\n"
                "        ELSE ARRAY['remitted'] END)",
            ),
            (
                "    OR ((OLD.state <> 'failed' OR NEW.state <> 'reviewed') AND (NEW.route,",
                f"    OR ((OLD.state <> 'failed' OR NEW.state <> 'reviewed') AND NOT ({_ANEW}) AND (NEW.route,",
            ),
            (
                "    OR (OLD.reviewed_by IS NOT NULL AND NEW.state <> 'reviewed' AND",
                "    OR (OLD.reviewed_by IS NOT NULL AND NEW.state NOT IN ('reviewed', 'accepted') AND",
            ),
            (
                "    OR (OLD.confirmed_by IS NOT NULL AND NEW.state <> 'reviewed'\n",
                "    OR (OLD.confirmed_by IS NOT NULL AND NEW.state NOT IN ('reviewed', 'accepted')\n",
            ),
        ),
    },
    "sqlite": {
        "outpatient_entry_stands": (
            (
                "        ELSE 0 END)\n",
                "        WHEN NEW.kind IN ('outpatient_overpaid', 'outpatient_overpaid_back')\n"
                "          THEN a.subject IN ('1001', '1002', '1021')"
                " OR substr(a.account_id, 1, 14) = '1218:overpaid:'\n"
                "        ELSE 0 END)\n",
            ),
        ),
        "outpatient_claim_walk": (
            (
                "      OR (OLD.state = 'arrived' AND NEW.state IN ('failed')))",
                f"      OR (OLD.state = 'arrived' AND NEW.state IN ('failed'))\n      OR ({_ENDED}) OR ({_ANEW}))\n"
                f"{_BARE.rstrip()}",
            ),
            (
                "      NEW.amount_fen IS NOT OLD.amount_fen OR NEW.claimant IS NOT OLD.claimant",
                f"      NEW.amount_fen IS NOT OLD.amount_fen OR (NOT ({_ANEW}) AND (NEW.claimant IS NOT OLD.claimant",
            ),
            (
                "NEW.accepted_at IS\n      NOT OLD.accepted_at\n",
                "NEW.accepted_at IS\n      NOT OLD.accepted_at))\n",
            ),
            (
                "    OR ((OLD.state <> 'failed' OR NEW.state <> 'reviewed') AND (NEW.route",
                f"    OR ((OLD.state <> 'failed' OR NEW.state <> 'reviewed') AND NOT ({_ANEW}) AND (NEW.route",
            ),
            (
                "    OR (OLD.reviewed_by IS NOT NULL AND NEW.state <> 'reviewed' AND",
                "    OR (OLD.reviewed_by IS NOT NULL AND NEW.state NOT IN ('reviewed', 'accepted') AND",
            ),
            (
                "    OR (OLD.confirmed_by IS NOT NULL AND NEW.state <> 'reviewed' AND",
                "    OR (OLD.confirmed_by IS NOT NULL AND NEW.state NOT IN ('reviewed', 'accepted') AND",
            ),
            (
                " OR NEW.remitted IS NOT OLD.remitted OR",
                f" OR (NEW.remitted IS NOT OLD.remitted AND NOT ({_ENDED} AND NEW.remitted AND {_REMITTED})) OR",
            ),
        ),
    },
}


def upgrade() -> None:
    """The table and the columns, then what each database refuses by itself, from the file beside this one."""
    _overpayments()
    _columns()
    dialect = op.get_bind().dialect.name
    here = Path(__file__).parent
    before = runpy.run_path(str(here / "0045_outpatient_bounced.py"))
    texts = {name: (file, words) for file, name, words in before["CHANGED"][dialect]}
    text = (here / f"0047_outpatient_overpaid_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for name, more in CHANGED[dialect].items():
            file, words = texts[name]
            pattern = rf"CREATE (?:OR REPLACE )?FUNCTION {name}\(.*?\nEND \$\$;"
            _run(_changed(before, file, pattern, words, more))
        return
    order = list(_entry_triggers())
    later = order[order.index("outpatient_entry_stands") + 1 :]
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for_sqlite = runpy.run_path(str(here / "0038_outpatient_slips.py"))["_for_sqlite"]
    for name, more in CHANGED[dialect].items():
        file, words = texts[name]
        _run(f"DROP TRIGGER {name}")
        _run(for_sqlite(_changed(before, file, rf"CREATE TRIGGER {name} .*?\nEND;", words, more)))
    # Of an entry that is wrong twice the same trigger speaks first as before: SQLite asks the newest one first.
    for name in later:
        text = _entry_triggers()[name]
        _run(f"DROP TRIGGER {name}")
        _run(text)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _changed(before: dict[str, Any], file: str, pattern: str, words: Any, more: tuple[tuple[str, str], ...]) -> str:
    text: str = before["_changed"](file, pattern, words)
    for was, now in more:
        assert text.count(was) == 1, was
        text = text.replace(was, now)
    return text


def _entry_triggers() -> dict[str, str]:
    """SQLite's triggers on the books' headers, the oldest first."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entry' ORDER BY rowid"
    return {str(row[0]): str(row[1]) for row in op.get_bind().exec_driver_sql(query)}


def _overpayments() -> None:
    own = ["institution_id", "claim_id", "attempt_no"]
    op.create_table(
        TABLE,
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("attempt_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("way", sa.String(length=4), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("slip_key", sa.Text(), server_default="", nullable=False),
        sa.Column("recovered_by", sa.String(length=40), nullable=True),
        sa.Column("recovered_at", MOMENT, nullable=True),
        sa.Column("back_entry_no", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f(f"ck_{TABLE}__amount_above_zero")),
        sa.CheckConstraint("state IN ('owed', 'recovered')", name=op.f(f"ck_{TABLE}__state")),
        sa.CheckConstraint("way IN ('', 'cash', 'bank')", name=op.f(f"ck_{TABLE}__way")),
        sa.ForeignKeyConstraint(own, [f"outpatient_payout.{one}" for one in own], name=f"fk_{TABLE}__attempt"),
        sa.PrimaryKeyConstraint(*own, name=op.f(f"pk_{TABLE}")),
    )
    where = sa.text("slip_key <> ''")
    own = ["institution_id", "slip_key"]
    op.create_index(f"uq_{TABLE}__slip", TABLE, own, unique=True, sqlite_where=where, postgresql_where=where)


def _columns() -> None:
    """The bank's slip of a payment that came back, and its words where it says otherwise than before."""
    empty: dict[str, Any] = {"server_default": "", "nullable": False}
    op.add_column("outpatient_payout", sa.Column("return_reference", sa.Text(), **empty))
    op.add_column("outpatient_payout", sa.Column("return_key", sa.Text(), **empty))
    op.add_column("outpatient_contradiction", sa.Column("words", sa.Text(), **empty))
    where = sa.text("return_key <> ''")
    own = ["institution_id", "return_key"]
    name = "uq_outpatient_payout__return"
    op.create_index(name, "outpatient_payout", own, unique=True, sqlite_where=where, postgresql_where=where)


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)
