"""Money that comes back after the treasury gave it is owed to its patient, what the bank contradicts waits for a
person, what goes beyond the books has its ground, and a list of advances says what stands on it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

from hospital_prepay.persistence.chains import as_chains

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "outpatient_contradiction"
_CHECK = "ck_outpatient_alarm__kind"
_BEFORE = "kind IN ('owner', 'unproven', 'same_card', 'staff_card', 'staff_name', 'hours', 'many', 'pair')"
_NOW = _BEFORE.replace("('", "('beyond', '", 1)
# Made anew on SQLite, which replaces no trigger in its place.
REPLACED = (
    "outpatient_payment_stands",
    "outpatient_claim_is_not_paid",
    "outpatient_payout_walk",
    "outpatient_advance_list_bare",
)
_OWED: Final = (
    "coalesce((SELECT a.balance_fen FROM ledger_account a WHERE a.institution_id = NEW.institution_id"
    " AND a.account_id = '2307:refund:' || NEW.claim_id), 0)"
)
_AFTER_ALL: Final = (
    "EXISTS (SELECT 1 FROM outpatient_contradiction o WHERE o.institution_id = p.institution_id"
    " AND o.claim_id = p.claim_id AND o.attempt_no = p.attempt_no AND o.told = 'arrived' AND o.decision = 'paid')"
)
# What earlier migrations made, in which a few words change: the file, the name, the words before and now.
CHANGED: Final[dict[str, tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]]] = {
    "postgresql": (
        (
            "0039_outpatient_bulk_postgresql.sql",
            "outpatient_entry_stands",
            (
                (
                    "    ELSE ARRAY[]::text[] END;",
                    "    WHEN 'outpatient_owed' THEN ARRAY['2307:refund', '1001', '1002', '1021']\n"
                    "    WHEN 'outpatient_repaid' THEN ARRAY['2307:refund', '1001', '1002', '1021']\n"
                    "    ELSE ARRAY[]::text[] END;",
                ),
                (
                    "CASE WHEN l.account_id LIKE '1218:advance:%' THEN '1218:advance' ELSE",
                    "CASE WHEN l.account_id LIKE '1218:advance:%' THEN '1218:advance'\n"
                    "        WHEN l.account_id LIKE '2307:refund:%' THEN '2307:refund' ELSE",
                ),
            ),
        ),
        (
            "0023_outpatient_postgresql.sql",
            "outpatient_claim_walk",
            (
                ("RETURNS trigger LANGUAGE plpgsql\n", "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"),
                ("        AND p.route = NEW.route AND", f"        AND (p.route = NEW.route OR {_AFTER_ALL}) AND"),
                (
                    "    OR (NEW.state = 'arrived' AND 1 <>",
                    "    OR (NEW.state = 'arrived' AND outpatient_owed_fen(NEW.institution_id, NEW.claim_id) <> 0)\n"
                    "    OR (NEW.state = 'arrived' AND 1 <>",
                ),
                (
                    "    OR (OLD.state = 'arrived' AND EXISTS",
                    "    OR (OLD.state = 'arrived' AND outpatient_owed_fen(NEW.institution_id, NEW.claim_id)"
                    " <> NEW.amount_fen AND EXISTS",
                ),
            ),
        ),
        (
            "0043_outpatient_ties_postgresql.sql",
            "outpatient_advance_list_walk",
            (
                (
                    "    IF (NEW.state = 'made' AND num_nonnulls",
                    "    IF (NEW.state = 'made' AND NEW.claims = 0 AND NEW.total_fen = 0 AND num_nonnulls",
                ),
                ("OR NEW.claims >= OLD.claims))", "OR (NEW.claims >= OLD.claims AND OLD.claims > 0)))"),
            ),
        ),
    ),
    "sqlite": (
        (
            "0023_outpatient_sqlite.sql",
            "outpatient_entry_stands",
            (
                (
                    "        ELSE 0 END)\n",
                    "        WHEN NEW.kind IN ('outpatient_owed', 'outpatient_repaid')\n"
                    "          THEN a.subject IN ('1001', '1002', '1021')"
                    " OR substr(a.account_id, 1, 12) = '2307:refund:'\n"
                    "        ELSE 0 END)\n",
                ),
            ),
        ),
        (
            "0023_outpatient_sqlite.sql",
            "outpatient_claim_walk",
            (
                ("        AND p.route = NEW.route AND", f"        AND (p.route = NEW.route OR {_AFTER_ALL}) AND"),
                (
                    "    OR (NEW.state = 'arrived' AND (SELECT",
                    f"    OR (NEW.state = 'arrived' AND {_OWED} <> 0)\n    OR (NEW.state = 'arrived' AND (SELECT",
                ),
                (
                    "    OR (OLD.state = 'arrived' AND (SELECT",
                    f"    OR (OLD.state = 'arrived' AND {_OWED} <> NEW.amount_fen AND (SELECT",
                ),
            ),
        ),
        (
            "0043_outpatient_ties_sqlite.sql",
            "outpatient_advance_list_walk",
            (("(NEW.claims >= OLD.claims OR", "((NEW.claims >= OLD.claims AND OLD.claims > 0) OR"),),
        ),
    ),
}


def upgrade() -> None:
    """The table and the kind of alarm, then what each database refuses by itself, from the file beside this one."""
    _contradictions()
    _alarm_beyond()
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0045_outpatient_bounced_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        for file, name, words in CHANGED[dialect]:
            _run(_changed(file, rf"CREATE (?:OR REPLACE )?FUNCTION {name}\(.*?\nEND \$\$;", words))
        return
    order = list(_entry_triggers())
    later = [name for name in order[order.index("outpatient_entry_stands") + 1 :] if name not in REPLACED]
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    for_sqlite = runpy.run_path(str(Path(__file__).parent / "0038_outpatient_slips.py"))["_for_sqlite"]
    for file, name, words in CHANGED[dialect]:
        _run(f"DROP TRIGGER {name}")
        _run(for_sqlite(_changed(file, rf"CREATE TRIGGER {name} .*?\nEND;", words)))
    # Of an entry that is wrong twice the same trigger speaks first as before: SQLite asks the newest one first.
    for name in later:
        text = _entry_triggers()[name]
        _run(f"DROP TRIGGER {name}")
        _run(text)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _entry_triggers() -> dict[str, str]:
    """SQLite's triggers on the books' headers, the oldest first."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entry' ORDER BY rowid"
    return {str(row[0]): str(row[1]) for row in op.get_bind().exec_driver_sql(query)}


