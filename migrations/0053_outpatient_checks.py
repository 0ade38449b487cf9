"""What a census took in that doesn't look right is kept with it, a second refund after a correction stands out, and
nobody agrees to a holder's correction unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

from hospital_prepay.persistence.chains import as_chains

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

_CHECK = "ck_outpatient_alarm__kind"
_BEFORE: Final = (
    "kind IN ('beyond', 'owner', 'unproven', 'same_card', 'staff_card', 'staff_name', 'hours', 'many', 'pair')"
)
_NOW: Final = _BEFORE.replace("('", "('again', '", 1)


def upgrade() -> None:
    """The column and the kind of alarm, then what each database refuses by itself, from the file beside this one."""
    dialect = op.get_bind().dialect.name
    op.add_column("outpatient_import", sa.Column("doubts", sa.Text(), nullable=False, server_default="[]"))
    _alarm_again(dialect)
    text = (Path(__file__).parent / f"0053_outpatient_checks_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        _run(text)
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _alarm_again(dialect: str) -> None:
    """One kind of alarm more; whatever was noted stays as it stands."""
    bind = op.get_bind()
    if dialect == "postgresql":
        op.drop_constraint(op.f(_CHECK), "outpatient_alarm", type_="check")
        op.create_check_constraint(op.f(_CHECK), "outpatient_alarm", _NOW)
        return
    # SQLite changes no check in its place: as in 0045.
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
