"""What must hold between outpatients' refunds, corrections, deposits, lists and the books, each as one question that
names what breaks it."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.domain.ledger.chart import outpatient_account
from hospital_prepay.domain.ledger.verification import Finding, Kind

# A refund is on its way, or has arrived, by one of its payments. What is still to be decided of the bank's answers
# changes neither: a payment answered otherwise stays as it was answered before.
_CLAIMS = """
SELECT c.refund_no FROM outpatient_claim c WHERE c.institution_id = :i AND (
  (c.state = 'sent') <> EXISTS (SELECT 1 FROM outpatient_payout p
    WHERE p.institution_id = c.institution_id AND p.claim_id = c.claim_id AND p.state = 'sent')
  OR (c.state = 'arrived') <> EXISTS (SELECT 1 FROM outpatient_payout p
    WHERE p.institution_id = c.institution_id AND p.claim_id = c.claim_id AND p.state = 'arrived'))
ORDER BY c.refund_no LIMIT :most
"""

# A payment that arrived, and one that came back since, has an entry of its own: the refund's, of its sum. What was
# paid too often stays failed, and its entry stands beside (1218:overpaid).
_PAYOUTS = """
SELECT c.refund_no, p.attempt_no, p.entry_no FROM outpatient_payout p
JOIN outpatient_claim c ON c.institution_id = p.institution_id AND c.claim_id = p.claim_id
LEFT JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
WHERE p.institution_id = :i AND (CASE WHEN p.state IN ('arrived', 'returned')
  THEN e.source = 'outpatient_claim:' || p.claim_id
    AND e.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid')
    AND p.amount_fen = (SELECT sum(l.credit_fen) FROM ledger_posting l
      WHERE l.institution_id = e.institution_id AND l.entry_no = e.entry_no)
    AND NOT EXISTS (SELECT 1 FROM outpatient_payout o WHERE o.institution_id = p.institution_id
      AND o.claim_id = p.claim_id AND o.attempt_no <> p.attempt_no AND o.entry_no = p.entry_no)
  ELSE p.entry_no IS NULL END) IS NOT TRUE
ORDER BY c.refund_no, p.attempt_no LIMIT :most
"""

# And each entry has the row that it was posted for. The bounds are letters, so that every collation has all of the
# outpatients' sources between them.
_ENTRIES = """
SELECT e.entry_no, e.kind FROM ledger_entry e
WHERE e.institution_id = :i AND e.source >= 'outpatient' AND e.source < 'outpatienu' AND NOT CASE
  WHEN e.kind IN ('outpatient_refund', 'outpatient_advance', 'outpatient_repaid')
    THEN EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = e.institution_id
        AND p.claim_id = substr(e.source, 18) AND p.entry_no = e.entry_no)
      OR EXISTS (SELECT 1 FROM ledger_entry r
        WHERE r.institution_id = e.institution_id AND r.reverses_no = e.entry_no)
  WHEN e.kind = 'outpatient_remittance' THEN EXISTS (SELECT 1 FROM outpatient_batch b
    WHERE b.institution_id = e.institution_id AND 'outpatient_batch:' || b.batch_no = e.source
      AND b.state = 'remitted')
  WHEN e.kind = 'outpatient_reimbursed' THEN EXISTS (SELECT 1 FROM outpatient_advance_list m
    WHERE m.institution_id = e.institution_id AND 'outpatient_advance_list:' || m.list_no = e.source
      AND m.state = 'reimbursed')
  WHEN e.kind = 'outpatient_correction' THEN EXISTS (SELECT 1 FROM outpatient_correction c
    WHERE c.institution_id = e.institution_id AND c.correction_id = substr(e.source, 23) AND c.state = 'approved')
  WHEN e.kind = 'outpatient_deposit' THEN EXISTS (SELECT 1 FROM outpatient_taken t
    WHERE t.institution_id = e.institution_id AND t.taken_id = substr(e.source, 18))
  ELSE TRUE END
