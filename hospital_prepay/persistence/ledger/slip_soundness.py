"""What must hold between slips, their books and the entries, each as one question that names what breaks it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.verification import Finding, Kind
from hospital_prepay.persistence.receipts import receipt_number

# A slip's amount is what its entry moved for the stay. One of cash on a second way (again) has the entry of that way,
# which took the amount off what came back (2307) and out of the drawer (1001).
_SLIPS = """
SELECT r.book, r.serial, r.entry_no FROM receipt r WHERE r.institution_id = :i AND (
  r.amount_fen <> (SELECT coalesce(abs(sum(p.credit_fen - p.debit_fen)), 0) FROM ledger_posting p
    WHERE p.institution_id = r.institution_id AND p.entry_no = r.entry_no
      AND (p.account_id = '23050103:' || r.stay_no AND r.kind NOT IN ('topup', 'again')
        OR p.account_id = '12120203:' || r.stay_no AND r.kind IN ('topup', 'void')
        OR p.account_id = '1001' AND r.kind = 'again'))
  OR (r.kind = 'again' AND (
    r.amount_fen <> (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = r.institution_id AND p.entry_no = r.entry_no
        AND p.account_id = '2307:stay:' || r.stay_no)
    OR NOT EXISTS (SELECT 1 FROM refund_arrival a JOIN receipt o ON o.institution_id = a.institution_id
        AND o.book = a.book AND o.serial = a.serial
      WHERE a.institution_id = r.institution_id AND a.entry_no = r.entry_no AND a.route = 'cash'
        AND a.state IN ('sent', 'arrived') AND o.stay_no = r.stay_no AND o.amount_fen = r.amount_fen))))
ORDER BY r.book, r.serial LIMIT :most
"""

# A book's slips count on without a gap.
_BOOKS = """
SELECT b.book FROM receipt_book b WHERE b.institution_id = :i AND b.last_serial <> (SELECT count(*) FROM receipt r
  WHERE r.institution_id = b.institution_id AND r.book = b.book AND r.serial > 0 AND r.serial <= b.last_serial)
ORDER BY b.book LIMIT :most
"""


def slips_unsound(connection: sa.Connection, institution_id: str, most: int) -> list[Finding]:
    """Slips that say something else than their entries, and books that lack slips; ``most`` of each."""

    def ask(question: str) -> list[Any]:
        return list(connection.execute(sa.text(question), {"i": institution_id, "most": most}))

    found = [
        Finding(
            Kind.SLIP_WRONG,
            institution_id,
            f"票据 {receipt_number(row.book, row.serial)} 与它的凭证 {row.entry_no} 不符。",
            entry_no=row.entry_no,
            last_no=row.entry_no,
        )
        for row in ask(_SLIPS)
    ]
    return found + [
        Finding(Kind.SLIP_WRONG, institution_id, f"票据本 {row.book} 缺票据：编号应连续，最后一号之前有不见了的。")
        for row in ask(_BOOKS)
    ]
