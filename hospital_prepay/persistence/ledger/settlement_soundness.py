"""What must hold between settlements, discharges and the books, each as one question that names what breaks it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.ledger.verification import Finding, Kind

# What is owed of a stay's refunds: every slip whose newest attempt that was sent came back.
_SENT_BACK = """
SELECT a.account_id FROM ledger_account a
WHERE a.institution_id = :i AND a.account_id >= '2307:stay:' AND a.account_id < '2307:stay;' AND a.balance_fen <> (
  SELECT coalesce(sum(r.amount_fen), 0) FROM receipt r JOIN refund_arrival b
    ON b.institution_id = r.institution_id AND b.book = r.book AND b.serial = r.serial
  WHERE r.institution_id = a.institution_id AND r.stay_no = substr(a.account_id, 11) AND b.state = 'failed'
    AND NOT EXISTS (SELECT 1 FROM refund_arrival n WHERE n.institution_id = b.institution_id AND n.book = b.book
      AND n.serial = b.serial AND n.attempt_no > b.attempt_no AND (n.state = 'sent' OR n.state = 'arrived'
        OR n.state = 'failed')))
ORDER BY a.account_id LIMIT :most
"""

# A settlement is what its entry moved, and is recalled by a red letter of that entry or not at all.
_SETTLEMENTS = """
SELECT t.stay_no, t.settlement_no FROM settlement t WHERE t.institution_id = :i AND (
  (t.total_fen > 0 AND (
    t.applied_fen <> (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = t.institution_id AND p.entry_no = t.entry_no
        AND p.account_id = '23050103:' || t.stay_no)
    OR t.shortfall_fen <> (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = t.institution_id AND p.entry_no = t.entry_no
        AND p.account_id = '12120203:' || t.stay_no)
    OR t.fund_fen + t.account_fen <> (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = t.institution_id AND p.entry_no = t.entry_no AND p.account_id = '12120201')
    OR -t.total_fen <> (SELECT coalesce(sum(p.debit_fen - p.credit_fen), 0) FROM ledger_posting p
      WHERE p.institution_id = t.institution_id AND p.entry_no = t.entry_no AND p.account_id = '121201')))
  OR (t.entry_no IS NOT NULL AND (t.recalled_at IS NOT NULL) <> EXISTS (SELECT 1 FROM ledger_entry r
    WHERE r.institution_id = t.institution_id AND r.reverses_no = t.entry_no
      AND (t.recalled_at IS NULL OR r.entry_no = t.recall_entry_no))))
ORDER BY t.stay_no, t.settlement_no LIMIT :most
"""

# What a stay owes is what its acts moved: settlements and their recalls, what was paid or given back, written off or
# brought back, and what came from the relief fund (the view arrears_move).
_ARREARS = """
SELECT a.account_id FROM ledger_account a
WHERE a.institution_id = :i AND a.account_id >= '12120203:' AND a.account_id < '12120203;' AND a.balance_fen <>
  coalesce((SELECT sum(m.moved_fen) FROM arrears_move m WHERE m.institution_id = a.institution_id
    AND m.stay_no = substr(a.account_id, 10)), 0)
ORDER BY a.account_id LIMIT :most
"""

# And each entry moved what its own act says.
_MOVED = """
SELECT p.entry_no, p.account_id FROM ledger_posting p
WHERE p.institution_id = :i AND p.account_id >= '12120203:' AND p.account_id < '12120203;'
GROUP BY p.entry_no, p.account_id HAVING sum(p.debit_fen - p.credit_fen) <> coalesce((
  SELECT sum(m.moved_fen) FROM arrears_move m WHERE m.institution_id = :i AND m.stay_no = substr(p.account_id, 10)
    AND m.entry_no = p.entry_no), 0)
