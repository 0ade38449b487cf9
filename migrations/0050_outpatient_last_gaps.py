"""Nobody opens an account beside what the program uses of 2103 and 2307, a slip is compared without the word "No.", and
what was paid too often comes back with its row."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

# Made anew on SQLite, which replaces no trigger in its place.
REPLACED: Final = ("outpatient_owed_opens", "outpatient_claim_paper_slip", "outpatient_overpayment_walk")
PAPER: Final = "outpatient_claim_paper"
_SLIP: Final = "0048_outpatient_holders_{}.sql"
_KEY: Final = "group_concat(p.plain, '')"
# The key without any "NO" that stands before its digits; what is left of the key decides whether there were any.
_BARE: Final = (
    f"CASE WHEN ltrim({_KEY}, 'NO') GLOB '[0-9]*' AND replace(substr({_KEY}, 1, length({_KEY})"
    f" - length(ltrim({_KEY}, 'NO'))), 'NO', '') = '' THEN ltrim({_KEY}, 'NO') ELSE {_KEY} END"
)


def upgrade() -> None:
    """Slips of before are told their keys anew, then what each database refuses by itself, from the file beside this
    one."""
    dialect = op.get_bind().dialect.name
    here = Path(__file__).parent
    text = (here / f"0050_outpatient_last_gaps_{dialect}.sql").read_text("utf-8")
    changed = runpy.run_path(str(here / "0045_outpatient_bounced.py"))["_changed"]
    if dialect == "postgresql":
        _run(text)
        pattern = r"CREATE FUNCTION outpatient_claim_paper_slip\(.*?\nEND \$\$;"
        words = (("fund_plain_slip(NEW.reference)", "outpatient_plain_slip(NEW.reference)"),)
        _run(changed(_SLIP.format(dialect), pattern, words))
        _run(f"ALTER TABLE {PAPER} DISABLE TRIGGER USER")
        _tell()
        _run(f"ALTER TABLE {PAPER} ENABLE TRIGGER USER")
        return
    for name in REPLACED:
        _run(f"DROP TRIGGER {name}")
    for statement in (part.strip() + "\nEND;" for part in text.split("\nEND;") if "CREATE" in part):
        _run(statement)
    _run(_slips_on_sqlite(here, changed))
    kept = _triggers(PAPER)
    for name in kept:
        _run(f"DROP TRIGGER {name}")
    _tell()
    for trigger in kept.values():
        _run(trigger)


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _slips_on_sqlite(here: Path, changed: Any) -> str:
    text = changed(_SLIP.format("sqlite"), r"CREATE TRIGGER outpatient_claim_paper_slip .*?\nEND;", ())
    text = runpy.run_path(str(here / "0038_outpatient_slips.py"))["_for_sqlite"](text)
    assert text.count(_KEY) == 1
    return str(text.replace(_KEY, _BARE))


def _tell() -> None:
    """Rows are never changed, and are told their keys all the same."""
    names = ("institution_id", "claim_id", "paper_no", "slip_key")
    paper = sa.table(PAPER, *(sa.column(name) for name in names))
    where = paper.c.slip_key.like("NO%")
    for row in op.get_bind().execute(sa.select(paper).where(where)).all():
        key = re.sub("^(?:NO)+(?=[0-9])", "", row.slip_key)
        own = [paper.c[name] == getattr(row, name) for name in names[:3]]
        op.get_bind().execute(sa.update(paper).where(*own).values(slip_key=key))


def _triggers(table: str) -> dict[str, str]:
    """SQLite's triggers of a table, the oldest first."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' ORDER BY rowid"
    return {str(row[0]): str(row[1]) for row in op.get_bind().exec_driver_sql(query)}


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)
