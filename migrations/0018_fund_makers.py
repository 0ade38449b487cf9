"""What the database holds of the restricted fund beside its books: who made a row, and that nothing runs twice or late."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Whose name each row begins with. What files bring in and what the scheduler keeps are nobody's step.
MAKERS = {
    "fund_application": "applied_by",
    "fund_application_evidence": "recorded_by",
    "fund_bank_evidence": "recorded_by",
    "fund_counted": "said_by",
    "fund_disclosure": "recorded_by",
    "fund_distribution": "asked_by",
    "fund_distribution_return": "recorded_by",
    "fund_distribution_use": "recorded_by",
    "fund_duty_closure": "recorded_by",
    "fund_emergency": "recorded_by",
    "fund_evidence": "recorded_by",
    "fund_grant": "applied_by",
    "fund_incident": "recorded_by",
    "fund_match": "made_by",
    "fund_module_step": "recorded_by",
    "fund_month": "recorded_by",
    "fund_period_step": "taken_by",
    "fund_place": "proposed_by",
    "fund_procurement": "recorded_by",
    "fund_recall": "recorded_by",
    "fund_request": "asked_by",
    "fund_settlement": "recorded_by",
    "fund_write_off": "recorded_by",
}
# Another system may ask for a payment, too: the interface lets it.
BY_SYSTEMS = ("fund_request",)


def upgrade() -> None:
    """The triggers of each database, from the file beside this one."""
    offsets = sa.text("kind = 'fund_offset'")
    op.create_index(
        "ix_ledger_entry__fund_offset",
        "ledger_entry",
        ["institution_id", "summary"],
        sqlite_where=offsets,
        postgresql_where=offsets,
    )
    dialect = op.get_bind().dialect.name
    text = (Path(__file__).parent / f"0018_fund_makers_{dialect}.sql").read_text("utf-8")
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    if dialect == "postgresql":
        driver.execute(text)
        for table, column in MAKERS.items():
            driver.execute(
                f"CREATE TRIGGER {table}_by_somebody BEFORE INSERT ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION fund_maker('{column}', '{table in BY_SYSTEMS}')"
            )
        return
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        driver.execute(statement)
    for table, column in MAKERS.items():
        known = [("staff_user", "user_id"), *([("api_client", "client_id")] if table in BY_SYSTEMS else [])]
        missing = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {people} p WHERE p.institution_id = NEW.institution_id "
            f"AND p.{key} = NEW.{column})"
            for people, key in known
        )
        driver.execute(
            f"CREATE TRIGGER {table}_by_somebody BEFORE INSERT ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'maker: {table}') WHERE {missing}; END"
        )


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")