ORDER BY p.entry_no, p.account_id LIMIT :most
"""

# A discharge is settled with a document that stands, at its moment or at one at which money of the stay was known to
# have arrived or was fetched. Beside a document it is settled, but where the arrival was asked for and a refund is
# awaited, or the discharge doesn't stand. It ends by a message, and stands while the stay is discharged at that time.
_DISCHARGES = """
SELECT d.stay_no FROM discharge d
JOIN stay s ON s.institution_id = d.institution_id AND s.stay_no = d.stay_no
WHERE d.institution_id = :i AND ((d.settled_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM settlement t
    WHERE t.institution_id = d.institution_id AND t.stay_no = d.stay_no AND t.discharged_at = d.discharged_at
      AND t.recalled_at IS NULL AND (t.settled_at = d.settled_at
        OR EXISTS (SELECT 1 FROM receipt r JOIN refund_arrival b ON b.institution_id = r.institution_id
            AND b.book = r.book AND b.serial = r.serial
          WHERE r.institution_id = t.institution_id AND r.stay_no = t.stay_no AND b.state = 'arrived'
            AND b.known_at = d.settled_at)
        OR EXISTS (SELECT 1 FROM unclaimed_deposit u WHERE u.institution_id = t.institution_id
          AND u.stay_no = t.stay_no AND u.state = 'paid' AND u.decided_at = d.settled_at))))
  OR (d.settled_at IS NULL AND EXISTS (SELECT 1 FROM settlement t
      JOIN decision k ON k.institution_id = t.institution_id AND k.decision_id = t.decision_id
    WHERE t.institution_id = d.institution_id AND t.stay_no = d.stay_no AND t.discharged_at = d.discharged_at
      AND t.recalled_at IS NULL AND (coalesce(CAST(k.readings AS TEXT), '') NOT LIKE '%"refund_arrived"%'
        OR (d.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM receipt r JOIN refund_arrival b
            ON b.institution_id = r.institution_id AND b.book = r.book AND b.serial = r.serial
          WHERE r.institution_id = t.institution_id AND r.stay_no = t.stay_no
            AND b.state IN ('asked', 'sent', 'failed') AND NOT EXISTS (SELECT 1 FROM refund_arrival n
              WHERE n.institution_id = b.institution_id AND n.book = b.book AND n.serial = b.serial
                AND n.attempt_no > b.attempt_no AND n.state <> 'dropped'))))))
  OR (d.ended_at IS NULL) <> (s.discharged_at IS NOT NULL AND s.discharged_at = d.discharged_at)
  OR (d.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM visit_message m
    WHERE m.institution_id = d.institution_id AND m.visit_no = d.stay_no AND m.state = 'applied'
      AND m.occurred_at = d.ended_at AND m.event IN ('update', CASE d.ended_by WHEN 'cancelled'
        THEN 'cancel_discharge' WHEN 'corrected' THEN 'discharge' ELSE 'cancel_admit' END))))
ORDER BY d.stay_no LIMIT :most
"""


def settlements_unsound(connection: sa.Connection, institution_id: str, most: int) -> list[Finding]:
    """Arrears that no act explains, settlements beside their entries, refunds beside what is owed on them, discharges
    beside documents and messages; ``most`` of each kind."""

    def ask(question: str) -> list[Any]:
        return list(connection.execute(sa.text(question), {"i": institution_id, "most": most}))

    def account(row: Any, what: str) -> Finding:
        words = f"科目 {row.account_id} {what}。"
        return Finding(Kind.BALANCE_WRONG, institution_id, words, account_id=row.account_id)

    found = [account(row, "与结算、补交、核销和救助的记录不符") for row in ask(_ARREARS)]
    found += [
        Finding(
            Kind.BALANCE_WRONG,
            institution_id,
            f"凭证 {row.entry_no} 动了欠费 {row.account_id}，与结算、补交、核销或救助的记录不符。",
            entry_no=row.entry_no,
            last_no=row.entry_no,
        )
        for row in ask(_MOVED)
    ]
    found += [
        Finding(
            Kind.SETTLEMENT_WRONG,
            institution_id,
            f"结算单 {row.stay_no}-{row.settlement_no} 与它的凭证不符，或者召回没有红字凭证。",
        )
        for row in ask(_SETTLEMENTS)
    ]
    found += [account(row, "与这次住院退回的退款不符") for row in ask(_SENT_BACK)]
    return found + [
        Finding(
            Kind.SETTLEMENT_WRONG,
            institution_id,
            f"住院号 {row.stay_no} 的出院：结算完成的时间与结算单不符，或者没有消息就取消、恢复了。",
        )
        for row in ask(_DISCHARGES)
    ]