def _changed(file: str, pattern: str, words: tuple[tuple[str, str], ...]) -> str:
    """A function or trigger of an earlier migration with some of its words changed, each of them found once."""
    found = re.search(pattern, (Path(__file__).parent / file).read_text("utf-8"), re.DOTALL)
    assert found is not None, pattern
    text = re.sub("^CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", found[0])
    for before, now in words:
        assert text.count(before) == 1, before
        text = text.replace(before, now)
    return text


def _contradictions() -> None:
    own = ["institution_id", "claim_id", "attempt_no"]
    op.create_table(
        TABLE,
        sa.Column("institution_id", sa.String(length=12), nullable=False),
        sa.Column("claim_id", sa.String(length=36), nullable=False),
        sa.Column("contradiction_no", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt_no", sa.SmallInteger(), nullable=False),
        sa.Column("told", sa.String(length=8), nullable=False),
        sa.Column("bank_reference", sa.Text(), server_default="", nullable=False),
        sa.Column("raised_by", sa.String(length=40), nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("decision", sa.String(length=8), server_default="", nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("ground", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("told IN ('arrived', 'failed')", name=op.f(f"ck_{TABLE}__told")),
        sa.CheckConstraint("decision IN ('', 'paid', 'unpaid')", name=op.f(f"ck_{TABLE}__decision")),
        sa.CheckConstraint(
            "CASE WHEN decision = '' THEN decided_by IS NULL AND decided_at IS NULL ELSE decided_by IS NOT NULL"
            " AND decided_at IS NOT NULL AND decided_by <> raised_by AND length(trim(ground)) > 0 END",
            name=op.f(f"ck_{TABLE}__decided_by_another"),
        ),
        sa.ForeignKeyConstraint(own, [f"outpatient_payout.{one}" for one in own], name=f"fk_{TABLE}__attempt"),
        sa.PrimaryKeyConstraint("institution_id", "claim_id", "contradiction_no", name=op.f(f"pk_{TABLE}")),
    )
    where = sa.text("decision = ''")
    op.create_index(f"uq_{TABLE}__open", TABLE, own, unique=True, sqlite_where=where, postgresql_where=where)


def _alarm_beyond() -> None:
    """One kind of alarm more; whatever was noted stays as it stands."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint(op.f(_CHECK), "outpatient_alarm", type_="check")
        op.create_check_constraint(op.f(_CHECK), "outpatient_alarm", _NOW)
        return
    # SQLite changes no check in its place: as in 0042.
    kept = "SELECT type, sql FROM sqlite_master WHERE tbl_name = 'outpatient_alarm' AND sql IS NOT NULL"
    parts = [(kind, sql) for kind, sql in bind.exec_driver_sql(kept)]
    (table,) = (sql for kind, sql in parts if kind == "table")
    before = next(said for said in (_BEFORE, as_chains(f"({_BEFORE})")[1:-1]) if said in table)
    bind.exec_driver_sql("CREATE TEMP TABLE noted AS SELECT * FROM outpatient_alarm")
    bind.exec_driver_sql("DROP TABLE outpatient_alarm")
    bind.exec_driver_sql(table.replace(before, _NOW))
    bind.exec_driver_sql("INSERT INTO outpatient_alarm SELECT * FROM noted")
    bind.exec_driver_sql("DROP TABLE noted")
    for kind, sql in parts:
        if kind != "table":
            bind.exec_driver_sql(sql)


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)
