"""A receipt or a bank's slip of outpatients' refunds is compared without the word before its number, as deposits' slips
are since 0050: "77" and "No.77" are one, and "A77" and "No.A77"."""

from __future__ import annotations

import re
import runpy
import unicodedata
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

# What is compared: the table, its rows in the order in which of two that are alike the first has the number, what was
# typed and its key.
KEYS: Final = (
    ("outpatient_claim_paper", ("claim_id", "paper_no"), "reference", "slip_key"),
    ("outpatient_payout", ("claim_id", "attempt_no"), "bank_reference", "receipt_key"),
    ("outpatient_payout", ("claim_id", "attempt_no"), "return_reference", "return_key"),
    ("outpatient_overpayment", ("claim_id", "attempt_no"), "reference", "slip_key"),
    ("outpatient_advance_list", ("list_no",), "bank_reference", "slip_key"),
    ("outpatient_batch", ("batch_no",), "voucher_no", "voucher_key"),
    ("outpatient_batch", ("batch_no",), "bank_reference", "slip_key"),
)
TABLES: Final = tuple(dict.fromkeys(table for table, *_ in KEYS))
# One slip proves an account in more than one paper; every other number stands once.
_SHARED: Final = "outpatient_claim_paper"
_TYPED: Final = "outpatient_plain_slip(NEW.{})"
_SETTLED: Final = "upper(translate(s.bank_reference, ' -./_', ''))"
_OF_FUND: Final = "(b.reference = {0} OR outpatient_plain_slip(b.as_typed) = {0})"
_OF_SETTLEMENT: Final = f"({_SETTLED} = {{0}} OR outpatient_plain_slip(s.bank_reference) = {{0}})"
# Functions of PostgreSQL in which a few words change, as they stand now: the words before and now, each found once.
CHANGED: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "outpatient_payout_receipt": (("fund_plain_slip(NEW.bank_reference)", _TYPED.format("bank_reference")),),
    "outpatient_payout_walk": (
        (
            "NEW.return_key ~ '^[A-Z0-9]+$'",
            f"NEW.return_key <> '' AND NEW.return_key = {_TYPED}".format("return_reference"),
        ),
    ),
    "outpatient_overpayment_walk": (
        ("NEW.slip_key ~ '^[A-Z0-9]+$'", f"NEW.slip_key <> '' AND NEW.slip_key = {_TYPED}".format("reference")),
    ),
    "outpatient_advance_list_walk": (("fund_plain_slip(NEW.bank_reference)", _TYPED.format("bank_reference")),),
    "outpatient_batch_evidence": (
        ("fund_plain_slip(NEW.voucher_no)", _TYPED.format("voucher_no")),
        ("fund_plain_slip(NEW.bank_reference)", _TYPED.format("bank_reference")),
        ("b.reference = NEW.slip_key", _OF_FUND.format("NEW.slip_key")),
        (f"{_SETTLED} = NEW.slip_key", _OF_SETTLEMENT.format("NEW.slip_key")),
    ),
    "fund_bank_evidence_not_remitted": (
        ("':' || NEW.reference", f"':' || {_TYPED}".format("as_typed")),
        ("b.slip_key = NEW.reference", f"b.slip_key = {_TYPED}".format("as_typed")),
    ),
    "outpatient_slip_is_new": (
        ("to_jsonb(NEW) ->> 'reference'", "outpatient_plain_slip(to_jsonb(NEW) ->> 'as_typed')"),
        ("b.reference = plain", _OF_FUND.format("plain")),
        (f"{_SETTLED} = plain", _OF_SETTLEMENT.format("plain")),
    ),
}
# What NFKC makes one of the signs that part, beside what SQLite can tell by itself: such a number isn't compared there.
PARTING: Final = (
    (168, 175), (890, 901), (8125, 8190), (8215, 8215), (8228, 8230), (8254, 8254), (10868, 10868), (12443, 12444),
    (64606, 64611), (65018, 65019), (65042, 65043), (65049, 65049), (65072, 65072), (65097, 65100), (65106, 65109),
    (65136, 65146), (65377, 65377), (65507, 65507),
)  # fmt: skip


