"""An alarm may say that nothing on record but a slip or a phone ties a claim to its account."""

from __future__ import annotations

from alembic import op

from hospital_prepay.persistence.chains import as_chains

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_CHECK = "ck_outpatient_alarm__kind"
_BEFORE = "kind IN ('same_card', 'staff_card', 'staff_name', 'hours', 'many', 'pair')"
_NOW = _BEFORE.replace("('", "('unproven', '", 1)


def upgrade() -> None:
    """One kind more; whatever was noted stays as it stands."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(_CHECK), "outpatient_alarm", type_="check")
        op.create_check_constraint(op.f(_CHECK), "outpatient_alarm", _NOW)
        return
    _rebuild()


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _rebuild() -> None:
    """SQLite changes no check in its place: the table is made anew with its rows, index and triggers. No row of another
    table points at it."""
    bind = op.get_bind()
    kept = "SELECT type, sql FROM sqlite_master WHERE tbl_name = 'outpatient_alarm' AND sql IS NOT NULL"
    parts = [(kind, sql) for kind, sql in bind.exec_driver_sql(kept)]
    (table,) = (sql for kind, sql in parts if kind == "table")
    # A file whose last upgrade ended before this one has the list as a chain (ADR 14).
    before = next(said for said in (_BEFORE, as_chains(f"({_BEFORE})")[1:-1]) if said in table)
    bind.exec_driver_sql("CREATE TEMP TABLE noted AS SELECT * FROM outpatient_alarm")
    bind.exec_driver_sql("DROP TABLE outpatient_alarm")
    bind.exec_driver_sql(table.replace(before, _NOW))
    bind.exec_driver_sql("INSERT INTO outpatient_alarm SELECT * FROM noted")
    bind.exec_driver_sql("DROP TABLE noted")
    for kind, sql in parts:
        if kind != "table":
            bind.exec_driver_sql(sql)
