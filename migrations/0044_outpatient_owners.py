"""A holder's name, certificate number or phone is corrected by two people, and by nothing else; a miscount that is
turned down says why."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from hospital_prepay.persistence.chains import as_chains

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
TABLE = "outpatient_owner_change"
WALK = "outpatient_account_walk"
# What an account's walk held to be fixed for ever, in both tongues; from now on a trigger of its own looks at it.
FIXED = {
    "sqlite": ("    OR NEW.holder_name IS NOT OLD.holder_name OR NEW.certno_hash IS NOT OLD.certno_hash\n",),
    "postgresql": (
        " NEW.holder_name, NEW.certno_hash,\n     ",
        " OLD.holder_name, OLD.certno_hash,",
    ),
}
_KIND = "ck_outpatient_alarm__kind"
_BEFORE = "kind IN ('unproven', 'same_card', 'staff_card', 'staff_name', 'hours', 'many', 'pair')"
_NOW = _BEFORE.replace("('", "('owner', '", 1)


def upgrade() -> None:
    """The table and the new column first, then what each database refuses by itself, from the file beside this one."""
    _owner_change()
    op.add_column("outpatient_correction", sa.Column("answer", sa.Text(), nullable=False, server_default=""))
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0044_outpatient_owners_{dialect}.sql").read_text("utf-8")
    if dialect == "postgresql":
        op.drop_constraint(op.f(_KIND), "outpatient_alarm", type_="check")
        op.create_check_constraint(op.f(_KIND), "outpatient_alarm", _NOW)
        (walk,) = op.get_bind().exec_driver_sql(f"SELECT pg_get_functiondef('{WALK}'::regproc)").scalars()
        _run(_unfixed(walk, dialect))
        _run(text)
        _run(
            f"CREATE TRIGGER {TABLE}_is_kept BEFORE DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    _more_alarms()
    (walk,) = op.get_bind().exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{WALK}'").scalars()
    for name in (WALK, "outpatient_correction_walk"):
        _run(f"DROP TRIGGER {name}")
    _run(_unfixed(walk, dialect))
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    _run(
        f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} BEGIN "
        f"SELECT RAISE(ABORT, 'append_only: {TABLE}'); END"
    )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)


def _unfixed(walk: str, dialect: str) -> str:
    """The walk without the columns that may be corrected now; all else of it stands as it stood."""
    for part in FIXED[dialect]:
        assert walk.count(part) == 1, part
        walk = walk.replace(part, "")
    return walk


def _more_alarms() -> None:
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


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length) if length else sa.Text(), nullable=False)


def _owner_change() -> None:
    op.create_table(
        TABLE,
        _text("institution_id", 12),
        sa.Column("change_no", sa.Integer(), autoincrement=False, nullable=False),
        _text("account_no", 40),
        _text("old_name"),
        _text("new_name"),
        _text("old_personal"),
        _text("new_personal"),
        _text("old_certno_hash", 100),
        _text("new_certno_hash", 100),
        _text("old_phone_hash", 100),
        _text("new_phone_hash", 100),
        _text("old_reach", 8),
        _text("new_reach", 8),
        _text("ground"),
        _text("paper"),
        _text("state", 9),
        _text("asked_by", 40),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=40)),
        sa.Column("decided_at", MOMENT),
        sa.Column("answer", sa.Text(), nullable=False, server_default=""),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name=op.f(f"ck_{TABLE}__state")),
        sa.CheckConstraint(
            "(new_name <> old_name OR new_certno_hash <> old_certno_hash OR new_phone_hash <> old_phone_hash)"
            " AND length(trim(ground)) > 0 AND length(paper) > 0",
            name=op.f(f"ck_{TABLE}__a_change_with_its_ground"),
        ),
        sa.CheckConstraint(
            "state = 'asked' OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND decided_by <> asked_by)",
            name=op.f(f"ck_{TABLE}__second_person"),
        ),
        sa.CheckConstraint(
            "state <> 'rejected' OR length(trim(answer)) > 0", name=op.f(f"ck_{TABLE}__turned_down_with_why")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id", "account_no"],
            ["outpatient_account.institution_id", "outpatient_account.account_no"],
            name=op.f(f"fk_{TABLE}__outpatient_account"),
        ),
        sa.PrimaryKeyConstraint("institution_id", "change_no", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(f"ix_{TABLE}__account", TABLE, ["institution_id", "account_no", "change_no"])
    op.create_index(
        f"uq_{TABLE}__asked",
        TABLE,
        ["institution_id", "account_no"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