ORDER BY e.entry_no LIMIT :most
"""

_LACKING: Final = {
    "outpatient_refund": "没有哪一次门诊退款写着它",
    "outpatient_advance": "没有哪一次门诊退款写着它",
    "outpatient_repaid": "没有哪一次门诊退款写着它",
    "outpatient_remittance": "记了上缴财政，它的上缴名单却没有登记缴款",
    "outpatient_reimbursed": "记了财政补回垫付，它的申请却没有登记补回",
    "outpatient_correction": "更正了门诊余额，它的更正却没有批准",
    "outpatient_deposit": "收了门诊预交金，却没有这一笔收款的登记",
}

_LISTS = """
SELECT m.list_no FROM outpatient_advance_list m WHERE m.institution_id = :i AND m.state = 'reimbursed'
  AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = m.institution_id
    AND e.source = 'outpatient_advance_list:' || m.list_no AND e.kind = 'outpatient_reimbursed')
ORDER BY m.list_no LIMIT :most
"""

_CORRECTIONS = """
SELECT c.account_no FROM outpatient_correction c WHERE c.institution_id = :i AND c.state = 'approved'
  AND c.change_fen <> 0 AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = c.institution_id
    AND e.source = 'outpatient_correction:' || c.correction_id AND e.kind = 'outpatient_correction')
ORDER BY c.account_no, c.correction_id LIMIT :most
"""

_TAKEN = """
SELECT t.account_no FROM outpatient_taken t WHERE t.institution_id = :i
  AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.institution_id = t.institution_id
    AND e.source = 'outpatient_taken:' || t.taken_id AND e.kind = 'outpatient_deposit')
ORDER BY t.account_no, t.taken_id LIMIT :most
"""

# What is frozen waits on a list; from the booking on it is remitted. That it isn't open is said for SQLite, which
# finds it in the index of those.
_FROZEN = """
SELECT o.account_no FROM outpatient_account o
WHERE o.institution_id = :i AND o.state = 'frozen' AND o.state <> 'open' AND NOT EXISTS (
  SELECT 1 FROM outpatient_batch_line l
  JOIN outpatient_batch b ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no
  WHERE l.institution_id = o.institution_id AND l.account_no = o.account_no AND b.state IN ('frozen', 'approved'))
ORDER BY o.account_no LIMIT :most
"""

# A frozen list's accounts are frozen, but for those that were claimed since it was proposed, or to which a refund
# came back: they left it. One that was approved goes whole, part by part. SQLite takes a cross join in the order in
# which it is written: the few living lists first, not every line that ever was.
_LISTED = """
SELECT l.batch_no, l.account_no FROM outpatient_batch b CROSS JOIN outpatient_batch_line l
JOIN outpatient_account o ON o.institution_id = l.institution_id AND o.account_no = l.account_no
WHERE b.institution_id = :i AND b.state IN ('frozen', 'approved', 'booked')
  AND l.institution_id = b.institution_id AND l.batch_no = b.batch_no AND o.state <> 'frozen' AND NOT CASE
  WHEN b.state = 'frozen' THEN EXISTS (SELECT 1 FROM outpatient_claim c
    WHERE c.institution_id = o.institution_id AND c.account_no = o.account_no AND (c.accepted_at >= b.proposed_at
      OR EXISTS (SELECT 1 FROM outpatient_payout p WHERE p.institution_id = c.institution_id
        AND p.claim_id = c.claim_id AND p.state = 'returned')))
  ELSE o.state IN ('remitted', 'reclaimed') END
ORDER BY l.batch_no, l.account_no LIMIT :most
"""

# An account of an approved list whose money was turned over, while nothing says so of itself: SQLite, which counts no
# accounts of an entry, lets it. And one that is gone, though this list turned nothing of it over.
_TURNED_OVER = """
SELECT l.batch_no, l.account_no FROM outpatient_batch b CROSS JOIN outpatient_batch_line l
JOIN outpatient_account o ON o.institution_id = l.institution_id AND o.account_no = l.account_no
CROSS JOIN ledger_account a
WHERE b.institution_id = :i AND b.state = 'approved' AND l.institution_id = b.institution_id
  AND l.batch_no = b.batch_no AND a.institution_id = l.institution_id
  AND a.account_id = '23050102:' || l.account_no
  AND CASE WHEN o.state = 'frozen' THEN a.balance_fen <> l.balance_fen
    WHEN o.state NOT IN ('remitted', 'reclaimed') THEN FALSE ELSE NOT EXISTS (
    SELECT 1 FROM ledger_posting p
    JOIN ledger_entry e ON e.institution_id = p.institution_id AND e.entry_no = p.entry_no
    WHERE p.institution_id = a.institution_id AND p.account_id = a.account_id AND p.debit_fen = l.balance_fen
      AND e.kind = 'outpatient_escheat' AND e.source = 'outpatient_batch:' || b.batch_no) END