def upgrade() -> None:
    """Numbers of before are told their keys anew; then each database compares them so."""
    if op.get_bind().dialect.name == "postgresql":
        _run((Path(__file__).parent / "0052_outpatient_slip_words_postgresql.sql").read_text("utf-8"))
        for table in TABLES:
            _run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            _tell(table)
            _run(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for name, words in CHANGED.items():
            query = f"SELECT pg_get_functiondef('{name}'::regproc)"
            _run(_changed(str(op.get_bind().exec_driver_sql(query).scalar_one()), words))
        return
    words_of = _words_of_sqlite()
    for table in (*TABLES, "fund_bank_evidence"):
        # All of them, so that they speak in the same order as before.
        kept = _triggers(table)
        for name in kept:
            _run(f"DROP TRIGGER {name}")
        _tell(table)
        for name, text in kept.items():
            _run(_changed(text, words_of.get(name, ())))


def downgrade() -> None:
    """Books are never taken down by a program: restore the backup instead."""
    raise RuntimeError("restore the backup that was made before the migration")


def _words_of_sqlite() -> dict[str, tuple[tuple[str, str], ...]]:
    """The same changes in SQLite's triggers."""
    here = Path(__file__).parent
    for_sqlite = runpy.run_path(str(here / "0038_outpatient_slips.py"))["_for_sqlite"]
    proofs = runpy.run_path(str(here / "0050_outpatient_last_gaps.py"))
    composed = (*runpy.run_path(str(here / "0036_fund_ties.py"))["COMPOSED"], *PARTING)
    signs = " || ".join(f"char({low}) || '-' || char({high})" for low, high in composed)

    def unlike(typed: str, key: str) -> str:
        return f"({typed} NOT GLOB '*[' || {signs} || ']*' AND {key} IS NOT {_slip(typed)})"

    def were(typed: str, key: str) -> tuple[str, str]:
        return for_sqlite(f"UNLIKE({typed}, {key})"), unlike(typed, key)

    paper = ("NEW.reference", "NEW.slip_key")
    whole = "NEW.{} NOT GLOB '*[^A-Z0-9]*'"
    of_fund = "(b.reference = NEW.slip_key OR {} = NEW.slip_key)".format(_slip("b.as_typed"))
    settled = (
        "upper(replace(replace(replace(replace(replace(s.bank_reference, ' ', ''), '-', ''), '.', ''), '/', ''),\n"
        "        '_', '')) = NEW.slip_key"
    )
    used = (
        ("b.reference = NEW.slip_key", of_fund),
        (settled, f"({settled} OR {_slip('s.bank_reference')} = NEW.slip_key)"),
    )
    return {
        "outpatient_claim_paper_slip": (
            (for_sqlite("UNLIKE({}, {})".format(*paper)).replace(proofs["_KEY"], proofs["_BARE"]), unlike(*paper)),
        ),
        "outpatient_payout_receipt": (were("NEW.bank_reference", "NEW.receipt_key"),),
        "outpatient_payout_walk": (
            (
                whole.format("return_key"),
                f"{whole.format('return_key')} AND NOT {unlike('NEW.return_reference', 'NEW.return_key')}",
            ),
        ),
        "outpatient_overpayment_walk": (
            (
                whole.format("slip_key"),
                f"{whole.format('slip_key')} AND NOT {unlike('NEW.reference', 'NEW.slip_key')}",
            ),
        ),
        "outpatient_advance_list_walk": (were("NEW.bank_reference", "NEW.slip_key"), *used),
        "outpatient_batch_evidence": (
            were("NEW.voucher_no", "NEW.voucher_key"),
            were("NEW.bank_reference", "NEW.slip_key"),
            *used,
        ),
        "fund_bank_evidence_not_remitted": (("b.slip_key = NEW.reference", f"b.slip_key = {_slip('NEW.as_typed')}"),),
        "fund_bank_evidence_not_an_advances": (
            ("l.slip_key = NEW.reference", f"l.slip_key = {_slip('NEW.as_typed')}"),
        ),
    }


def _slip(typed: str) -> str:
    """A number as it is compared, of as many signs as one has, as an expression of SQLite: its signs with a dot for
    what parts them, without the words that stand before."""
    eight = ", ".join(f"({one})" for one in range(8))
    parts = "' .:。' || char(160) || char(8192) || '-' || char(8202) || char(8239) || char(8287) || char(12288)"
    return f"""(
      SELECT CASE WHEN q.bare = '' THEN q.whole WHEN ltrim(q.bare, 'NO') GLOB '[0-9]*'
          AND replace(substr(q.bare, 1, length(q.bare) - length(ltrim(q.bare, 'NO'))), 'NO', '') = ''
        THEN ltrim(q.bare, 'NO') ELSE q.bare END FROM (
        SELECT replace(replace(ltrim(replace(w.signs, 'NO.', '*'), '*.'), '*', 'NO'), '.', '') AS bare,
          replace(w.signs, '.', '') AS whole FROM (
          SELECT group_concat(CASE WHEN p.plain GLOB '[A-Z0-9]' THEN p.plain
            WHEN p.plain GLOB '[' || {parts} || ']' THEN '.' ELSE '' END, '') AS signs FROM (
            SELECT upper(CASE WHEN unicode(t.sign) BETWEEN 65281 AND 65374 THEN char(unicode(t.sign) - 65248)
              ELSE t.sign END) AS plain FROM (
              SELECT substr({typed}, eights.column1 * 8 + ones.column1 + 1, 1) AS sign
              FROM (VALUES {eight}) eights, (VALUES {eight}) ones ORDER BY eights.column1, ones.column1) t) p) w) q)"""


def _changed(text: str, words: tuple[tuple[str, str], ...]) -> str:
    for before, now in words:
        assert text.count(before) == 1, before
        text = text.replace(before, now)
    return text


def _tell(table: str) -> None:
    """Rows are never changed, and are told their keys all the same. Of two that stood apart by the word alone the one
    whose number has none keeps it, otherwise the first; nothing new is like the other's."""
    for of, own, typed, column in KEYS:
        if of != table:
            continue
        names = ("institution_id", *own, typed, column)
        found = sa.table(table, *(sa.column(name) for name in names))
        query = sa.select(found).where(found.c[column] != "").order_by(*(found.c[name] for name in names[:-2]))
        rows = op.get_bind().execute(query).all()
        taken = set() if table == _SHARED else {(row[0], row[-1]) for row in rows}
        for row in rows:
            key = _number(row[-2])
            if key and key != row[-1] and (row[0], key) not in taken:
                where = [found.c[name] == getattr(row, name) for name in names[:-2]]
                op.get_bind().execute(sa.update(found).where(*where).values({column: key}))
                if table != _SHARED:
                    taken.add((row[0], key))


def _number(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text.replace("№", "No.").replace("º", "o."))
    parted = ".".join(_plain(part) for part in re.split("[ .:。]", narrow))
    bare = re.sub(r"^(?:NO\.|\.)*", "", parted).replace(".", "")
    return re.sub("^(?:NO)+(?=[0-9])", "", bare) or _plain(narrow)


def _plain(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).upper()
    return "".join(sign for sign in narrow if sign.isascii() and sign.isalnum())


def _triggers(table: str) -> dict[str, str]:
    """SQLite's triggers of a table, the oldest first."""
    query = f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}' ORDER BY rowid"
    return {str(row[0]): str(row[1]) for row in op.get_bind().exec_driver_sql(query)}


def _run(statement: str) -> None:
    # Straight to the driver: "%" and ":" in these texts are no parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(statement)