ORDER BY l.batch_no, l.account_no LIMIT :most
"""

# One list at a time: what stands on two of them goes twice.
_TWICE = """
SELECT l.account_no, b.batch_no, o.batch_no AS other_no FROM outpatient_batch b
JOIN outpatient_batch o ON o.institution_id = b.institution_id AND o.batch_no > b.batch_no
CROSS JOIN outpatient_batch_line l
JOIN outpatient_batch_line m ON m.institution_id = l.institution_id AND m.batch_no = o.batch_no
  AND m.account_no = l.account_no
WHERE b.institution_id = :i AND b.state IN ('frozen', 'approved') AND o.state IN ('frozen', 'approved')
  AND l.institution_id = b.institution_id AND l.batch_no = b.batch_no
ORDER BY l.account_no LIMIT :most
"""


def outpatients_unsound(connection: sa.Connection, institution_id: str, most: int) -> list[Finding]:
    """Refunds beside their payments, and these, corrections, deposits and reimbursements beside their entries;
    accounts beside the lists for the treasury; ``most`` of each."""

    def ask(question: str) -> list[Any]:
        return list(connection.execute(sa.text(question), {"i": institution_id, "most": most}))

    def wrong(words: str, entry_no: int | None = None, account_no: str | None = None) -> Finding:
        account_id = None if account_no is None else outpatient_account(account_no, is_deposit=True)
        return Finding(
            Kind.OUTPATIENT_WRONG,
            institution_id,
            words,
            entry_no=entry_no,
            last_no=entry_no,
            account_id=account_id,
        )

    found = [wrong(f"门诊退款 {row.refund_no} 的状态与它的付款不符。") for row in ask(_CLAIMS)]
    found += [
        wrong(
            f"门诊退款 {row.refund_no} 第 {row.attempt_no} 次付款与它的凭证不符：没有凭证，不是它的凭证，"
            "金额不符，或者别的付款也写着这张凭证。",
            row.entry_no,
        )
        for row in ask(_PAYOUTS)
    ]
    found += [wrong(f"凭证 {row.entry_no} {_LACKING[row.kind]}。", row.entry_no) for row in ask(_ENTRIES)]
    found += [wrong(f"第 {row.list_no} 号垫付申请登记了财政补回，却没有凭证。") for row in ask(_LISTS)]
    found += [wrong(f"门诊账户 {row.account_no} 有批准了的更正，却没有凭证。") for row in ask(_CORRECTIONS)]
    found += [wrong(f"门诊账户 {row.account_no} 有登记了的收款，却没有凭证。") for row in ask(_TAKEN)]
    found += [
        wrong(f"门诊账户 {row.account_no} 待上缴，却不在上缴名单上。", account_no=row.account_no)
        for row in ask(_FROZEN)
    ]
    found += [
        wrong(
            f"门诊账户 {row.account_no} 在第 {row.batch_no} 批上缴名单上，账上却与名单不符。",
            account_no=row.account_no,
        )
        for row in ask(_TURNED_OVER)
    ]
    found += [
        wrong(
            f"门诊账户 {row.account_no} 同时在第 {row.batch_no} 批和第 {row.other_no} 批上缴名单上。",
            account_no=row.account_no,
        )
        for row in ask(_TWICE)
    ]
    return found + [
        wrong(
            f"门诊账户 {row.account_no} 在第 {row.batch_no} 批上缴名单上，状态却与名单不符。",
            account_no=row.account_no,
        )
        for row in ask(_LISTED)
    ]
